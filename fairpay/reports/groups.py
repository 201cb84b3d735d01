"""Groups of artists or of listeners: what each gets, or steers, as an outcome whose artists are the groups; its table.

An artist's plays, time and payouts are whole numbers, and are divided among its groups by their shares, by largest
remainder, ties to the first name in byte order: so groups add up to what artists add up to, to the minor unit.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairpay.money.currency import LARGEST
from fairpay.money.integers import sum_exactly
from fairpay.reports.months import month_table
from fairpay.reports.outcome import ArtistGroups, MonthOutcomes
from fairpay.reports.tables import (
    ColumnKind,
    TableColumn,
    by_payout,
    comparison,
    decimals,
    free_name,
    kinds_of,
    payouts,
    shares,
    table_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairpay.kernels.arrays import Ints
    from fairpay.reports.outcome import Outcome

__all__ = ["Grouping", "group_table", "groupings", "groups_of", "tables_of", "without_lines"]

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
