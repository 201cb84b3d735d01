"""What a month and its payouts say about listeners: who steers the pool, and where a typical listener's money goes.

Every figure is a function of the month alone: the sums are of integers, so blocks and threads change nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.kernels.split import count_kept, sum_played
from fairpay.money.integers import sum_exactly
from fairpay.rules.core.month import Users, totals_of
from fairpay.rules.core.promise import Promise

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.money.rounding import Allocation
    from fairpay.rules.core.month import Month, Totals, Usage
    from fairpay.rules.core.rule import Rule

__all__ = [
    "DECILES",
    "HEAVY",
    "PayoutWalk",
    "Steering",
    "decile_edges",
    "kth_largest",
    "median_fee",
    "steered",
    "walk_payouts",
]

HEAVY = (Fraction(1, 100), Fraction(1, 10))
"""The parts of listeners who are called heavy."""
DECILES = 10
BINS = 1 << 16
"""Stray shares are told apart to 1/65,536."""
TOGETHER = 1 << 28
"""Bytes of payouts that may be held twice."""
NOBODY = Users(*[np.empty(0, dtype=np.int64)] * 3)
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


def decile_edges(month: Month) -> Ints:
    """Return from how much listening on somebody is in the second, third, ... tenth of ten equal parts of all users.

    int64[9], ascending: the lightest are the first. Who listens as much as an edge is above it.
    """
    ranks = [max(1, month.facts.users * part // DECILES) for part in range(DECILES - 1, 0, -1)]
    return np.array([kth_largest(month, "total", rank) for rank in ranks], dtype=np.int64)


def bin_of(values: Ints) -> Ints:
    """Sort non-negative int64 values into `EDGES` bins, in order."""
    return values.astype(np.float64).view(np.int64) >> np.int64(48)


@dataclass(frozen=True, slots=True)
class Steering:
    """What the heaviest parts of listeners steer under prepared rules, heavy by listening.

    Users who tie at the edge count for the same part each, so their order means nothing.
    """

    ranks: Sequence[int]
    """How many listeners each part is."""
    edges: Sequence[int]
    """What the last of them listened."""
    by_users: Sequence[tuple[Rule, Any]]
    """Rules whose weights fee and listening tell."""
    by_plays: Sequence[tuple[Rule, Any]]
    """Those whose weights need artists."""

    @classmethod
    def of(cls, month: Month, rules: Sequence[tuple[Rule, Any]], parts: Sequence[Fraction]) -> Steering:
        """Find the edges."""
        ranks = [max(1, int(month.facts.users * part)) for part in parts]
        told = [(one, one[0].weight_of(NOBODY, one[1]) is not None) for one in rules]
        return cls(
            ranks,
            [kth_largest(month, "total", rank) for rank in ranks],
            [one for one, known in told if known],
            [one for one, known in told if not known],
        )

    def look(self, usage: Usage) -> Totals:
        """Add up what only plays tell: part of a walk that is made anyway."""
        return heavy_sums(usage, self.by_plays, self.edges) if self.by_plays else ()

    def shares(self, month: Month, looked: Totals) -> dict[Rule, list[Fraction | None]]:
        """Return for each rule the share of the pool that each part steers; None where nobody steers any.

        `looked` is what `look` comes to.
        """
        seen = totals_of(month.each_users(lambda users: heavy_sums(users, self.by_users, self.edges)))
        sums, shares = iter((*seen, *looked)), {}
        for rule, _ in (*self.by_users, *self.by_plays):
            shares[rule] = [steered_of(rank, tuple(islice(sums, 5))) for rank in self.ranks]
        return shares


def steered(
    month: Month, rules: Sequence[tuple[Rule, Any]], parts: Sequence[Fraction]
) -> dict[Rule, list[Fraction | None]]:
    """Return for each rule the share of the pool that the heaviest parts of listeners steer, see `Steering`."""
    steering = Steering.of(month, rules, parts)
    looked = month.gather(lambda usage, _: steering.look(usage), rows=0)[1] if steering.by_plays else ()
    return steering.shares(month, looked)


def steered_of(rank: int, sums: Totals) -> Fraction | None:
    """Return the share that so many listeners steer, from what `heavy_sums` says of them."""
    everybody, heavy, level, heavy_count, level_count = sums
    return (heavy + Fraction(level * (rank - heavy_count), level_count)) / everybody if everybody else None


def heavy_sums(users: Users | Usage, rules: Sequence[tuple[Rule, Any]], edges: Sequence[int]) -> Totals:
    """Return for each rule and edge what all users of a block steer, those over it and those at it, with numbers."""
    sides = [(users.total > edge, users.total == edge) for edge in edges]
    counts = [(int(over.sum()), int(level.sum())) for over, level in sides]
    sums: list[int] = []
    for rule, prepared in rules:
        weight = rule.weight_of(users, prepared)
        weight = np.zeros_like(users.total) if weight is None else weight
        for (over, level), count in zip(sides, counts, strict=True):
            sums += (sum_exactly(weight), sum_exactly(weight[over]), sum_exactly(weight[level]), *count)
    return tuple(sums)


@dataclass(frozen=True, slots=True)
class PayoutWalk:
    """What one more walk over the month finds out once the payouts are known."""

    stray: tuple[Fraction, ...]
    """Per allocation: the median over listeners of how much of each one's own money reaches artists that listener never
    played, as a part of the median listener's money, to 1/65,536."""
    mcdonald: Fraction | None
    """Mean listening of the artists played by above-mean listeners over that of the others; None without both."""


