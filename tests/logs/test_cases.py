"""Files as real exporters, spreadsheets and warehouses write them: each is paid right by hand, or refused in words."""

from __future__ import annotations

import bz2
import json
import lzma
import os
import threading
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from paying import file, paid

import fairpay
from fairpay.errors import FairpayError, InputError

if TYPE_CHECKING:
    from pathlib import Path

HALF = {"A7": "5.00", "B9": "5.00"}
THREE_TO_ONE = {"A7": "7.50", "B9": "2.50"}
SECONDS = "user,artist,seconds\nu1,A7,90\nu1,B9,30\n"


def parquet(path: Path, **columns: Any) -> Path:  # noqa: ANN401 - arrays
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)
    return path


SEMICOLONS = 'user; artist; seconds\nu1; "Finch, Nebula"; 90\nu1; Tin Harbor; 30\n'
COMMA = "\ufeffsep=;\nuser;artist;seconds\nu1;A7;1.800,0\nu1;B9;600,00\n"
SPACED = {"Finch, Nebula": "7.50", "Tin Harbor": "2.50"}
WHO = {"columns": {"user": "who.id", "artist": "what.singer.name"}}
WITHIN = [{"who": {"id": "u"}, "what": {"singer": {"name": name}}} for name in ("A7", "B9")]
DOTTED = [{"user": "u", "track_metadata.artist_name": name} for name in ("A7", "B9")]
POSITIONS = {"user": "1", "artist": "2", "plays": "3"}
EXPORT = [
    {"user_id": "7", "artist_id": "A7", "ms_played": "90000", "ts": "2025-03-01 10:00:00 UTC"},
    {"user_id": "7", "artist_id": "B9", "ms_played": "30000", "ts": "2025-03-31 23:59:59.5 UTC"},
    {"user_id": "7", "ms_played": "30000", "ts": "2025-03-31 23:59:59.5 UTC"},
]
SKIPPED = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
PACKED = pa.Codec("zstd").compress(SECONDS.encode()).to_pybytes()
PAID: dict[str, tuple[str, object, dict[str, Any], dict[str, str]]] = {
    "a separator line and decimal commas of a European spreadsheet": ("a.csv", COMMA, {"decimal": ","}, THREE_TO_ONE),
    "a space after each comma is no part of a field": ("a.csv", SEMICOLONS.replace(";", ","), {}, SPACED),
    "a space after each semicolon is no part of a field": ("a.csv", SEMICOLONS, {}, SPACED),
    "Hive writes no names, and nulls as backslash n": (
        "table/000000_0", "u1\x01A7\x013\nu1\x01B9\x011\nu1\x01\\N\x015\n",
        {"format": "csv", "header": False, "columns": POSITIONS}, THREE_TO_ONE,
    ),
    "bzip2": ("log/a.csv.bz2", bz2.compress(SECONDS.encode()), {}, THREE_TO_ONE),
    "xz": ("log/a.csv.xz", lzma.compress(SECONDS.encode()), {}, THREE_TO_ONE),
    "zstd": ("log/a.csv.zst", PACKED, {}, THREE_TO_ONE),
    "zstd that begins with a frame to be skipped": ("a.csv.zst", SKIPPED + PACKED, {}, THREE_TO_ONE),
    "values within objects of an array are named with a dot": ("b.json", WITHIN, WHO, HALF),
    "values within objects of lines are named with a dot": ("b.jsonl", WITHIN, WHO, HALF),
    "a key with a dot in an array is the key as it is written": ("a.json", DOTTED, {}, HALF),
    "a key with a dot in lines is the key as it is written": ("a.jsonl", DOTTED, {}, HALF),
    "a warehouse writes numbers as text and leaves keys out": (
        "a-000.json.gz", "\n".join(map(json.dumps, EXPORT)), {"since": "2025-03-01", "until": "2025-03-31"},
        THREE_TO_ONE,
    ),
    "line breaks in quotes between tabs": (
        "c.tsv", 'user\tartist\tplays\nu1\t"two\nlines"\t1\nu1\tB9\t1\n', {}, {"two\nlines": "5.00", "B9": "5.00"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("claim", PAID)
def test_files_as_programs_write_them_are_paid_by_hand(tmp_path: Path, claim: str) -> None:
    name, content, told, expected = PAID[claim]
    log = file(tmp_path / name, content)
    assert paid(log if log.parent == tmp_path else log.parent, **told) == expected


def test_day_first_dates_are_read_when_told_and_never_guessed(tmp_path: Path) -> None:
    rows = "user,artist,ts\nu,A7,03/02/2025 10:00\nu,B9,13.2.2025\nu,C3,03/03/2025 10:00\n"
    log = file(tmp_path / "a.csv", rows)
    february = {"since": "2025-02-01", "until": "2025-02-28"}
    assert paid(log, day_first=True, **february) == HALF
    with pytest.raises(InputError, match="3 of 3 rows cannot be used") as caught:
        paid(log, **february)
    assert "day_first=True" in caught.value.advice


def test_decimal_commas_that_were_not_told_and_those_that_are_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        paid(file(tmp_path / "a.csv", COMMA))
    assert caught.value.problems[0].reason == "seconds is not a number: 1.800,0"
    assert 'decimal=","' in caught.value.advice
    with pytest.raises(InputError) as caught:
        paid(file(tmp_path / "b.csv", "user;artist;seconds\nu1;A7;90.5\nu1;B9;30,0\n"), decimal=",")
    assert "not a decimal comma: 90.5" in caught.value.problems[0].reason


def test_payments_with_decimal_commas_are_read_when_told(tmp_path: Path) -> None:
    subscribers = file(tmp_path / "s.csv", "user;paid\nu1;9,99\n")
    log = file(tmp_path / "a.csv", SECONDS)
    assert paid(log, subscribers=str(subscribers), decimal=",") == {"A7": "7.49", "B9": "2.50"}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252", "cp437", "mac-roman"])
def test_text_in_another_encoding_is_read_when_told(tmp_path: Path, encoding: str) -> None:
    log = file(tmp_path / "a.csv", "user,artist,seconds\nu1,Café Nébula,90\nu1,B9,30\n".encode(encoding))
    assert paid(log, encoding=encoding) == {"Café Nébula": "7.50", "B9": "2.50"}
    with pytest.raises(InputError) as caught:
        paid(log)
    assert "encoding=" in caught.value.advice


def test_the_encoding_must_be_that_of_the_file(tmp_path: Path) -> None:
    log = file(tmp_path / "a.csv", "user,artist\nu1,Café\n".encode("latin-1"))
    with pytest.raises(InputError, match="not ascii text"):
        paid(log, encoding="ascii")


def test_rows_above_the_header_are_never_dropped_without_a_word(tmp_path: Path) -> None:
    log = file(tmp_path / "a.csv", "u1,A7,90\nu2,A7,90\nuser,artist,seconds\nv1,B9,30\n")
    with pytest.raises(InputError, match="2 lines above the header, which is line 3, look like rows"):
        paid(log)


def test_a_header_that_is_repeated_among_the_rows_is_no_play(tmp_path: Path) -> None:
    log = file(tmp_path / "a.csv", "user,artist\nu1,A7\nuser,artist\nu1,B9\n")
    with pytest.raises(InputError, match="1 of 3 rows cannot be used") as caught:
        paid(log)
    assert caught.value.problems[0].reason == "row repeats the header"
    assert caught.value.problems[0].where == "first at row 2"


def test_a_folder_of_files_without_extensions_is_read_in_the_format_told(tmp_path: Path) -> None:
    for name in ("part-1", "20250301_101010_00001", "_SUCCESS", ".part-1.crc"):
        file(tmp_path / "log" / name, SECONDS if name[0] not in "_." else "x")
    assert paid(tmp_path / "log", format="csv") == THREE_TO_ONE


def test_parquet_and_json_without_extension_are_known_by_their_first_bytes(tmp_path: Path) -> None:
    parquet(tmp_path / "p" / "000000_0", user=["u", "u"], artist=["A7", "B9"], seconds=[90, 30])
    assert paid(tmp_path / "p") == THREE_TO_ONE
    file(tmp_path / "j.gz", '{"user":"u","artist":"A7"}\n{"user":"u","artist":"B9"}\n')
    assert paid((tmp_path / "j.gz").rename(tmp_path / "j")) == HALF


def test_a_row_longer_than_what_is_looked_at_first_is_a_row(tmp_path: Path) -> None:
    long = file(tmp_path / "long.csv", "user,artist\nu1," + "x" * 1_200_000 + "\n")
    assert list(paid([long, file(tmp_path / "a.csv", "user,artist\nu2,A7\n")]).values()) == ["10.00", "10.00"]


LINES = '{"user":"u","artist":"A7"}\n{"user":"u","artist":"B9"}\n'
NO_ROWS = {
    "e.csv": "", "e.csv.gz": "", "h.csv": "user,artist\n", "e.jsonl": "", "e.json": "[]", "e.json.gz": " [ ]\n",
    "s.json.gz": "", "e.parquet": b"",
}  # fmt: skip


@pytest.mark.parametrize("name", [*NO_ROWS, "no rows.parquet"])
def test_a_part_without_rows_adds_nothing(tmp_path: Path, name: str) -> None:
    kind = name.split(".")[1]
    full = tmp_path / f"full.{kind}"
    if kind == "parquet":
        parquet(full, user=["u", "u"], artist=["A7", "B9"])
    else:
        file(full, "user,artist\nu,A7\nu,B9\n" if kind == "csv" else LINES)
    if name in NO_ROWS:
        part = file(tmp_path / name, NO_ROWS[name])
    else:
        part = parquet(tmp_path / name, user=pa.array([], pa.string()), artist=pa.array([], pa.string()))
    assert paid([part, full]) == paid([full, part]) == HALF


@pytest.mark.parametrize("unit", ["INT96", "us", "ms", "ns"])
def test_times_at_the_end_of_all_days_are_outside_the_period(tmp_path: Path, unit: str) -> None:
    far = datetime(9999, 12, 31, 23, 59, 59) if unit != "ns" else datetime(2262, 1, 1)  # noqa: DTZ001 - without a zone
    times = [datetime(2025, 3, 1), datetime(2025, 3, 31, 23, 59, 59), far]  # noqa: DTZ001 - the same
    table = pa.table({"user": ["u"] * 3, "artist": ["A7", "B9", "C3"], "ts": pa.array(times, pa.timestamp("us"))})
    if unit == "INT96":
        pq.write_table(table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True)
    else:
        schema = table.schema.set(2, pa.field("ts", pa.timestamp(unit)))
        pq.write_table(table.cast(schema), tmp_path / "a.parquet", version="2.6")
    assert paid(tmp_path / "a.parquet", since="2025-03-01", until="2025-03-31") == HALF
    assert paid(tmp_path / "a.parquet", until="2025-03-31") == HALF


def test_whole_decimals_are_ids_and_decimals_with_a_fraction_are_seconds(tmp_path: Path) -> None:
    ids = pa.array([Decimal(12345678901234567890123), Decimal(7)], pa.decimal128(38, 0))
    seconds = pa.array([Decimal("90.000"), Decimal("30.000")], pa.decimal128(38, 3))
    log = parquet(tmp_path / "a.parquet", user=pa.array([1, 1], pa.decimal128(38, 0)), artist=ids, seconds=seconds)
    assert paid(log) == {"12345678901234567890123": "7.50", "7": "2.50"}


def test_values_within_structs_are_named_with_a_dot(tmp_path: Path) -> None:
    pl.DataFrame(WITHIN).write_parquet(tmp_path / "a.parquet")
    assert paid(tmp_path / "a.parquet", **WHO) == HALF


SEVERAL = [
    {"user": "u1", "artists": ["A7", "B9"], "ms": 60_000},
    {"user": "u1", "artists": ["A7"], "ms": 30_000},
    {"user": "u2", "artists": ["A7", "B9", "C3"], "ms": 90_000},
    {"user": "u2", "artists": [], "ms": 90_000},
]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.parquet"])
@pytest.mark.parametrize(
    ("several", "expected"),
    [
        ("first", {"A7": "20.00"}),
        ("joined", {"A7, B9": "6.67", "A7": "3.33", "A7, B9, C3": "10.00"}),
        ("split", {"A7": "10.00", "B9": "6.67", "C3": "3.33"}),
    ],
)
def test_plays_of_several_artists_go_where_the_option_says(
    tmp_path: Path, name: str, several: str, expected: dict[str, str]
) -> None:
    log = tmp_path / name
    if log.suffix == ".parquet":
        pl.DataFrame(SEVERAL).write_parquet(log)
    else:
        file(log, SEVERAL)
    assert paid(log, several_artists=several) == expected


def test_parts_of_a_play_are_exact_and_a_row_stays_one_row(tmp_path: Path) -> None:
    result = fairpay.compare(file(tmp_path / "a.json", SEVERAL), fee="10.00", several_artists="split")
    listening = result.summary["listening"]
    assert (listening["rows"], listening["used"], listening["dropped"]) == (4, 3, {"without an artist": 1})
    assert listening["seconds"] == "180.000"


@pytest.mark.parametrize("name", ["one.jsonl", "one.ndjson", "one.json", "one.jsonl.gz"])
def test_one_line_of_json_is_one_row_whatever_lies_in_it(tmp_path: Path, name: str) -> None:
    row = {"user": "u1", "artist": "A7", "ms": 60000, "queue": [{"user": "u9", "artist": "Z", "ms": 90000}]}
    text = json.dumps(row)
    assert paid(file(tmp_path / name, text)) == {"A7": "10.00"}
    two = {**row, "user": "u2", "artist": "B9"}
    both = file(tmp_path / "both.jsonl", [row, two])
    assert paid(both) == {"A7": "10.00", "B9": "10.00"}


def test_a_column_that_json_shows_late_is_a_column_all_the_same(tmp_path: Path) -> None:
    plain = '{"user":"u1","artist":"A7"}\n' * 1500
    late = '{"user":"u1","artist":"A7","Play Count":1000}\n'
    for name, text in (("first.jsonl", late + plain), ("last.jsonl", plain + late)):
        with pytest.raises(InputError, match="1500 of 1501 rows cannot be used"):
            paid(file(tmp_path / name, text))


def test_a_key_that_is_spelt_two_ways_is_refused(tmp_path: Path) -> None:
    rows = [{"user": "u", "artist_name": "A7"}] * 1200 + [{"user": "u", "artistName": "B9"}]
    for log in (file(tmp_path / "a.jsonl", rows), file(tmp_path / "b.json", rows)):
        with pytest.raises(InputError, match="2 columns answer to the artist: artist_name, artistName"):
            paid(log)


SOURCES = {
    "plays": ("user,artist\nu2,A7\n", "user,artist,plays\nu3,A7,9\n", "has a column for the plays"),
    "seconds": ("user,artist,ms\nu2,A7,90000\n", "user,artist,seconds\nu3,A7,90\n", "has seconds instead"),
    "names": ("user,artist_id\nu2,A7\n", "user,artist_name\nu3,Nebula\n", "has ids of the artist"),
    "user names": ("user_id,artist\nu2,A7\n", "user_name,artist\nZoe,A7\n", "has ids of the user"),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_files_that_mean_different_things_are_refused_in_any_order(tmp_path: Path, kind: str) -> None:
    one, two, words = SOURCES[kind]
    files = [file(tmp_path / "a.csv", one), file(tmp_path / "b.csv", two), file(tmp_path / "c.csv", one)]
    said = set()
    for order in (files, files[::-1], [files[1], files[0], files[2]]):
        with pytest.raises(InputError, match=words) as caught:
            paid(order)
        said.add(caught.value.message)
        assert "a.csv" in caught.value.message
        assert "b.csv" in caught.value.message
    assert len(said) == 1


def test_two_currencies_in_one_file_of_payments_stop_the_run(tmp_path: Path) -> None:
    log = file(tmp_path / "a.csv", SECONDS)
    mixed = file(tmp_path / "s.csv", "user,paid,currency\nu1,9.99,EUR\nu2,109.00,SEK\n")
    with pytest.raises(InputError, match="in 2 currencies: EUR, SEK"):
        paid(log, subscribers=str(mixed))
    dollars = file(tmp_path / "usd.csv", "user,paid,Currency Code\nu1,9.99,usd\n")
    with pytest.raises(InputError, match="in USD, and this run is in EUR"):
        paid(log, subscribers=str(dollars))
    assert sum(Decimal(x) for x in paid(log, subscribers=str(dollars), currency="USD").values()) == Decimal("9.99")


@pytest.mark.parametrize(
    "header",
    [
        "Reporting Date\tSale Month\tStore\tArtist\tTitle\tISRC\tQuantity\tEarnings (USD)",
        "Sales Period\tPosted Date\tStore Name\tCountry Of Sale\tArtist\tRelease Title\t# Units Sold\tTotal Earned",
        "Artist\tTrack\tDSP\tUnits\tNet Revenue",
    ],
)
@pytest.mark.parametrize("told", [{}, {"user_from_file": True}])
def test_a_sales_statement_is_no_log(tmp_path: Path, header: str, told: dict[str, bool]) -> None:
    cells = "\t".join("x" if i else "2025-03" for i in range(header.count("\t") + 1))
    with pytest.raises(InputError, match=r"a sales statement of .*: it says what was earned, and not who listened"):
        paid(file(tmp_path / "statement.tsv", f"{header}\n{cells}\n"), **told)


def test_a_tab_file_quotes_or_does_not_whatever_the_order_of_its_rows(tmp_path: Path) -> None:
    quoted = 'u1\t"""Weird Al"" Yankovic"\n'
    rows = ["u1\tA7\n"] * 3
    for name, order in (("a.tsv", [quoted, *rows]), ("b.tsv", [*rows, quoted])):
        assert '"Weird Al" Yankovic' in paid(file(tmp_path / name, "user\tartist\n" + "".join(order)))


def test_quotes_quote_in_all_files_or_in_none(tmp_path: Path) -> None:
    bare = file(tmp_path / "a.tsv", 'user\tartist\nu1\t"Weird Al" Yankovic\n')
    closed = file(tmp_path / "b.tsv", 'user\tartist\nu1\t"B9"\n')
    together = file(tmp_path / "c.tsv", 'user\tartist\nu1\t"Weird Al" Yankovic\nu1\t"B9"\n')
    assert paid([bare, closed]) == paid([closed, bare]) == paid(together)


def test_a_pipe_is_read_like_a_file(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_text("user,artist,seconds\nu2,B9,60\n"))
    writer.start()
    assert paid([file(tmp_path / "a.csv", SECONDS), pipe]) == {"A7": "7.50", "B9": "12.50"}
    writer.join()


def test_folders_behind_links_are_read_once(tmp_path: Path) -> None:
    file(tmp_path / "elsewhere" / "a.csv", SECONDS)
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "log" / "linked" / "back").symlink_to(tmp_path / "log", target_is_directory=True)
    assert paid(tmp_path / "log") == THREE_TO_ONE


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", 'user,artist,seconds\nu1,"A7,90\n'),
        ("a.csv", "user,artist,seconds\nu1,A7,90\nu1,B9\xff,30\n".encode("latin-1")),
        ("a.jsonl", '{"user":"u","artist":"A7"}\n{"user":'),
        ("a.json", '[{"user":"u","artist":"A7"},'),
        ("a.parquet", b"PAR1 but nothing else PAR1"),
        ("a.csv.gz", b"\x1f\x8b\x08\x00 not gzip"),
        ("a.xlsx", b"PK\x03\x04 not a workbook"),
        ("a.zip", b"PK\x03\x04 not an archive"),
    ],
)
def test_damage_is_told_in_one_sentence_that_names_the_file(tmp_path: Path, name: str, content: str | bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(FairpayError) as caught:
        paid(path)
    assert path.name in caught.value.message
    assert "\n" not in caught.value.message
    assert caught.value.advice
