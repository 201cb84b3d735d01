"""Tables beside the logs: ids with the same care as in logs, amounts exact in minor units, names of artists."""

from __future__ import annotations

import gzip
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reads import write

from fairpay.errors import InputError, Problem
from fairpay.logs.tables import read_artists, read_subscribers
from fairpay.money.currency import Currency

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EUR, JPY, KWD = Currency.of("EUR"), Currency.of("JPY"), Currency.of("KWD")


def read(path: Path, currency: Currency = EUR) -> list[tuple[str, int]]:
    found = []
    for users, paid in read_subscribers(path, currency):
        found.extend(zip(users.cast(pa.string()).to_pylist(), paid.tolist(), strict=True))
    return found


@pytest.mark.parametrize("header", ["user,paid", "user_id,fee", "Subscriber;Amount", "customer\tprice"])
def test_amounts_are_minor_units(tmp_path: Path, header: str) -> None:
    separator = next(c for c in ",;\t" if c in header)
    text = f"{header}\n08001,9.99\nu2,0\nu3,12\n".replace(",", separator)
    assert read(write(tmp_path / "s.csv", text)) == [("08001", 999), ("u2", 0), ("u3", 1200)]


@pytest.mark.parametrize(
    ("currency", "paid", "minor"), [(JPY, "980", 980), (KWD, "980", 980_000), (KWD, "1.005", 1005)]
)
def test_currencies_have_their_own_digits(tmp_path: Path, currency: Currency, paid: str, minor: int) -> None:
    assert read(write(tmp_path / "s.csv", f"user,paid\nu,{paid}\n"), currency) == [("u", minor)]


@pytest.mark.parametrize(
    "paid",
    [
        pa.array([9.99, 0.07]),
        pa.array([9.99, 0.07], pa.float32()),
        pa.array([Decimal("9.99"), Decimal("0.07")]),
        pa.array(["9.99", "0.07"]),
        pa.array(["9.99", "0.07"]).dictionary_encode(),
    ],
)
def test_parquet_amounts_of_every_type(tmp_path: Path, paid: pa.Array) -> None:
    pq.write_table(pa.table({"user": [1, 2], "paid": paid}), tmp_path / "s.parquet")
    assert read(tmp_path / "s.parquet") == [("1", 999), ("2", 7)]


@pytest.mark.parametrize(("name", "packed"), [("paid.csv", bytes), ("paid.csv.gz", gzip.compress)])
def test_a_table_in_utf_16_says_so_itself(tmp_path: Path, name: str, packed: Callable[[bytes], bytes]) -> None:
    (tmp_path / name).write_bytes(packed("user,paid\nZoë,9.99\n".encode("utf-16")))
    assert read(tmp_path / name) == [("Zoë", 999)]


def test_every_unusable_line_is_counted_at_once(tmp_path: Path) -> None:
    lines = ["u1,9.99", "u2,-1", ",5", "u4,", "u5,free", "u6,0.005", "u7,1,2", "u8,-2"]
    path = write(tmp_path / "s.csv", "user,paid\n" + "\n".join(lines))
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.message.endswith("s.csv: 7 of 8 subscribers cannot be used")
    assert caught.value.problems == (
        Problem(2, "paid is negative", "first at row 2"),
        Problem(1, "user is empty", "first at row 3"),
        Problem(1, "paid is empty", "first at row 4"),
        Problem(1, "paid is not an amount: free", "first at row 5"),
        Problem(1, "paid is finer than EUR allows (2 digits): 0.005", "first at row 6"),
        Problem(1, "row has more fields than the header", "first at row 7"),
    )


