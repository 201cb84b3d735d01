"""Groups of artists or of listeners: what each gets, or steers, as an outcome whose artists are the groups; its table.

Months stand side by side, each a pool of its own, and what they come to together is an outcome, too.

An artist's plays, time and payouts are whole numbers, and are divided among its groups by their shares, by largest
remainder, ties to the first name in byte order: so groups add up to what artists add up to, to the minor unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.money.currency import LARGEST
from fairpay.money.integers import sum_exactly
from fairpay.money.rounding import Allocation, largest_remainder
from fairpay.reports.figures import BOUNDS, shift, spread, tiers
from fairpay.reports.outcome import ArtistGroups, MonthOutcomes, Payout
from fairpay.reports.tables import (
    SECOND_DIGITS,
    ColumnKind,
    TableColumn,
    by_payout,
    comparison,
    currency_of,
    decimals,
    free_name,
    kinds_of,
    payouts,
    shares,
    table_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.reports.outcome import ListeningTotals, Money, Outcome

__all__ = ["Grouping", "best_paid", "groupings", "groups_of", "tables_of", "united", "without_lines"]


FINE = 2**20
SHOWN = 100
"""Groups that the summary holds."""


@dataclass(frozen=True, slots=True)
class Grouping:
    """The groups by one column."""

    column: str
    of: str
    """`artists` or `listeners`."""
    lines: Outcome
    """What stands for an artist is a group."""
    artists: Ints | None
    """int64[groups]: how many artists are in each; None for groups of listeners."""


def groupings(outcome: Outcome) -> Iterator[Grouping]:
    """Yield the groups by each column that was asked for."""
    for groups in outcome.groups:
        if isinstance(groups, MonthOutcomes):
            continue
        if isinstance(groups, ArtistGroups):
            artists = np.zeros(len(groups.names), dtype=np.int64)
            each = 1 if outcome.merged is None else np.repeat(outcome.merged.artists, np.diff(groups.start))
            np.add.at(artists, groups.group, each)
            yield Grouping(groups.column, "artists", added_up(outcome, groups), artists)
        else:
            yield Grouping(groups.column, "listeners", groups.lines, None)


def added_up(outcome: Outcome, groups: ArtistGroups) -> Outcome:
    """Add artists up by group."""

    def added(values: Ints) -> Ints:
        out = np.zeros(len(groups.names), dtype=np.int64)
        np.add.at(out, groups.group, parted(values, groups))
        return out

    def weighed(weights: Ints) -> Ints:
        """Add weights up in a finer unit: only their proportions matter."""
        return added(weights * max(1, min(FINE, LARGEST // max(1, sum_exactly(weights)))))

    return replace(
        outcome,
        artist=pa.array(groups.names, pa.large_string()),
        plays=added(outcome.plays),
        ms=None if outcome.ms is None else added(outcome.ms),
        listeners=groups.listeners,
        payouts=tuple(replace(one, allocation=one.allocation.added(added)) for one in outcome.payouts),
        market_weight=weighed(outcome.market_weight),
        user_weight=weighed(outcome.user_weight),
        names={},
        merged=None,
        groups=(),
    )


def parted(values: Ints, groups: ArtistGroups) -> Ints:
    """Divide int64[artists], none negative, among the groups of each by largest remainder: int64[entries]."""
    begin, sizes = groups.start[:-1], np.diff(groups.start)
    if len(groups.group) == len(values):
        return values
    artist = np.repeat(np.arange(len(values)), sizes)
    whole = np.add.reduceat(groups.share, begin)
    quotient, rest = np.divmod(values, whole)
    parts = quotient[artist] * groups.share
    more, remainder = np.divmod(rest[artist] * groups.share, whole[artist])
    parts += more
    left = values - np.add.reduceat(parts, begin)
    order = np.lexsort((-remainder, artist))
    parts[order] += np.arange(len(artist)) - begin[artist] < left[artist]
    return parts


def without_lines(groups: ArtistGroups, line: Ints, members: Ints, k: int) -> ArtistGroups:
    """Return the groups of published lines: lines of several artists are a group of their own.

    So a group's figures are sums of figures that are published anyway, and tell no more; its listeners are not told
    where it has several artists.

    Args:
        groups: of all artists.
        line: int64[artists]: the line of each.
        members: int64[lines]: artists of each line.
        k: the fewest listeners of an artist who is published alone.

    """
    artist = np.empty(len(members), dtype=np.int64)
    artist[line] = np.arange(len(line))
    alone, sizes = members == 1, np.diff(groups.start)
    start = np.concatenate([[0], np.cumsum(np.where(alone, sizes[artist], 1))])
    entries = np.repeat(np.where(alone, groups.start[artist], -1), np.diff(start))
    entries += np.where(entries < 0, 0, np.arange(len(entries)) - np.repeat(start[:-1], np.diff(start)))
    apart = len(groups.names)
    group = np.where(entries < 0, apart, groups.group[entries])
    present, group = np.unique(group, return_inverse=True)
    names = [*groups.names, f"merged, under {k} listeners"]
    found = [names[place] for place in present]
    order = sorted(range(len(found)), key=lambda place: found[place].encode())
    return replace(
        groups,
        names=tuple(found[place] for place in order),
        start=start,
        group=np.argsort(order)[group],
        share=np.where(entries < 0, 1, groups.share[entries]),
        listeners=np.zeros(len(found), dtype=np.int64),
    )


def group_table(grouping: Grouping, command: str) -> pa.Table:
    """Return the table of groups: a row per group, by the first payout, then by name in bytes.

    Columns: the group under its column's name; `artists`, or for listeners `groups` (where groups of few listeners are
    merged) and `paid` (what they paid in; null where it is not known); then those of `comparison` or `payouts`, with
    `<rule>_share` of the pool for each rule of a comparison. `listeners` is null where it is not told.
    """
    lines = grouping.lines
    table = pa.concat_tables(comparison(lines) if command == "compare" else payouts(lines))
    order, (_, *names), (artist, *values) = by_payout(lines), table.column_names, table.columns
    kind = kinds_of(table.schema)
    old = {name: TableColumn(kind[name], array) for name, array in zip(names, values, strict=True)}
    merged = old.pop("artists", None)
    new: dict[str, TableColumn] = {}
    if grouping.artists is not None:
        new["artists"] = TableColumn(ColumnKind.COUNT, pa.array(grouping.artists[order]))
    else:
        if merged is not None:
            new["groups"] = merged
        unknown = pa.nulls(len(order), pa.decimal128(38, lines.currency.digits))
        paid = unknown if lines.paid_in is None else decimals(lines.paid_in[order], lines.currency.digits)
        new["paid"] = TableColumn(ColumnKind.MONEY, paid)
    new |= {name: column for name, column in old.items() if name not in {"fan_intensity", "currency"}}
    if command == "compare":
        rules = names[names.index("listeners") + 1 :]
        for name, one in zip(rules, lines.payouts, strict=False):
            share = shares(one.allocation.paid[order], one.allocation.pool)
            new[free_name(f"{name}_share", new)] = TableColumn(ColumnKind.SHARE, share)
    new |= {name: old[name] for name in ("fan_intensity", "currency") if name in old}
    title = grouping.column if grouping.column not in new else f"by_{grouping.column}"
    return table_of({title: TableColumn(ColumnKind.KEY, artist), **new})


def tables_of(outcome: Outcome, command: str) -> dict[str, tuple[str, pa.Table]]:
    """Return, for each column that was asked for, of what the groups are, and their table; months first."""
    months = (one for one in outcome.groups if isinstance(one, MonthOutcomes))
    found = {one.column: ("months", month_table(one, command)) for one in months}
    return found | {one.column: (one.of, group_table(one, command)) for one in groupings(outcome)}


def groups_of(outcome: Outcome, command: str) -> list[dict[str, Any]]:
    """Say what the largest groups come to, by each column that was asked for; keys are those of the table."""
    found = []
    for column, (of, table) in tables_of(outcome, command).items():
        rows = table.slice(0, SHOWN if of != "months" else None).to_pylist()
        largest = [{k: f"{v:f}" if isinstance(v, Decimal) else v for k, v in row.items()} for row in rows]
        found.append({"by": column, "of": of, "groups": table.num_rows, "largest": largest})
    return found


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
