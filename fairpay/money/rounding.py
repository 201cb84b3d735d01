"""Largest remainder: a pool divided by weights in whole minor units, and the result, which adds up to the pool."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import NothingToPayError, UnbalancedError
from fairpay.money.currency import LARGEST
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["Allocation", "largest_remainder", "largest_remainder_exact", "nothing"]


def largest_remainder(weights: Ints, pool: int) -> Ints:
    """Divide `pool` in proportion to `weights`: floors first, then one unit each to the largest remainders.

    Args:
        weights: int64[n], none negative, summing to at most 2^62.
        pool: minor units, 0 to 2^62.

    Returns:
        int64[n] summing to `pool` exactly; equal remainders are served in index order.

    Raises:
        NothingToPayError: when the pool is not empty and every weight is zero.
        ValueError: for a weight or a pool that is negative, or a pool above 2^62.

    """
    from fairpay.kernels import words  # noqa: PLC0415 - Numba is loaded where it is used

    total = sum_exactly(weights)
    refuse(int(weights.min(initial=0)), pool)
    if total == 0:
        return nothing(len(weights), pool)
    if total > LARGEST:
        return largest_remainder_exact(weights.tolist(), pool)
    floors = np.empty(len(weights), dtype=np.int64)
    rests = np.empty(len(weights), dtype=np.uint64)
    paid = int(words.apportion(weights, np.uint64(total), np.uint64(pool), floors, rests))
    serve(rests, floors, pool - paid)
    return floors


def serve(rests: NDArray[np.uint64], floors: Ints, left: int) -> None:
    """Give one unit each to the `left` largest remainders: only the last one's equals need an order."""
    if left:
        last = np.partition(rests, len(rests) - left)[len(rests) - left]
        above = rests > last
        floors[above] += 1
        floors[np.flatnonzero(rests == last)[: left - int(np.count_nonzero(above))]] += 1


def largest_remainder_exact(weights: Sequence[int] | Sequence[Fraction], pool: int) -> Ints:
    """The same for weights of any size, as Python integers or fractions. Slower, for rules whose sums leave 62 bits.

    Raises:
        NothingToPayError: when the pool is not empty and every weight is zero.
        ValueError: for a weight or a pool that is negative, or a pool above 2^62.

    """
    refuse(min(weights, default=0), pool)
    common = math.lcm(*(weight.denominator for weight in weights))
    whole = [int(weight * common) for weight in weights]
    total = sum(whole)
    if total == 0:
        return nothing(len(whole), pool)
    parts = [divmod(pool * weight, total) for weight in whole]
    floors = np.array([floor for floor, _ in parts], dtype=np.int64)
    order = sorted(range(len(parts)), key=lambda i: (-parts[i][1], i))
    floors[order[: pool - sum(floor for floor, _ in parts)]] += 1
    return floors


def refuse(least: int | Fraction, pool: int) -> None:
    """Stop on what only a fault can bring: debts are divided as amounts, and negated by whoever asks."""
    if least < 0 or not 0 <= pool <= LARGEST:
        message = f"a weight is negative, or the pool of {pool} is negative or beyond 2^62"
        raise ValueError(message)


def nothing(count: int, pool: int) -> Ints:
    """All zero, allowed only where there is no money either."""
    if pool:
        message = "there is money in the pool, but no play of a paying listener to divide it by"
        raise NothingToPayError(message, advice="Check the fees and the qualifying length.")
    return np.zeros(count, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Allocation:
    """What each artist is paid under one rule."""

    rule: str
    """The rule as asked for, with its parameters: `bounded:b=0.8`."""
    paid: Ints
    """int64[artists]: minor units, in artist order."""
    pool: int
    """Minor units that had to be divided; equals the sum of `paid`, with what is withheld."""
    kept_back: Ints | None = None
    """int64[artists]: what a policy withholds of what each artist earned, for the platform; None: nothing is."""

    def __post_init__(self) -> None:
        """Refuse an allocation that creates or loses a single minor unit.

        Raises:
            UnbalancedError: when the amounts do not sum to the pool, or one is negative.

        """
        total = sum_exactly(self.paid) + self.withheld
        parts = [self.paid, *([] if self.kept_back is None else [self.kept_back])]
        if total != self.pool or any(part.size and int(part.min()) < 0 for part in parts):
            message = f"{self.rule} paid {total} minor units of a pool of {self.pool}"
            raise UnbalancedError(message, advice="This is a fault of fairpay; please report it. Nothing was written.")

    @property
    def withheld(self) -> int:
        """Minor units that are withheld in all."""
        return 0 if self.kept_back is None else sum_exactly(self.kept_back)

    def added(self, add: Callable[[Ints], Ints]) -> Allocation:
        """Return the same by lines of several artists, or parts of one: `add` adds int64[artists] up by line."""
        return replace(self, paid=add(self.paid), kept_back=None if self.kept_back is None else add(self.kept_back))
