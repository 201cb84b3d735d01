from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fairpay.errors import InputError, UsageError
from fairpay.ledger.facts import PoolFacts
from fairpay.ledger.model import apportion
from fairpay.ledger.payees import read_aliases, read_taxes
from fairpay.ledger.pools import find_pool, key_columns, read_pools
from fairpay.ledger.splits import read_splits

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.ledger.pools import Pool


def written(place: Path, name: str, text: str) -> Path:
    """Write a table."""
    path = place / name
    path.write_text(text)
    return path


def pools(place: Path, *lines: str, header: str = "pool,territory,offering,gross") -> list[Pool]:
    """Read a pool file of these lines."""
    return read_pools(written(place, "pools.csv", "\n".join((header, *lines)) + "\n"), currency="EUR")


def test_a_chain_of_aliases_ends_at_its_last_id(tmp_path: Path) -> None:
    found = read_aliases(written(tmp_path, "a.csv", "wrong,right\na,b\nb,c\nz,c\n"))
    assert found == {"a": "c", "b": "c", "z": "c"}


def test_an_id_that_is_its_own_alias_has_no_effect(tmp_path: Path) -> None:
    found = read_aliases(written(tmp_path, "a.csv", "badid,goodid\na,a\nb,c\n"))
    assert found == {"b": "c"}


def test_aliases_in_a_circle_are_refused_and_the_circle_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        read_aliases(written(tmp_path, "a.csv", "wrong,right\na,b\nb,c\nc,a\nx,a\n"))
    assert [problem.where for problem in told.value.problems] == ["a -> b -> c -> a"]


GROSS, RATE = "gross,refund,deductions\n", "gross,currency,payout_currency,fx_rate\n"
SPLITS, THIRDS = "artist,track,payee,share\n", "artist,payee,share\na,r,1/3\na,p,1/3\na,q,1/3\n"
MORE = "the deductions are more than the gross revenue"
REFUSED = {
    SPLITS + "a,,p,1/3\na,,q,1/3\nb,,p,60%\nb,,q,0.41\nc,,p,1/3\nc,,q,2/3\n": [
        "the shares of artist a sum to 2/3, not 1",
        "the shares of artist b sum to 101/100, not 1",
    ],
    SPLITS + ",t,unmatched:x,1\n": ["the payee begins with a reserved word: unmatched:x"],
    SPLITS + "A,t,x,1\n,t,y,1\n": ["track t stands with an artist and without one"],
    GROSS + "-1,,\n": ["gross is below zero: -1; a month of refunds says so: refund yes"],
    GROSS + "1,perhaps,\n": ["refund is yes or no, not perhaps"],
    GROSS + "1,,x 2\n": [MORE],
    GROSS + "-1,yes,x -2\n": [MORE + " that was refunded"],
    GROSS + "1,,x -0.10\n": ["x is below zero"],
    GROSS + "0,,x 0.10\n": [MORE],
    "gross,refund,minimum_per_subscriber\n-1.00,yes,0.50\n": [
        "gross is below zero, and a minimum_per_subscriber would pay for refunds"
    ],
    RATE + "100.00,USD,EUR,0.9\n": [
        "an exchange rate needs payout_currency, fx_source and fx_date (2026-10-31), and is above zero"
    ],
}
"""Table -> what is wrong with it."""


def test_a_payee_who_stands_twice_is_told_though_a_rate_of_theirs_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        read_taxes(written(tmp_path, "t.csv", "payee,rate\np,x%\np,10%\n"))
    assert [(one.reason, one.where) for one in told.value.problems][-1] == ("a payee stands twice", "first at row 2")
    assert len(told.value.problems) == 2


@pytest.mark.parametrize("text", REFUSED)
def test_what_a_table_may_not_say_is_refused_by_its_reason(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, "t.csv", text)
    with pytest.raises(InputError) as told:
        read_splits(path) if text.startswith(SPLITS) else read_pools(path, currency="EUR")
    assert [problem.reason for problem in told.value.problems] == REFUSED[text]


@pytest.mark.parametrize("amount", [1, -1, 100, -100, 7, 10**17])
def test_splits_sum_to_what_is_split_whatever_its_sign(tmp_path: Path, amount: int) -> None:
    found = read_splits(written(tmp_path, "s.csv", THIRDS))
    parts = found.divide("a", amount)
    assert sum(part for _, part in parts) == amount
    assert parts == [(payee, -part) for payee, part in found.divide("a", -amount)]


def test_the_residue_of_a_split_goes_to_the_smaller_payee_id(tmp_path: Path) -> None:
    found = read_splits(written(tmp_path, "s.csv", THIRDS))
    assert found.divide("a", 100) == [("p", 34), ("q", 33), ("r", 33)]


