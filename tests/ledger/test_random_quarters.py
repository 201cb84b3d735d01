"""Random quarters: whatever happens, the books agree with a model of accounts that sum to zero."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from naive_books import Month, World, naive_earn

from fairpay.ledger.adjust import Correction, adjust
from fairpay.ledger.balances import balances
from fairpay.ledger.close import close
from fairpay.ledger.closing import Closing, load
from fairpay.ledger.sorting import Exclusions
from fairpay.ledger.store import shelf
from fairpay.ledger.verify import verify_books
from fairpay.pipeline.request import Watch

if TYPE_CHECKING:
    from fairpay.ledger.model import Ledger

PERIODS = ("2026-11", "2026-12", "2027-01")
ARTISTS, USERS, PAYEES = ("a", "b", "c", "d"), ("u1", "u2", "u3"), ("a", "p", "q")
SPLITS = {
    "b": {"p": Fraction(1, 3), "q": Fraction(2, 3)},
    "c": {"a": Fraction(1, 7), "p": Fraction(3, 7), "q": Fraction(3, 7)},
}
FEW = settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
MANY = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

Play = tuple[str, str, str, int]


@dataclass(frozen=True)
class Drawn:
    """One month as it is drawn."""

    plays: tuple[Play, ...]
    gross: tuple[int, int]
    rules: tuple[str, str]
    known: frozenset[str]
    holds: frozenset[str]
    advance: int
    fraud: str | None
    """A user who turns out to be none in the month after."""
    undone: bool
    """Whether that is taken back at once."""


plays = st.lists(
    st.tuples(st.sampled_from(USERS), st.sampled_from(ARTISTS), st.sampled_from(("DE", "US", "FR")), st.integers(1, 9)),
    min_size=1,
    max_size=8,
).map(tuple)
rule = st.sampled_from(("market-centric", "user-centric"))
months = st.builds(
    Drawn,
    plays=plays,
    gross=st.tuples(st.integers(0, 10_000), st.integers(0, 500)),
    rules=st.tuples(rule, rule),
    known=st.frozensets(st.sampled_from(ARTISTS)),
    holds=st.frozensets(st.sampled_from(PAYEES)),
    advance=st.integers(0, 3_000),
    fraud=st.none() | st.sampled_from(USERS),
    undone=st.booleans(),
)
quarters = st.lists(months, min_size=1, max_size=3)


def closing(place: Path, period: str, drawn: Drawn, advances: dict[str, int]) -> Closing:
    """Write a month's files, and say what is asked."""
    own = place / period
    own.mkdir()
    de, jp = drawn.gross
    tables = {
        "pools": "pool,territory,offering,gross,currency,rule\n"
        f"eur,DE,x,{de // 100}.{de % 100:02d},EUR,{drawn.rules[0]}\njpy,US,x,{jp},JPY,{drawn.rules[1]}\n",
        "splits": "artist,payee,share\n" + "".join(f"{a},{p},{s}\n" for a, ps in SPLITS.items() for p, s in ps.items()),
        "artists": "artist\n" + "".join(f"{artist}\n" for artist in sorted(drawn.known)),
        "holds": "payee,reason\n" + "".join(f"{payee},why not\n" for payee in sorted(drawn.holds)),
        "advances": "payee,amount,currency,period\n"
        + "".join(f"p,{units // 100}.{units % 100:02d},EUR,{month}\n" for month, units in advances.items()),
    }
    for name, content in tables.items():
        (own / f"{name}.csv").write_text(content)
    lines = [f"{user},{artist},{country},x,{count}\n" for user, artist, country, count in drawn.plays]
    (own / "plays.csv").write_text("user,artist,country,plan,plays\n" + "".join(lines))
    (own / "fraud.csv").write_text(f"user\n{drawn.fraud}\n")
    return Closing(
        period=period,
        books=place / "books",
        logs=(str(own / "plays.csv"),),
        tables={name: own / f"{name}.csv" for name in tables},
        minimum_payment="EUR=10.00,JPY=1000",
    )


def month_of(asked: Closing, drawn: Drawn, *, without: str | None = None) -> Month:
    """The same for the model."""
    exclusions = Exclusions({("user",): frozenset({without})} if without else {})
    earned = naive_earn(asked, replace(load(asked), exclusions=exclusions), Watch())
    amounts = {
        pool.revenue.currency.code: pool.paid.by_source() or {"unallocated:": pool.revenue.pool}
        for pool in earned.pools
    }
    return Month(earned=amounts, splits=SPLITS, known=drawn.known)


def live(place: Path, quarter: list[Drawn]) -> tuple[World, list[Ledger]]:
    """Live through a quarter in the books and in the model."""
    world, ledgers = World(), []
    advances: dict[str, int] = {}
    owing: dict[tuple[str, str], int] = {}
    for period, drawn in zip(PERIODS, quarter, strict=False):
        advances[period] = drawn.advance
        asked = closing(place, period, drawn, advances)
        month = close(asked, divide=naive_earn)
        ledgers.append(month.rows)
        lived = month_of(asked, drawn)
        paid = {("p", "EUR"): sum(advances.values())}
        minimum = {"EUR": 1_000, "JPY": 1_000}
        world.live(Month(lived.earned, SPLITS, drawn.known, drawn.holds, minimum, advances=paid, adjusted=owing))
        owing = correct(asked, drawn, lived)
    return world, ledgers


