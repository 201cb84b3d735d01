"""Single figures about payouts, tiers of artists, bands of changes, exact: integers and fractions that cannot wrap."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.reports.outcome import MergedLines, Outcome

__all__ = [
    "BOUNDS",
    "COARSE",
    "ChangeBands",
    "Shift",
    "Tier",
    "as_column",
    "bands",
    "gini",
    "largest_gains",
    "largest_losses",
    "moved_between",
    "shift",
    "spread",
    "tiers",
    "top_share",
]

HALF_BITS = 31


@dataclass(frozen=True, slots=True)
class Shift:
    """What changes hands from one rule to another."""

    moved: int
    """Minor units that change hands: half the sum of all differences."""
    share: Fraction | None
    """Its share of the pool; None where the pool is 0."""
    gainers: int
    losers: int
    unchanged: int


def shift(before: Ints, after: Ints, *, withheld: int = 0) -> Shift:
    """Compare int64[artists] payouts of one pool under two rules.

    What the gainers gain is what the losers lose, and moved = 1/2 Σ|a - b| is whole. Where the sums differ, as less is
    withheld under one rule, the difference changes hands between artists and the platform, and counts like theirs. The
    pool is what is paid `before` and what is `withheld` of it.
    """
    change = after - before
    moved = (sum_exactly(np.abs(change)) + abs(sum_exactly(change))) // 2
    pool = sum_exactly(before) + withheld
    gainers, losers = int((change > 0).sum()), int((change < 0).sum())
    share = Fraction(moved, pool) if pool else None
    return Shift(moved, share, gainers, losers, len(change) - gainers - losers)


def gini(paid: Ints) -> Fraction | None:
    """Return the Gini coefficient of int64[artists] payouts, none negative; None where nobody is paid.

    2 Σ i·x_(i) / (n Σ x) - (n + 1) / n over x ascending, i from 1 (RULES section 4). The sum of i·x reaches 2^86, so
    each payout is cut into two parts of 31 bits: i times a part stays inside int64 for up to 2^32 artists.
    """
    total = sum_exactly(paid)
    if total == 0:
        return None
    ascending = np.sort(paid)
    rank = np.arange(1, len(paid) + 1, dtype=np.int64)
    low = sum_exactly(rank * (ascending & ((1 << HALF_BITS) - 1)))
    high = sum_exactly(rank * (ascending >> HALF_BITS))
    weighted = (high << HALF_BITS) + low
    return Fraction(2 * weighted, len(paid) * total) - Fraction(len(paid) + 1, len(paid))


def top_share(paid: Ints, percent: int) -> Fraction | None:
    """Return the share of all payouts that the best paid `percent` of artists get: floor(n·p) of them, at least one.

    None where nobody is paid.
    """
    total = sum_exactly(paid)
    if total == 0:
        return None
    count = max(1, len(paid) * percent // 100)
    return Fraction(sum_exactly(np.partition(paid, len(paid) - count)[len(paid) - count :]), total)


def largest_gains(before: Ints, after: Ints, *, count: int) -> list[int]:
    """Return the artists (codes) that gain most, best first, at most `count`; equal gains by artist id."""
    return largest(after - before, count)


def largest_losses(before: Ints, after: Ints, *, count: int) -> list[int]:
    """Return the artists (codes) that lose most, worst first, at most `count`; equal losses by artist id."""
    return largest(before - after, count)


def largest(change: Ints, count: int) -> list[int]:
    """Return the places of the largest positive values, descending, ties by place. Linear in the artists."""
    found = np.flatnonzero(change > 0)
    if len(found) > count:
        least = np.partition(change[found], len(found) - count)[len(found) - count]
        found = found[change[found] >= least]
    order = np.argsort(-change[found], kind="stable")[:count]
    return [int(i) for i in found[order]]


def moved_between(one: Outcome, other: Outcome) -> tuple[int, ...]:
    """Return the minor units that change hands from one run to another under each rule; artists are matched by id."""
    artists = pa.array(sorted({*one.artist.to_pylist(), *other.artist.to_pylist()}), pa.large_string())
    return tuple(
        shift(spread(a.allocation.paid, one.artist, artists), spread(b.allocation.paid, other.artist, artists)).moved
        for a, b in zip(one.payouts, other.payouts, strict=True)
    )


def spread(paid: Ints, artist: pa.Array, artists: pa.Array) -> Ints:
    """Put amounts in the places of their artists among all artists."""
    out = np.zeros(len(artists), dtype=np.int64)
    out[pc.index_in(artist, value_set=artists).to_numpy(zero_copy_only=False)] = paid
    return out


BOUNDS = (("top 10", 10), ("11-100", 100), ("101-1,000", 1_000), ("1,001-10,000", 10_000), ("rest", None))


@dataclass(frozen=True, slots=True)
class Tier:
    """Artists of neighbouring ranks, or of like changes, and what they get together under two rules, in minor units."""

    name: str
    artists: int
    before: int
    after: int

    @property
    def change(self) -> Fraction | None:
        """The change as a fraction of `before`: -1/10 for 10 % less; None where `before` is 0."""
        return Fraction(self.after - self.before, self.before) if self.before else None


def as_column(tier: str) -> str:
    """Write a tier as part of a column's name: `1,001-10,000` is `1001_10000`."""
    return tier.translate(str.maketrans(" -", "__", ","))