def test_a_negative_amount_is_apportioned_as_the_mirror_of_the_positive() -> None:
    assert apportion(-100, [1, 1, 1]) == [-x for x in apportion(100, [1, 1, 1])] == [-34, -33, -33]


def test_every_bad_line_of_a_pool_file_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as told:
        pools(tmp_path, "a,DE,x,1e3", "b,US,x,-1", "b,FR,x,2", "b,FR,y,3", "c,FR,x,4")
    assert [(p.reason, p.where) for p in told.value.problems] == [
        ("'1e3' is not an amount", "first at row 1"),
        ("gross is below zero: -1; a month of refunds says so: refund yes", "first at row 2"),
        ("two pools have one name: b", "first at row 4"),
        ("two pools have one key: b and c", "first at row 5"),
    ]


def test_tax_that_is_included_is_taken_out_of_the_gross(tmp_path: Path) -> None:
    header = "gross,deductions,royalty_rate"
    pool = pools(tmp_path, "119.00,VAT 19% included; fee 10%; promotion 10.00,50%", header=header)[0]
    facts = PoolFacts.of(pool, "", subscribers=0)
    assert facts.deductions == {"VAT": "19", "fee": "10", "promotion": "10"}
    assert (facts.net, facts.base, facts.topup) == ("80", 4000, 0)


def test_a_minimum_per_subscriber_tops_the_royalty_up(tmp_path: Path) -> None:
    pool = pools(tmp_path, "100,10%,0.15", header="gross,royalty_rate,minimum_per_subscriber")[0]
    facts = PoolFacts.of(pool, "", subscribers=100)
    assert (facts.base, facts.topup, facts.whole) == (1000, 500, 1500)


def test_a_pool_is_exchanged_before_it_is_divided(tmp_path: Path) -> None:
    header = "gross,currency,payout_currency,fx_rate,fx_source,fx_date"
    pool = pools(tmp_path, "100.00,USD,JPY,149.995,ECB,2026-10-31", header=header)[0]
    facts = PoolFacts.of(pool, "", subscribers=0)
    assert (facts.currency, facts.whole) == ("JPY", 15000)


def test_amounts_stored_as_floats_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"pool": ["a"], "gross": [0.1]}), tmp_path / "p.parquet")
    with pytest.raises(InputError, match="not exact"):
        read_pools(tmp_path / "p.parquet", currency="EUR")


def test_pools_say_the_same_in_csv_parquet_and_toml(tmp_path: Path) -> None:
    pq.write_table(pa.table({"pool": ["a"], "gross": [Decimal("12.50")], "plan": ["x"]}), tmp_path / "p.parquet")
    written(tmp_path, "p.csv", "pool,gross,plan\na,12.50,x\n")
    written(tmp_path, "p.toml", '[[pool]]\nname = "a"\ngross = 12.50\nplan = "x"\n')
    one, two, three = (read_pools(tmp_path / f"p.{kind}", currency="EUR") for kind in ("csv", "parquet", "toml"))
    assert one == two == three


def test_the_pool_that_says_most_about_a_play_wins(tmp_path: Path) -> None:
    found = pools(tmp_path, "a,DE,x,1", "b,DE,,1", "c,,,1")
    columns = key_columns(found, ())
    assert [find_pool(found, columns, key) for key in (("DE", "x"), ("DE", "y"), ("US", "x"))] == [0, 1, 2]


def test_two_pools_that_fit_a_play_alike_are_refused(tmp_path: Path) -> None:
    found = pools(tmp_path, "a,DE,,1", "b,,x,1")
    with pytest.raises(InputError, match="a and b alike"):
        find_pool(found, key_columns(found, ()), ("DE", "x"))


def test_keys_that_do_not_tell_the_pools_apart_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not tell"):
        key_columns(pools(tmp_path, "a,DE,x,1", "b,DE,y,1"), ("country",))


def test_an_unknown_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="weather"):
        key_columns(pools(tmp_path, "a,DE,x,1"), ("weather",))


def test_ids_keep_the_space_around_them(tmp_path: Path) -> None:
    path = written(tmp_path, "s.csv", "artist,payee,share\nada ,x, 1 \n")
    assert read_splits(path).artists == {"ada ": (("x", Fraction(1)),)}
    assert read_aliases(written(tmp_path, "a.csv", "wrong,right\n a,b\n")) == {" a": "b"}


def test_a_space_behind_every_comma_of_the_header_is_how_the_file_is_written(tmp_path: Path) -> None:
    path = written(tmp_path, "s.csv", "artist, payee, share\nada, x, 1\n")
    assert read_splits(path).artists == {"ada": (("x", Fraction(1)),)}


def test_an_empty_table_is_said_to_be_empty(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.csv: the file is empty"):
        read_aliases(written(tmp_path, "a.csv", ""))