def walk_payouts(month: Month, payouts: Sequence[tuple[Rule, Allocation]]) -> PayoutWalk:
    """Walk the month once more, with the payouts in hand.

    Under a rule that keeps `own-money` nothing strays. Under the others each listener's money lies in the common pot,
    so the part that strays is the part of the pot paid to artists that listener never played; how much that is goes by
    what the listener paid.
    """
    typical, rank = middle_fee(month)
    strays = [bool(paid.pool and typical) and Promise.OWN_MONEY not in rule.keeps() for rule, paid in payouts]
    paid = [allocation.paid for (_, allocation), stray in zip(payouts, strays, strict=True) if stray]
    tables = side_by_side(paid)
    facts = month.facts
    played, mean = month.artist_amount, facts.amount // facts.users

    def visit(usage: Usage, out: Ints) -> Totals:
        for first, table in tables:
            counts = out[first : first + table.shape[1]]
            count_kept(usage.start, usage.artist, usage.fee, typical, table, float(facts.pool), counts)
        held = np.empty(usage.users, dtype=np.int64)
        sum_played(usage.start, usage.artist, played, held)
        heavy = usage.total > mean
        artists = np.diff(usage.start)
        return (
            sum_exactly(held[heavy]),
            int(artists[heavy].sum()),
            sum_exactly(held[~heavy]),
            int(artists[~heavy].sum()),
        )

    bins, figures = month.gather(visit, rows=len(paid), columns=BINS + 1)
    heavy_sum, heavy_count, light_sum, light_count = figures
    kept = np.cumsum(bins, axis=1)
    medians = iter([1 - Fraction(int(np.searchsorted(one, rank)), BINS) for one in kept])
    strayed = tuple(next(medians) if stray else Fraction(0) for stray in strays)
    both = heavy_count and light_count and light_sum
    mcdonald = Fraction(heavy_sum * light_count, heavy_count * light_sum) if both else None
    return PayoutWalk(strayed, mcdonald)


def middle_fee(month: Month) -> tuple[int, int]:
    """Return the median listener's fee, and how many listeners, of whom least strays last, come to the median.

    Where all paid the same, of two listeners in the middle the one of whose money more strays is taken; else the other,
    as the median fee is the lower of two.
    """
    users, typical = month.facts.users, median_fee(month)
    alike = all(month.each_users(lambda block: bool((block.fee == typical).all())))
    return typical, (users + 1) // 2 if alike else users // 2 + 1


def side_by_side(columns: Sequence[Ints]) -> list[tuple[int, Ints]]:
    """Put columns int64[n] beside each other in tables, each with the place of its first column.

    What is looked up together is found sooner together, as long as it may be held twice.
    """
    if len(columns) > 1 and len(columns) * columns[0].nbytes <= TOGETHER:
        return [(0, np.stack(columns, axis=1))]
    return [(place, column.reshape(-1, 1)) for place, column in enumerate(columns)]


def median_fee(month: Month) -> int:
    """Return the lower median of what listeners paid, in fee units."""
    return kth_largest(month, "fee", month.facts.users // 2 + 1)
