"""Penalties in the books: the rows that charge payees and share what is charged, their control, and their file."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import InputError, Problem
from fairpay.ledger.model import TYPES, Kind, Ledger, by, in_words, summed, wide
from fairpay.ledger.payees import UNALLOCATED
from fairpay.ledger.splits import divide_lines
from fairpay.money.counts import counted
from fairpay.money.currency import format_units, round_half_even
from fairpay.money.rounding import largest_remainder
from fairpay.reports.outcome import Control

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fairpay.ledger.facts import Earned, MonthFacts, PoolFacts
    from fairpay.ledger.model import Booking
    from fairpay.ledger.payees import Routing

__all__ = ["PENALTIES", "penalty_control", "penalty_records", "penalty_rows"]

PENALTIES = (Kind.PENALTY, Kind.PENALTY_SHARE)
LINE = {
    **{name: TYPES[name] for name in ("pool", "currency", "scale")},
    "source": pl.Categorical(),
    "amount": pl.Int64(),
}
ROW = ("pool", "payee", "currency", "scale", "counterparty")


def penalty_rows(earned: Earned, routing: Routing, booking: Booking) -> Iterator[Ledger]:
    """Charge the payees of artists by their splits; what is charged goes to all whom the pool pays, in proportion.

    Raises:
        InputError: an artist who is charged has no payee.

    """
    facts = earned.facts
    if not facts.penalties:
        return
    pools = {pool.name: pool for pool in facts.pools}
    unknown = sorted(
        {one.source for one in facts.penalties if one.charged and routing.account(one.source) != one.source}
    )
    if unknown:
        message = f"{counted(len(unknown), 'artist')} to be charged for excluded plays without a payee"
        problem = Problem(len(unknown), "unmatched or unclaimed", f"{unknown[0]} among them")
        advice = "Put these into --artists or --splits; or give each a line (artist, keep) with a penalty of 0%."
        raise InputError(message, problems=[problem], advice=advice)
    lines = lines_of((pools[one.pool], one.source, -one.charged) for one in facts.penalties)
    yield of_payees(lines, routing, booking, Kind.PENALTY)
    if facts.penalty_to == "pool":
        shares = lines_of(shared(earned))
        yield of_payees(shares, routing, booking, Kind.PENALTY_SHARE)


def shared(earned: Earned) -> Iterator[tuple[PoolFacts, str, int]]:
    """What each artist gets of its pool's penalties; where a pool pays nobody, they are unallocated as the pool is."""
    charged = earned.facts.charged
    for pool, paid in earned.pools:
        whole = charged.get(pool.name, 0)
        if whole and len(paid):
            parts = largest_remainder(paid.amounts, whole).tolist()
            yield from (
                (pool, source, part) for source, part in zip(paid.sources.to_pylist(), parts, strict=True) if part
            )
        elif whole:
            yield pool, UNALLOCATED, whole


def lines_of(amounts: Iterable[tuple[PoolFacts, str, int]]) -> pl.DataFrame:
    """One line for each amount of a source."""
    rows = [(pool.name, pool.currency, pool.scale, source, amount) for pool, source, amount in amounts]
    return pl.DataFrame(rows, schema=LINE, orient="row")


def of_payees(lines: pl.DataFrame, routing: Routing, booking: Booking, kind: Kind) -> Ledger:
    """Book amounts on payees, by the splits of their sources; a penalty names the source."""
    names = lines["source"].unique().cast(pl.String).to_list()
    accounts = {name: name if name == UNALLOCATED else routing.account(name) for name in names}
    divided = [name for name, account in accounts.items() if account == name and name in routing.splits]
    numbered = lines.with_row_index("line")
    several = numbered.filter(pl.col("source").is_in(divided))
    own = numbered.join(several, on="line", how="anti").with_columns(
        payee=pl.col("source").cast(pl.String).replace(accounts).cast(pl.Categorical)
    )
    parts = divide_lines(several.select("line", "source", "amount"), routing.splits)
    found = pl.concat([
        own.select("line", "payee", wide()),
        parts.select("line", "payee", wide()),
    ]).join(numbered.drop("amount"), on="line")  # fmt: skip
    of = pl.col("source") if kind is Kind.PENALTY else pl.lit("", pl.Categorical)
    return booking.rows(summed(found.with_columns(counterparty=of), *ROW), kind)


def penalty_control(rows: Ledger, facts: MonthFacts) -> Iterator[Control]:
    """Every charge is the stated part of what excluded plays would have earned, and all of it is shared, or kept."""
    charged, shares = (rows.of_kinds({kind}).frame for kind in PENALTIES)
    if not facts.penalties and charged.is_empty() and shares.is_empty():
        return
    expected: dict[tuple[str, str], int] = {}
    for one in facts.penalties:
        key = one.pool, one.source
        expected[key] = expected.get(key, 0) - one.charged
    wrong = sum(one.charged != round_half_even(Fraction(one.share) * one.earned) for one in facts.penalties)
    found = by(charged, "pool", "counterparty")
    wrong += sum(found.get(key, 0) != expected.get(key, 0) for key in found.keys() | expected.keys())
    given = facts.charged if facts.penalty_to == "pool" else {}
    got = {pool: amount for (pool,), amount in by(shares, "pool").items()}
    wrong += sum(got.get(pool, 0) != given.get(pool, 0) for pool in got.keys() | given.keys())
    sums = f"{in_words(charged)} charged, {in_words(shares)} shared"
    yield Control(
        "penalties", not wrong, f"{counted(len(facts.penalties), 'penalty', 'penalties')}, {sums}; {wrong:,} off"
    )


def penalty_records(facts: MonthFacts) -> list[dict[str, str]]:
    """A line for each penalty, with amounts in major units: what `penalties.csv` holds."""
    pools = {pool.name: pool for pool in facts.pools}
    return [
        {
            "pool": one.pool,
            "artist": one.source,
            "share": one.share,
            "would_have_earned": format_units(one.earned, pools[one.pool].scale),
            "charged": format_units(one.charged, pools[one.pool].scale),
            "currency": pools[one.pool].currency,
            "to": facts.penalty_to,
        }
        for one in facts.penalties
    ]
