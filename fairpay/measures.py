"""What a month and its payouts say about listeners: who steers the pool, and where a typical listener's money goes.

Every figure is a function of the month alone: the sums are of integers, so blocks and threads change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.integers import sum_exactly
from fairpay.rule import Promise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.allocation import Allocation
    from fairpay.month import Month, Users
    from fairpay.rule import Rule
    from fairpay.usage import Ints, Usage

__all__ = ["Walked", "kth_largest", "median_fee", "steered", "walk_payouts"]

BINS = 1 << 16
"""Stray shares are told apart to 1/65,536."""
EDGES = 1 << 15
"""Bins of a value's size: the exponent and four bits of its floating-point form."""


def kth_largest(month: Month, field: str, rank: int) -> int:
    """Return the rank-th largest (from 1) of one field of all users, exactly, without holding all users.

    A first pass counts values by the leading 15 bits of their floating-point form, which is monotone in the value; a
    second collects the one bin that holds the rank.
    """
    bins = np.zeros(EDGES, dtype=np.int64)
    for found in month.each_users(lambda users: np.bincount(bin_of(getattr(users, field)), minlength=EDGES)):
        bins += found
    above = np.cumsum(bins[::-1])
    position = int(np.searchsorted(above, rank))
    chosen = len(bins) - 1 - position
    values = np.concatenate(
        list(month.each_users(lambda users: getattr(users, field)[bin_of(getattr(users, field)) == chosen]))
    )
    before = int(above[position - 1]) if position else 0
    return int(np.sort(values)[::-1][rank - before - 1])


def bin_of(values: Ints) -> Ints:
    """Sort non-negative int64 values into `EDGES` bins, in order."""
    return values.astype(np.float64).view(np.int64) >> np.int64(48)


def steered(month: Month, rules: Sequence[tuple[Rule, Any]], part: Fraction) -> list[Fraction | None]:
    """Return the share of the pool that the heaviest `part` of listeners steers under each prepared rule.

    Heavy is by listening. Users who tie at the edge count for the same part each, so their order means nothing. None
    for rules that give no weight per user.
    """
    rank = max(1, int(month.facts.users * part))
    edge = kth_largest(month, "total", rank)

    def visit(users: Users | Usage) -> list[tuple[int, ...]]:
        over, level = users.total > edge, users.total == edge
        weights = [rule.weight_of(users, prepared) for rule, prepared in rules]
        counts = (int(over.sum()), int(level.sum()))
        return [(0,) * 5 if w is None else (*map(sum_exactly, (w, w[over], w[level])), *counts) for w in weights]

    shares = heavy_shares(list(month.each_users(visit)), rank)
    if None in shares:
        full = heavy_shares(list(month.each(visit)), rank)
        shares = [b if a is None else a for a, b in zip(shares, full, strict=True)]
    return shares


def heavy_shares(blocks: Sequence[Sequence[tuple[int, ...]]], rank: int) -> list[Fraction | None]:
    """Add up, per rule, what the rank heaviest users steer, from each block's sums over, at and under the edge."""
    shares: list[Fraction | None] = []
    for one_rule in zip(*blocks, strict=True):
        everybody, heavy, level, heavy_count, level_count = (sum(column) for column in zip(*one_rule, strict=True))
        if not everybody:
            shares.append(None)
            continue
        at_edge = Fraction(level * (rank - heavy_count), level_count)
        shares.append((heavy + at_edge) / everybody)
    return shares


@dataclass(frozen=True, slots=True)
class Walked:
    """What one more walk over the month finds out once the payouts are known."""

    stray: tuple[Fraction, ...]
    """Per allocation: the share of the median listener's money that reaches artists never played, to 1/65,536."""
    mcdonald: Fraction | None
    """Mean listening of the artists played by above-mean listeners over that of the others; None without both."""


def walk_payouts(month: Month, payouts: Sequence[tuple[Rule, Allocation]]) -> Walked:
    """Walk the month once more, with the payouts in hand.

    Under a rule that keeps `own-money` nothing strays. Under the others each listener's money lies in the common pot,
    so the part that strays is the part of the pot paid to artists that listener never played.
    """
    common = [
        allocation.paid for rule, allocation in payouts if allocation.pool and Promise.OWN_MONEY not in rule.keeps()
    ]
    facts = month.facts

    def visit(usage: Usage) -> tuple[list[Ints], tuple[int, int, int, int]]:
        from fairpay.kernels.lookup import sum_played  # noqa: PLC0415 - Numba is loaded where it is used

        held = np.empty(usage.users, dtype=np.int64)
        bins = []
        for paid in common:
            sum_played(usage.start, usage.artist, paid, held)
            kept = np.minimum((held / facts.pool * BINS).astype(np.int64), BINS)
            bins.append(np.bincount(kept, minlength=BINS + 1))
        sum_played(usage.start, usage.artist, month.artist_amount, held)
        heavy = usage.total > facts.amount // facts.users
        artists = np.diff(usage.start)
        return bins, (
            sum_exactly(held[heavy]),
            int(artists[heavy].sum()),
            sum_exactly(held[~heavy]),
            int(artists[~heavy].sum()),
        )

    bins = [np.zeros(BINS + 1, dtype=np.int64) for _ in common]
    heavy_sum = heavy_count = light_sum = light_count = 0
    for found, figures in month.each(visit):
        bins = [total + one for total, one in zip(bins, found, strict=True)]
        heavy_sum, heavy_count = heavy_sum + figures[0], heavy_count + figures[1]
        light_sum, light_count = light_sum + figures[2], light_count + figures[3]
    medians = iter([1 - Fraction(int(np.searchsorted(np.cumsum(b), (facts.users + 1) // 2)), BINS) for b in bins])
    stray = tuple(
        next(medians) if allocation.pool and Promise.OWN_MONEY not in rule.keeps() else Fraction(0)
        for rule, allocation in payouts
    )
    both = heavy_count and light_count and light_sum
    mcdonald = Fraction(heavy_sum * light_count, heavy_count * light_sum) if both else None
    return Walked(stray, mcdonald)


def median_fee(month: Month) -> int:
    """Return the lower median of what listeners paid, in fee units."""
    return kth_largest(month, "fee", month.facts.users // 2 + 1)
