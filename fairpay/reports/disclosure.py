"""Disclosure control: what published amounts tell of single listeners, and how artists with few listeners are merged.

Hundepool et al., Handbook on Statistical Disclosure Control, magnitude tables: a figure with fewer than k contributors
is not published (primary suppression, the threshold rule); others are kept back with it, so that nobody can subtract
(secondary suppression), not even to within P per cent who knows the figures of one of them (the p% rule).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.errors import InputError
from fairpay.reports.figures import BOUNDS
from fairpay.reports.outcome import ArtistGroups, MergedLines, MonthOutcomes
from fairpay.reports.tables import by_payout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.reports.outcome import ListenerGroups, Outcome, Payout

__all__ = ["COVER", "KNOWING", "Revealed", "merge_few", "revealed"]

COVER = 2
"""Artists with k listeners or more in every line: with any one artist taken off it, it is still of k listeners."""
P = 10
"""Per cent to within which no artist under k may be estimated by who knows one other artist of its line."""


KNOWING = (1, 2)
"""Listeners of an artist whose figures tell of one: to everybody, and to each of two about the other."""


GROUPED = "Groups of artists add up artists who are published alone; those in merged lines are a group of their own"


@dataclass(frozen=True, slots=True)
class Revealed:
    """Artists whose figures tell what one listener played or paid."""

    listeners: int
    """How many listeners each has."""
    artists: int
    amounts: tuple[Decimal, ...]
    """What they get together, in each column of amounts."""


def revealed(table: pa.Table, amounts: Sequence[str]) -> tuple[Revealed, ...]:
    """Say how many artists have one listener, and two, and how much money that is.

    Args:
        table: `artist`, `listeners` (whole numbers; null for lines of several artists) and the columns of amounts.
        amounts: these columns, decimals or whole numbers.

    """
    frame = pl.DataFrame(table.select(["listeners", *amounts]))
    rows = [frame.filter(pl.col("listeners") == count) for count in KNOWING]
    return tuple(
        Revealed(count, own.height, tuple(Decimal(own[name].sum() or 0) for name in amounts))
        for count, own in zip(KNOWING, rows, strict=True)
    )


@dataclass(frozen=True, slots=True)
class TierGroup:
    """Artists of neighbouring ranks: one tier, or several where one alone could be subtracted from."""

    begin: int
    """Rank of the first, from 0."""
    name: str
    members: Ints
    """Codes, best paid first."""
    hidden: NDArray[np.bool_]
    """bool[members]: who is in the merged line."""


def merge_few(outcome: Outcome, k: int, what: str = "artists") -> Outcome:
    """Return what may be published where a listener is to stay among k: artists under k listeners are merged.

    Each tier that has some gets one line, the exact sum of these artists and of others with them. Tiers, and what
    changes hands, are worked out from the lines, so that no figure tells more than the table does. Medians over
    listeners, how unequal artists are paid, what fewer than k listeners steer or paid, and what lines of a policy met
    are left out.

    Args:
        outcome: a run with all its artists.
        k: the fewest listeners of an artist who is published alone; 1 changes nothing.
        what: what they are, in the names of lines.

    Raises:
        InputError: there are fewer than k listeners, or what fewer than k of them did is told by the totals.

    """
    if k == 1:
        return outcome
    refuse_few(outcome, k)
    found = groups(outcome, k)
    line = np.arange(len(outcome.artist))
    tier = np.empty(len(line), dtype=np.int64)
    titles: dict[int, str] = {}
    for place, group in enumerate(found):
        tier[group.members] = place
        if group.hidden.any():
            together = group.members[group.hidden]
            line[together] = together[0]
            titles[int(together[0])] = f"({len(together):,} {what}, {group.name})"
    rows, line = np.unique(line, return_inverse=True)
    ids = outcome.artist.take(pa.array(rows)).to_pylist()
    for code, title in titles.items():
        ids[int(np.searchsorted(rows, code))] = title
    order = pl.Series(ids, dtype=pl.String).arg_sort().to_numpy().astype(np.int64)
    place_of = np.empty_like(order)
    place_of[order] = np.arange(len(order))
    artist = pa.array(ids, pa.large_string()).take(pa.array(order))
    return merged(outcome, k, found, artist=artist, line=place_of[line], tier=tier)


def merged(  # noqa: PLR0913 - what the lines are
    outcome: Outcome, k: int, found: Sequence[TierGroup], *, artist: pa.Array, line: Ints, tier: Ints
) -> Outcome:
    """Add artists up by line, and leave out what lines cannot tell; `line` is the place of each artist's line."""

    def added(values: Ints) -> Ints:
        out = np.zeros(len(artist), dtype=np.int64)
        np.add.at(out, line, values)
        return out

    def payout(one: Payout) -> Payout:
        top_1, top_10 = (outcome.listening.users // part >= k for part in (100, 10))
        return replace(
            one,
            allocation=one.allocation.added(added),
            steered_by_top_1_percent=one.steered_by_top_1_percent if top_1 else None,
            steered_by_top_10_percent=one.steered_by_top_10_percent if top_10 else None,
            stray=None,
        )

    members = added(np.ones(len(line), dtype=np.int64))
    tiers = np.zeros(len(artist), dtype=np.int64)
    tiers[line] = tier
    money, period = outcome.money, outcome.listening.period
    return replace(
        outcome,
        artist=artist,
        plays=added(outcome.plays),
        ms=None if outcome.ms is None else added(outcome.ms),
        listeners=np.where(members > 1, 0, added(outcome.listeners)),
        payouts=tuple(payout(one) for one in outcome.payouts),
        market_weight=added(outcome.market_weight),
        user_weight=added(outcome.user_weight),
        money=replace(money, inactive_money=None) if 0 < money.inactive < k else money,
        listening=replace(outcome.listening, period=period and (period[0][:10], period[1][:10])),
        median_fee=None,
        mcdonald=None,
        conditions=(),
        notes=(note(outcome, k, found), *(GROUPED for one in outcome.groups if isinstance(one, ArtistGroups))),
        groups=tuple(merged_groups(one, line, members, k) for one in outcome.groups),
        paid_in=None if outcome.paid_in is None else added(outcome.paid_in),
        warnings=tuple(replace(one, examples=()) for one in outcome.warnings),
        merged=MergedLines(members, tiers, tuple(group.name for group in found)),
    )


def merged_groups(
    groups: ArtistGroups | ListenerGroups | MonthOutcomes, line: Ints, members: Ints, k: int
) -> ArtistGroups | ListenerGroups:
    """Return of groups what may be told; of groups of artists no more than the lines tell, see `without_lines`."""
    assert not isinstance(groups, MonthOutcomes)  # they are not asked for with k
    if not isinstance(groups, ArtistGroups):
        return replace(groups, lines=merge_few(groups.lines, k, what="groups"))
    from fairpay.reports.groups import without_lines  # noqa: PLC0415 - only where groups are asked for

    return without_lines(groups, line, members, k)


def note(outcome: Outcome, k: int, found: Sequence[TierGroup]) -> str:
    """Say how many artists are in lines, and why."""
    few = int((outcome.listeners < k).sum())
    others = sum(int(group.hidden.sum()) for group in found) - few
    lines = sum(bool(group.hidden.any()) for group in found)
    if not lines:
        return f"Every artist has {k} listeners or more, so each is published by itself"
    where = "one line" if lines == 1 else f"{lines} lines, one for each tier"
    return (
        f"{few:,} artists under {k} listeners are published in {where}, with {others:,} others so that nobody can "
        "subtract; each line counts as one artist, and what changes hands within a line is not told"
    )


def refuse_few(outcome: Outcome, k: int) -> None:
    """Refuse what no merging hides.

    Raises:
        InputError: fewer than k listeners in all, or the totals tell what fewer than k of them did or paid.

    """
    money, users = outcome.money, outcome.listening.users
    if users < k:
        message = f"the log has {users:,} listeners, and --k {k} publishes nothing of fewer than {k}"
        raise InputError(message, advice="Publish nothing of it, or a longer period.")
    if money.unlisted_policy == "leave-out" and 0 < money.unlisted < k:
        message = f"{money.unlisted:,} listeners are left out, fewer than --k {k}: the rows left out are their plays"
        raise InputError(message, advice="Give --unlisted free, or the lines that are missing in the subscriber file.")
    if money.held and money.inactive < k:
        message = f"{money.inactive:,} subscribers played nothing, fewer than --k {k}: what is held back is their money"
        raise InputError(message, advice="Give --inactive share.")


def groups(outcome: Outcome, k: int) -> list[TierGroup]:
    """Cut artists into tiers; one in which somebody could subtract goes with the next, the last with those before."""
    order, count = by_payout(outcome), len(outcome.artist)
    found: list[TierGroup] = []

    def add(begin: int, end: int) -> bool:
        hidden = in_line(outcome, order[begin:end], k)
        if hidden is not None:
            found.append(TierGroup(begin, title(begin, end), order[begin:end], hidden))
        return hidden is not None

    begin = 0
    for end in sorted({min(end or count, count) for _, end in BOUNDS}):
        if add(begin, end):
            begin = end
    while begin < count and found:
        begin = found.pop().begin
        if add(begin, count):
            begin = count
    return found or [TierGroup(0, title(0, count), order, np.ones(count, np.bool_))]


def title(begin: int, end: int) -> str:
    """Name ranks as tiers are named; tiers that are joined go from where the first begins to where the last ends."""
    names = {(start or 0, stop): name for (_, start), (name, stop) in pairwise([("", None), *BOUNDS])}
    stop = next(stop for _, stop in BOUNDS if stop is None or stop >= end)
    if (begin, stop) in names:
        return names[begin, stop]
    if stop is None:
        return f"from {begin + 1:,}" if begin else "all"
    return f"{begin + 1:,}-{stop:,}" if begin else f"top {stop:,}"


def in_line(outcome: Outcome, members: Ints, k: int) -> NDArray[np.bool_] | None:
    """Say who of a tier is published in its line: bool[members]; None where somebody in it could be worked out.

    To the artists under k come those nearest in payout to the best paid of them, as many as it takes.
    """
    few = outcome.listeners[members] < k
    if not few.any():
        return few
    found = [payout.allocation for payout in outcome.payouts]
    amounts = [*(one.paid for one in found), *(one.kept_back for one in found)]
    known = (*amounts, outcome.plays, outcome.ms, outcome.paid_in)
    values = np.stack([each[members] for each in known if each is not None])
    others = np.flatnonzero(~few)
    nearest = others[np.argsort(np.abs(values[0, others] - values[0, few].max()), kind="stable")]
    taken = cover(values[:, few], values[:, nearest])
    if taken is None:
        return None
    few[nearest[:taken]] = True
    return few


def cover(few: Ints, others: Ints) -> int | None:
    """Return how many of the others it takes that nobody can work out one of the few; None: there are too few.

    Args:
        few: int64[figures, artists] that are to be hidden.
        others: int64[figures, artists] to hide them among, the first choice first.

    """
    if others.shape[1] < COVER:
        return None
    ranked = np.sort(few, axis=1)
    first = ranked[:, -1:]
    second = ranked[:, -2:-1] if few.shape[1] > 1 else np.zeros_like(first)
    total = few.sum(axis=1, keepdims=True) + np.cumsum(others, axis=1)
    known = np.maximum(second, np.maximum.accumulate(others, axis=1))
    enough = (total - first - known >= -(-first // P)).all(axis=0)
    enough[: COVER - 1] = False
    return int(np.argmax(enough)) + 1 if enough.any() else None