def tiers(order: Ints, before: Ints, after: Ints, merged: MergedLines | None = None) -> tuple[Tier, ...]:
    """Sum payouts int64[artists] by tier; `order` ranks the artists, best paid under the first rule first.

    All five tiers are returned, those beyond the last artist with no artists and no money; of merged lines their own.
    """
    found = []
    if merged is not None:
        for place, name in enumerate(merged.tiers):
            own = merged.tier == place
            found.append(Tier(name, int(merged.artists[own].sum()), sum_exactly(before[own]), sum_exactly(after[own])))
        return tuple(found)
    start = 0
    for name, end in BOUNDS:
        members = order[start:end]
        found.append(Tier(name, len(members), sum_exactly(before[members]), sum_exactly(after[members])))
        start = end or 0
    return tuple(found)


STEPS = (10, 40, 100)
"""Per cent of what an artist had, from which on a change is in the next band; nobody loses more than 100."""
COARSE = 10
"""Minor units under which a tenth of a payout is less than one of them."""
SAME, NEW, NOTHING, TOGETHER = 2, 6, 7, 8
BANDS = (
    *("loses 40 % or more", "loses 10 % to 40 %", "changes by less than 10 %", "gains 10 % to 40 %"),
    *(
        "gains 40 % to 100 %",
        "gains 100 % or more",
        "paid nothing before",
        "paid nothing under both",
        "in merged lines",
    ),
)


@dataclass(frozen=True, slots=True)
class ChangeBands:
    """How many artists gain and lose how much of what they had: the table of the Pro Musik study (2023)."""

    bands: tuple[Tier, ...]
    """From those who lose most; who was paid nothing before, and under both, last."""
    coarse: int
    """Artists paid so few minor units, 1 to 9 under either rule, that rounding decides which band they are in."""

    @property
    def paid(self) -> int:
        """Artists that are paid under one of the two rules."""
        return sum(band.artists for band in self.bands[:NOTHING])

    @property
    def lose_much(self) -> int:
        """Artists that lose 40 % or more."""
        return self.bands[0].artists

    @property
    def gain_much(self) -> int:
        """Artists that gain 40 % or more, with those who were paid nothing before."""
        return sum(band.artists for band in self.bands[NEW - 2 : NOTHING])


def bands(before: Ints, after: Ints, merged: MergedLines | None = None) -> ChangeBands:
    """Sort artists into bands by how much of their int64[artists] payouts they gain or lose, exactly, in minor units.

    All eight bands are returned. Merged lines of several artists, whose own changes nobody is told, are a ninth.
    """
    change = after - before
    gains, loses = change > 0, change < 0
    hundreds, rest = np.divmod(before, 100)
    place = np.full(len(before), SAME, dtype=np.int64)
    for step in STEPS:
        reached = np.abs(change) >= hundreds * step - (-rest * step // 100)
        place += (reached & gains).astype(np.int64)
        place -= (reached & loses & (step < STEPS[-1])).astype(np.int64)
    place[before == 0] = np.where(gains[before == 0], NEW, NOTHING)
    artists = np.ones(len(place), dtype=np.int64)
    if merged is not None:
        artists = merged.artists
        place[artists > 1] = TOGETHER
    found = []
    for k, name in enumerate(BANDS if merged is not None else BANDS[:TOGETHER]):
        own = place == k
        found.append(Tier(name, int(artists[own].sum()), sum_exactly(before[own]), sum_exactly(after[own])))
    most = np.maximum(before, after)
    return ChangeBands(tuple(found), coarse=int(((most > 0) & (most < COARSE)).sum()))
