"""The terms a month is closed on: what deductions are of, refunds, and months in which nobody played."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from laying import by_payee, laid, late

from fairpay.errors import InputError
from fairpay.ledger.close import close
from fairpay.ledger.facts import PoolFacts
from fairpay.ledger.pools import read_pools
from fairpay.ledger.store import shelf
from fairpay.ledger.verify import verify_books
from fairpay.pipeline.request import Watch
from fairpay.settings.values import Reading

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.ledger.close import Closed
    from fairpay.ledger.closing import Closing

PLAYS = "user,artist\nu1,a\nu1,a\nu1,b\n"
NOBODY = "user,artist\n"


def taken(place: Path, deductions: str, *, gross: str = "119.00", edition: int = 2) -> dict[str, Fraction]:
    """What each deduction takes off."""
    (place / "pools.csv").write_text(f"gross,deductions,refund\n{gross},{deductions},yes\n")
    (pool,) = read_pools(place / "pools.csv", currency="EUR", edition=edition)
    return dict(pool.deductions)


def of_pool(place: Path, period: str, plays: str, pool: str, **asked: object) -> Closing:
    """Lay a month of one pool, to be closed into the books there."""
    pools = "pool,gross,refund,deductions,rule\np," + pool + ",market-centric\n"
    return laid(place / period, plays, period, pools=pools, books=place / "books", **asked)


def month(place: Path, period: str, plays: str, pool: str, **asked: object) -> Closed:
    """Close it."""
    return close(of_pool(place, period, plays, pool, **asked))


def booked(closed: Closed, *kinds: str) -> dict[tuple[str, str], int]:
    """(payee, kind) -> amount."""
    return {(row.payee, row.kind): row.amount for row in closed.rows if row.kind in kinds}


@pytest.mark.parametrize("deductions", ["VAT 19% included; store fee 30%", "store fee 30%; VAT 19% included"])
def test_a_percentage_is_of_the_price_without_vat_in_any_order(tmp_path: Path, deductions: str) -> None:
    assert taken(tmp_path, deductions) == {"VAT": 19, "store fee": 30}


def test_a_percentage_of_gross_is_of_the_gross(tmp_path: Path) -> None:
    found = taken(tmp_path, "VAT 19% included; store fee 30% of gross")
    assert found == {"VAT": 19, "store fee": Fraction(357, 10)}


def test_two_taxes_that_are_included_are_both_of_the_price(tmp_path: Path) -> None:
    assert taken(tmp_path, "GST 5% included; PST 7% included", gross="112.00") == {"GST": 5, "PST": 7}


def test_the_first_edition_takes_every_percentage_from_the_gross(tmp_path: Path) -> None:
    found = taken(tmp_path, "VAT 19% included; store fee 30%", edition=1)
    assert found == {"VAT": 19, "store fee": Fraction(357, 10)}


def test_a_month_of_the_first_edition_is_adjusted_as_it_was_closed(tmp_path: Path) -> None:
    terms = "119.00,,VAT 19% included; store fee 30%"
    first = month(tmp_path, "2026-07", PLAYS, terms, edition=1)
    assert sum(booked(first, "earned").values()) == 6430
    asked = of_pool(tmp_path, "2026-07", PLAYS, terms)
    assert close(asked).status == "already"
    assert by_payee(late(asked, log="user,artist\nu2,b\n").rows) == {"a": 3215 - 4287, "b": 3215 - 2143}
    more = late(asked, pools=asked.tables["pools"].read_text().replace("119.00", "238.00")).rows
    assert sum(row.amount for row in more) == 6430
    assert all(control.ok for control in verify_books(tmp_path / "books"))


def test_a_month_closed_now_divides_what_the_price_leaves_and_says_its_edition(tmp_path: Path) -> None:
    closed = month(tmp_path, "2026-07", PLAYS, "119.00,,VAT 19% included; store fee 30%")
    assert sum(booked(closed, "earned").values()) == 7000
    assert shelf(tmp_path / "books").months[0].books["options"]["edition"] == 2


def test_deductions_of_refunds_scale_and_come_back(tmp_path: Path) -> None:
    assert taken(tmp_path, "VAT 19% included; store fee 30%; promotion -5.00", gross="-119.00") == {
        "VAT": -19,
        "store fee": -30,
        "promotion": -5,
    }


def test_what_is_refunded_is_owed_by_shares_of_the_month_and_earned_back(tmp_path: Path) -> None:
    refunded = month(tmp_path, "2026-07", PLAYS, "-119.00,yes,VAT 19% included; store fee 30%")
    assert booked(refunded, "earned", "carry_out", "payable") == {
        ("a", "earned"): -4667,
        ("a", "carry_out"): -4667,
        ("b", "earned"): -2333,
        ("b", "carry_out"): -2333,
    }
    after = month(tmp_path, "2026-08", PLAYS, "72.00,,")
    assert booked(after, "carry_out", "payable") == {("a", "payable"): 133, ("b", "payable"): 67}
    assert all(control.ok for control in verify_books(tmp_path / "books"))


def test_a_month_in_which_nobody_played_carries_releases_and_holds_its_money(tmp_path: Path) -> None:
    terms = {"minimum_payment": "60.00", "reserve": "10%", "reserve_months": 1}
    month(tmp_path, "2026-07", PLAYS, "90.00,,", **terms)
    found = booked(month(tmp_path, "2026-08", NOBODY, "7.00,,", **terms), "carry_in", "reserve_release", "suspense")
    assert found == {
        ("a", "carry_in"): 5400,
        ("a", "reserve_release"): 600,
        ("b", "carry_in"): 2700,
        ("b", "reserve_release"): 300,
        ("unallocated:", "suspense"): 700,
    }
    assert all(control.ok for control in verify_books(tmp_path / "books"))


def test_late_plays_of_a_month_in_which_nobody_played_take_its_money_out_of_suspense(tmp_path: Path) -> None:
    asked = of_pool(tmp_path, "2026-07", NOBODY, "90.00,,")
    close(asked)
    assert by_payee(late(asked, log=PLAYS).rows) == {"unallocated:": -9000, "a": 6000, "b": 3000}


def test_a_log_without_a_row_is_warned_of_and_refused_where_warnings_are(tmp_path: Path) -> None:
    said: list[str] = []
    asked = of_pool(tmp_path, "2026-07", NOBODY, "90.00,,")
    close(asked, dry_run=True, watch=Watch(said.append))
    assert any("Nobody played in this month" in sentence for sentence in said)
    with pytest.raises(InputError):
        close(replace(asked, reading=Reading(strict=True)))


@pytest.mark.parametrize("plays", ["", "user\n"])
def test_a_log_without_a_header_or_an_artist_is_no_month_in_which_nobody_played(tmp_path: Path, plays: str) -> None:
    with pytest.raises(InputError):
        month(tmp_path, "2026-07", plays, "90.00,,")


def test_two_deductions_of_one_name_are_one_amount(tmp_path: Path) -> None:
    closed = month(tmp_path, "2026-07", PLAYS, "100.00,,fee 10%; fee 5.00")
    assert closed.facts.pools[0].deductions == {"fee": "15"}


def test_a_gross_of_2_to_the_62_minor_units_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pools.csv").write_text(f"gross,royalty_rate\n{2**62 // 100 + 1}.00,0\n")
    (pool,) = read_pools(tmp_path / "pools.csv", currency="EUR")
    with pytest.raises(InputError, match="2\\^62 minor units of EUR"):
        PoolFacts.of(pool, "", subscribers=0)
