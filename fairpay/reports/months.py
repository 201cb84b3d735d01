"""Several months, each a pool of its own: what they come to together, and the table that has them side by side."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.money.currency import LARGEST
from fairpay.money.rounding import Allocation, largest_remainder
from fairpay.reports.figures import BOUNDS, shift, spread, tiers
from fairpay.reports.outcome import Payout
from fairpay.reports.tables import (
    SECOND_DIGITS,
    ColumnKind,
    TableColumn,
    by_payout,
    currency_of,
    decimals,
    free_name,
    shares,
    table_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.reports.outcome import ListeningTotals, Money, MonthOutcomes, Outcome

__all__ = ["best_paid", "month_table", "united"]

FINE = 2**20


def united(months: MonthOutcomes, listening: ListeningTotals) -> Outcome:
    """Add months up: each artist's plays, time and payouts. Medians, and whom heavy listeners steer, are not told.

    An artist's listeners are not told either: nobody has counted who listened in several months. The fan intensity
    weighs each month by its pool, so that it is the reason of the sums.

    Args:
        months: each settled by itself.
        listening: what was read in all.

    """
    several = months.outcomes
    first = several[0]
    ids = pl.concat([pl.Series("id", one.artist, pl.String) for one in several]).unique().sort()
    artist = ids.to_arrow().cast(pa.large_string())
    total = sum(one.money.pool for one in several)
    scale = max(1, min(FINE, LARGEST // max(1, total)))

    def added(values: Callable[[Outcome], Ints]) -> Ints:
        out = np.zeros(len(artist), dtype=np.int64)
        for one in several:
            out += spread(values(one), one.artist, artist)
        return out

    def payout(place: int) -> Payout:
        rule, found = first.payouts[place].rule, [one.payouts[place].allocation for one in several]
        paid, withheld = (added(partial(units, place)) for units in (paid_of, withheld_of))
        policy = any(one.kept_back is not None for one in found)
        return Payout(rule, Allocation(rule.label, paid, total, withheld if policy else None))

    return replace(
        first,
        money=money_of(months, total),
        listening=replace(listening, artists=len(artist)),
        artist=artist,
        plays=added(lambda one: one.plays),
        ms=None if listening.ms is None else added(lambda one: np.zeros_like(one.plays) if one.ms is None else one.ms),
        listeners=np.zeros(len(artist), dtype=np.int64),
        payouts=tuple(payout(place) for place in range(len(first.payouts))),
        market_weight=added(lambda one: in_money(one.market_weight, one.money.pool * scale)),
        user_weight=added(lambda one: in_money(one.user_weight, one.money.pool * scale)),
        median_fee=None,
        mcdonald=None,
        notes=tuple(notes_of(months)),
        groups=(months,),
    )


def paid_of(place: int, outcome: Outcome) -> Ints:
    """What a rule pays each artist."""
    return outcome.payouts[place].allocation.paid


def withheld_of(place: int, outcome: Outcome) -> Ints:
    """What is withheld of it."""
    found = outcome.payouts[place].allocation
    return np.zeros_like(found.paid) if found.kept_back is None else found.kept_back


def notes_of(months: MonthOutcomes) -> Iterator[str]:
    """Yield what is said of every month once, and what is said of some with these."""
    found: dict[str, list[str]] = {}
    for name, one in zip(months.names, months.outcomes, strict=True):
        for note in one.notes:
            found.setdefault(note, []).append(name)
    for note, names in found.items():
        yield note if len(names) == len(months.names) else f"{', '.join(names)}: {note}"


def in_money(weights: Ints, units: int) -> Ints:
    """Divide units by weights; nothing where there are none."""
    return largest_remainder(weights, units) if weights.any() else weights


def money_of(months: MonthOutcomes, pool: int) -> Money:
    """Add up where the money comes from; a subscriber of several months counts in each."""
    several = [one.money for one in months.outcomes]
    inactive = [one.inactive_money or 0 for one in several]
    return replace(
        several[0],
        pool=pool,
        stated=f"{len(several):,} months, each divided by itself",
        subscribers=sum(one.subscribers for one in several),
        inactive=sum(one.inactive for one in several),
        inactive_money=sum(inactive),
        held=sum(one.held for one in several),
        unlisted=sum(one.unlisted for one in several),
    )


def month_table(months: MonthOutcomes, command: str) -> pa.Table:
    """Return the table of months, in order: a row per month.

    Columns: `month` (2026-10), `artists`, `plays`, `seconds`, `listeners`, `subscribers`, `pool` (for `pay`
    `payout`, and `withheld` where a policy withholds); for each rule after the first what it moves, `<rule>_moved` and
    `<rule>_moved_share` (of the month's pool), and how many artists gain and lose, `<rule>_gain` and `<rule>_lose`; for
    each rule the share of the ten artists who are paid most by the first, `<rule>_top_10_share`; `currency`.
    """
    several = months.outcomes
    digits, rules, kind = several[0].currency.digits, several[0].payouts, ColumnKind
    lengths = [one.listening.ms for one in several]
    seconds = decimals(
        whole([ms or 0 for ms in lengths]), SECOND_DIGITS, missing=np.array([ms is None for ms in lengths])
    )
    columns = {
        "month": TableColumn(kind.KEY, pa.array(months.names, pa.large_string())),
        "artists": counted([one.listening.artists for one in several]),
        "plays": counted([one.listening.plays for one in several]),
        "seconds": TableColumn(kind.SECONDS, seconds),
        "listeners": counted([one.listening.users for one in several]),
        "subscribers": counted([one.money.subscribers for one in several]),
    }
    alone = [one.payouts[0].allocation for one in several] if command == "pay" else []
    paid = [one.money.pool for one in several] if not alone else [one.pool - one.withheld for one in alone]
    columns["payout" if alone else "pool"] = TableColumn(kind.MONEY, decimals(whole(paid), digits))
    if any(one.kept_back is not None for one in alone):
        columns["withheld"] = TableColumn(kind.MONEY, decimals(whole([one.withheld for one in alone]), digits))
    for place in range(1, len(rules)):
        found = [shift(*(one.payouts[k].allocation.paid for k in (0, place))) for one in several]
        name, moved = rules[place].rule.column, [one.moved for one in found]
        more = {
            "moved": TableColumn(kind.DIFFERENCE, decimals(whole(moved), digits)),
            "moved_share": TableColumn(kind.SHARE, each_share(moved, several)),
            "gain": counted([one.gainers for one in found]),
            "lose": counted([one.losers for one in found]),
        }
        columns |= {free_name(f"{name}_{what}", columns): column for what, column in more.items()}
    for place, payout in enumerate(rules):
        best = each_share([best_paid(one, place) for one in several], several)
        columns[free_name(f"{payout.rule.column}_top_{BOUNDS[0][1]}_share", columns)] = TableColumn(kind.SHARE, best)
    columns["currency"] = currency_of(several[0], len(several))
    return table_of(columns)


def best_paid(outcome: Outcome, place: int) -> int:
    """Return what a rule pays the ten artists who are paid most by the first rule."""
    paid = outcome.payouts[place].allocation.paid
    return tiers(by_payout(outcome), paid, paid)[0].before


def counted(values: Sequence[int]) -> TableColumn:
    """Return a column of whole numbers."""
    return TableColumn(ColumnKind.COUNT, pa.array(whole(values)))


def whole(values: Sequence[int]) -> Ints:
    """int64[n]."""
    return np.array(values, dtype=np.int64)


def each_share(amounts: Sequence[int], several: Sequence[Outcome]) -> pa.Array:
    """Return each month's amount as a share of its pool."""
    found = [shares(whole([units]), one.money.pool) for units, one in zip(amounts, several, strict=True)]
    return pa.concat_arrays(found)