def correct(asked: Closing, drawn: Drawn, lived: Month) -> dict[tuple[str, str], int]:
    """Take a user's plays out of a closed month, and perhaps put them back; return what the model says is owed."""
    if drawn.fraud is None:
        return {}
    booked = adjust(asked, Correction(exclude=(asked.tables["pools"].with_name("fraud.csv"),)), divide=naive_earn)
    if drawn.undone:
        adjust(asked, Correction(undo=booked.run_id), divide=naive_earn)
        return {}
    before, after = lived.credited(), month_of(asked, drawn, without=drawn.fraud).credited()
    return {key: after.get(key, 0) - before.get(key, 0) for key in before.keys() | after.keys()}


def ends(ledgers: list[Ledger]) -> dict[str, dict[tuple[str, str], int]]:
    """Where the books say that money stands in the end."""
    left = balances(ledgers)
    bank: dict[tuple[str, str], int] = {}
    waits: dict[tuple[str, str], int] = {}
    for row in (row for rows in ledgers for row in rows if row.kind == "payable"):
        bank[row.payee, row.currency] = bank.get((row.payee, row.currency), 0) + row.amount
    for payee, currency, amount in left.suspense.select("payee", "currency", "amount").iter_rows():
        waits[payee, currency] = waits.get((payee, currency), 0) + amount
    back: dict[tuple[str, str], int] = {}
    for (_, payee, currency), amount in left.earned_back.items():
        back[payee, currency] = back.get((payee, currency), 0) + amount
    return {
        "bank": bank,
        "suspense": {key: amount for key, amount in waits.items() if amount},
        "payee": {(p, c): amount for p, c, amount in left.carried.select("payee", "currency", "amount").iter_rows()},
        "advance": back,
    }


@pytest.mark.usefixtures("_no_waiting_for_the_disk")
@FEW
@given(quarter=quarters)
def test_the_books_agree_with_double_entry(quarter: list[Drawn]) -> None:
    with tempfile.TemporaryDirectory() as place:
        world, ledgers = live(Path(place), quarter)
        assert sum(world.accounts.values()) == 0
        for what, found in ends(ledgers).items():
            assert found == world.standing(what), what
        assert [control for control in verify_books(Path(place) / "books") if not control.ok] == []


@pytest.mark.nightly
@pytest.mark.usefixtures("_no_waiting_for_the_disk")
@MANY
@given(quarter=quarters)
def test_many_quarters_agree_with_double_entry(quarter: list[Drawn]) -> None:
    with tempfile.TemporaryDirectory() as place:
        world, ledgers = live(Path(place), quarter)
        for what, found in ends(ledgers).items():
            assert found == world.standing(what), what


@pytest.mark.usefixtures("_no_waiting_for_the_disk")
@FEW
@given(quarter=quarters.filter(lambda drawn: drawn[0].fraud is not None))
def test_a_month_and_the_adjustment_undone_are_zero_for_every_payee(quarter: list[Drawn]) -> None:
    first = quarter[0]
    with tempfile.TemporaryDirectory() as place:
        asked = closing(Path(place), PERIODS[0], first, {})
        close(asked, divide=naive_earn)
        change = Correction(exclude=(asked.tables["pools"].with_name("fraud.csv"),))
        booked = adjust(asked, change, divide=naive_earn)
        adjust(asked, Correction(undo=booked.run_id), divide=naive_earn)
        there, back = (entry.ledger() for entry in shelf(asked.books).adjustments)
        assert [(r.pool, r.payee, r.currency, -r.amount) for r in there] == [
            (r.pool, r.payee, r.currency, r.amount) for r in back
        ]


@pytest.mark.usefixtures("_no_waiting_for_the_disk")
@FEW
@given(drawn=months, cut=st.integers(0, 8))
def test_the_order_of_log_files_changes_no_byte(drawn: Drawn, cut: int) -> None:
    with tempfile.TemporaryDirectory() as place:
        ledgers = []
        for turn in (False, True):
            own = Path(place) / str(turn)
            own.mkdir()
            asked = closing(own, PERIODS[0], drawn, {})
            header, *lines = Path(asked.logs[0]).read_text().splitlines(keepends=True)
            names = [own / "one.csv", own / "two.csv"]
            for name, part in zip(names, (lines[:cut], lines[cut:]), strict=True):
                name.write_text(header + "".join(part))
            logs = tuple(str(name) for name in (reversed(names) if turn else names))
            close(Closing(asked.period, asked.books, logs, asked.tables), divide=naive_earn)
            ledgers.append((asked.books / asked.period / "ledger.parquet").read_bytes())
        assert ledgers[0] == ledgers[1]