def test_a_decimal_comma_is_explained(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read(write(tmp_path / "s.csv", "user;paid\nu;9,99\n"))
    assert "9,99 is 9.99" in caught.value.advice


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("s.csv", "", "the file is empty"),
        ("s.csv", "user,paid\n", "no subscriber"),
        (
            "s.csv",
            "user,minutes\nu,1\n",
            "no column for the amount paid: looked for paid, .*; the columns are user, min",
        ),
        ("s.csv", "person,paid\nu,1\n", "no column for the user"),
        ("s.parquet", b"PAR1", "cannot be read"),
        ("s.json", b"[]", "the file is empty"),
        ("s.xlsx", b"PK", "the workbook cannot be read"),
    ],
)
def test_a_file_without_subscribers_is_refused(tmp_path: Path, name: str, content: str | bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        read(write(tmp_path / name, content))


def test_a_total_below_the_subscribers_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", "user,paid\nu1,10.00\nu2,5.00\nTotal,15.00\n")
    with pytest.raises(InputError) as caught:
        list(read_subscribers(path, EUR))
    assert [(p.count, p.reason, p.where) for p in caught.value.problems] == [
        (1, "this line is the total of the others, not a subscriber", "first at row 3")
    ]


def test_a_subscriber_may_be_called_total(tmp_path: Path) -> None:
    path = write(tmp_path / "s.csv", "user,paid\nu1,10.00\nu2,5.00\nTotal,10.00\n")
    assert sum(int(paid.sum()) for _, paid in read_subscribers(path, EUR)) == 2500


def test_float_ids_bytes_that_are_no_text_and_dates_for_amounts_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.parquet"
    pq.write_table(pa.table({"user": [1.5], "paid": [1]}), path)
    with pytest.raises(InputError, match="ids are text or whole numbers"):
        read(path)
    pq.write_table(pa.table({"user": [b"\xff"], "paid": [1]}), path)
    with pytest.raises(InputError, match="cannot be read: invalid utf8"):
        read(path)
    pq.write_table(pa.table({"user": ["u"], "paid": pa.array([0], pa.date32())}), path)
    with pytest.raises(InputError, match="not of numbers"):
        read(path)


@pytest.mark.parametrize("header", ["artist,name", "artist_id,artist_name", "id,name", "Artist ID,Artist"])
def test_artists_are_known_by_the_usual_names_of_ids_and_names(tmp_path: Path, header: str) -> None:
    frame = read_artists(write(tmp_path / "a.csv", f"{header}\n08001,Nils Frahm\n7,Ólafur\n"))
    assert frame.rows() == [("08001", "Nils Frahm"), ("7", "Ólafur")]
    assert frame.columns == ["artist", "name"]


def test_other_columns_of_artists_are_kept_as_text(tmp_path: Path) -> None:
    frame = read_artists(write(tmp_path / "a.csv", "artist,name,Genre,label\n1,A,jazz,\n"))
    assert frame.to_dicts() == [{"artist": "1", "name": "A", "genre": "jazz", "label": None}]
    pq.write_table(pa.table({"artist": [8], "name": ["A"], "followers": [5]}), tmp_path / "a.parquet")
    assert read_artists(tmp_path / "a.parquet").rows() == [("8", "A", "5")]


def test_two_columns_without_a_header_are_ids_and_names(tmp_path: Path) -> None:
    frame = read_artists(write(tmp_path / "a.txt", '1240105\tAndré Visior\n8\t"Weird Al" Yankovic\n'))
    assert frame.rows() == [("1240105", "André Visior"), ("8", '"Weird Al" Yankovic')]


@pytest.mark.parametrize("step", [1, -1])
def test_an_artist_that_comes_twice_does_not_depend_on_the_order_of_rows(tmp_path: Path, step: int) -> None:
    lines = ["1,B", "1,A", "2,C", ",D", "1,"][::step]
    frame = read_artists(write(tmp_path / "a.csv", "artist,name\n" + "\n".join(lines)))
    assert frame.rows() == [("1", "A"), ("2", "C")]


def test_a_file_without_artists_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column for the artist id"):
        read_artists(write(tmp_path / "a.csv", "who,what,where\n1,2,3\n"))
