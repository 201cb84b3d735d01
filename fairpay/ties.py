"""The last minor units, given out exactly: artists too near to a tie for 64-bit units are worked out to 96 bits more.

Splitting a budget rounds each user's part to whole units, so two artists whose exact remainders are equal may end a few
units apart, and the wrong one would get the cent. Only artists within that error of the cut are in doubt. One more walk
splits the budgets for these alone, finely enough that what is still equal is a tie, which goes to the smaller id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairpay.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fairpay.month import Month
    from fairpay.usage import Ints, Usage

__all__ = ["settle_exactly"]

BITS = 96
"""Bits below the unit that a second look sees: three digits in base 2^32."""


def settle_exactly(
    month: Month, weights: Ints, *, budgets: int, split: Callable[[Usage, NDArray[np.int32], Ints], None]
) -> Ints:
    """Divide the month's pool by weights that are rounded sums of budgets, as if they were not rounded.

    Args:
        month: where to look again.
        weights: int64[artists], summing to `budgets`, each less than two units per entry of the month from exact.
        budgets: the exact sum of all users' budgets, at most 2^62.
        split: adds a block's parts for chosen artists, see `fairpay.kernels.fine`: (block, place, out).

    Returns:
        int64[artists] summing to the pool: Hamilton's method on the exact weights, ties to the smaller code.

    """
    from fairpay.kernels import wide  # noqa: PLC0415 - Numba is loaded where it is used

    pool = month.facts.pool
    floors = np.empty(len(weights), dtype=np.int64)
    rests = np.empty(len(weights), dtype=np.uint64)
    left = pool - int(wide.apportion(weights, np.uint64(budgets), np.uint64(pool), floors, rests))
    order = np.argsort(np.uint64(budgets) - rests, kind="stable")
    served, doubtful = near_the_cut(rests, order, left, error=2 * pool * sum_exactly(month.artist_listeners))
    if len(doubtful):
        exact = fine_weights(month, doubtful, split)
        keys = [
            pool * weight - (int(floors[code]) * budgets << BITS) for code, weight in zip(doubtful, exact, strict=True)
        ]
        slack = pool * (month.facts.users + 1)
        served = np.concatenate([served, doubtful[first_of(keys, left - len(served), slack=slack)]])
    floors[served] += 1
    return floors


def near_the_cut(rests: NDArray[np.uint64], order: Ints, left: int, *, error: int) -> tuple[Ints, Ints]:
    """Return the codes served without doubt, and those so near the cut that rounding may have decided, ascending."""
    if left == 0 or left == len(order):
        return order[:left], order[:0]
    last, following = int(rests[order[left - 1]]), int(rests[order[left]])
    if last - following > 2 * error:
        return order[:left], order[:0]
    high = np.uint64(min(following + 2 * error, 2**64 - 1))
    low = np.uint64(max(last - 2 * error, 0))
    sorted_rests = rests[order]
    first = int(np.count_nonzero(sorted_rests > high))
    behind = int(np.count_nonzero(sorted_rests >= low))
    return order[:first], np.sort(order[first:behind])


def fine_weights(month: Month, codes: Ints, split: Callable[[Usage, NDArray[np.int32], Ints], None]) -> list[int]:
    """Return the weights of some artists, times 2^96."""
    from fairpay.kernels.fine import DIGITS  # noqa: PLC0415 - Numba is loaded where it is used

    place = np.full(month.facts.artists, -1, dtype=np.int32)
    place[codes] = np.arange(len(codes), dtype=np.int32)

    def visit(usage: Usage) -> Ints:
        out = np.zeros((len(codes), DIGITS), dtype=np.int64)
        split(usage, place, out)
        return out

    digits = sum((found.astype(object) for found in month.each(visit)), start=np.zeros((len(codes), DIGITS), object))
    return [sum(int(d) << (BITS - 32 * i) for i, d in enumerate(row)) for row in digits]


def first_of(keys: Sequence[int], count: int, *, slack: int) -> list[int]:
    """Return the positions of the `count` largest keys; keys that follow within `slack` are equal, the first wins."""
    by_size = sorted(range(len(keys)), key=lambda i: (-keys[i], i))
    group, groups = 0, {}
    for before, i in zip([by_size[0], *by_size], by_size, strict=False):
        group += keys[before] - keys[i] > slack
        groups[i] = group
    return sorted(by_size, key=lambda i: (groups[i], i))[:count]
