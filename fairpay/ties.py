"""The last minor units, given out exactly: artists too near to a tie for 64-bit units are worked out to 96 bits more.

Splitting a budget rounds each user's part to whole units, so two artists whose exact remainders are equal may end a few
units apart, and the wrong one would get the cent. Only artists within that error of the cut are in doubt. One more walk
splits the budgets for these alone, finely enough that what is still equal is a tie, which goes to the smaller id.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from fairpay.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from fairpay.month import Month
    from fairpay.usage import Ints, Usage

__all__ = ["Unsettled", "settle_roughly", "settle_together"]

Split: TypeAlias = "Callable[[Usage, NDArray[np.int32], Ints], None]"

BITS = 96
"""Bits below the unit that a second look sees: three digits in base 2^32."""
HALF = 32
LOW = (1 << HALF) - 1
MOST_ENTRIES = 1 << 31
"""So many digits add up below 2^63."""


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A pool that is divided but for the last units of artists in doubt."""

    paid: Ints
    """int64[artists]: floors, and one more where that is beyond doubt."""
    budgets: int
    """The exact sum of all users' budgets."""
    split: Split
    doubtful: Ints
    """Codes in doubt, ascending; none: it is settled."""
    left: int
    """How many of them get one more."""

    def settled(self, month: Month) -> Ints:
        """Return what each artist is paid."""
        return settle_together(month, [self])[0]


def settle_roughly(month: Month, weights: Ints, *, budgets: int, split: Split) -> Unsettled:
    """Divide the month's pool by weights that are rounded sums of budgets, as far as rounding decides nothing.

    Args:
        month: what is divided.
        weights: int64[artists], summing to `budgets`, each less than two units per entry of the month from exact.
        budgets: the exact sum of all users' budgets, at most 2^62.
        split: adds a block's parts for chosen artists, see `fairpay.kernels.fine`: (block, place, out).

    """
    from fairpay.kernels import wide  # noqa: PLC0415 - Numba is loaded where it is used

    pool = month.facts.pool
    floors = np.empty(len(weights), dtype=np.int64)
    rests = np.empty(len(weights), dtype=np.uint64)
    left = pool - int(wide.apportion(weights, np.uint64(budgets), np.uint64(pool), floors, rests))
    order = np.argsort(np.uint64(budgets) - rests, kind="stable")
    served, doubtful = near_the_cut(rests, order, left, error=2 * pool * sum_exactly(month.artist_listeners))
    floors[served] += 1
    return Unsettled(floors, budgets, split, doubtful, left - len(served))


def settle_together(month: Month, begun: Sequence[Unsettled | Ints]) -> list[Ints]:
    """Settle what is in doubt under several rules, in one more walk for all of them.

    Returns:
        int64[artists] each, summing to the pool: Hamilton's method on the exact weights, ties to the smaller code. What
        is settled already is passed on.

    """
    open_ones = [one for one in begun if isinstance(one, Unsettled) and len(one.doubtful)]
    pool, slack = month.facts.pool, month.facts.pool * (month.facts.users + 1)
    for one, weights in zip(open_ones, fine_weights(month, open_ones), strict=True):
        keys = [
            pool * weight - (floor * one.budgets << BITS)
            for floor, weight in zip(one.paid[one.doubtful].tolist(), weights, strict=True)
        ]
        one.paid[one.doubtful[first_of(keys, one.left, slack=slack)]] += 1
    return [one.paid if isinstance(one, Unsettled) else one for one in begun]


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


def fine_weights(month: Month, open_ones: Sequence[Unsettled]) -> list[list[int]]:
    """Return for each the weights of its doubtful artists, times 2^96."""
    if not open_ones:
        return []
    places = []
    for one in open_ones:
        places.append(np.full(month.facts.artists, -1, dtype=np.int32))
        places[-1][one.doubtful] = np.arange(len(one.doubtful), dtype=np.int32)
    idle: list[Digits] = []
    everything: list[Digits] = []
    lock = Lock()

    def visit(usage: Usage) -> None:
        with lock:
            if not idle:
                idle.append(Digits([len(one.doubtful) for one in open_ones]))
                everything.append(idle[-1])
            digits = idle.pop()
        digits.make_room(len(usage.artist))
        for one, place, out in zip(open_ones, places, digits.outs, strict=True):
            one.split(usage, place, out)
        with lock:
            idle.append(digits)

    deque(month.each(visit), maxlen=0)
    for digits in everything:
        digits.carry()
    return [as_integers(sum(each)) for each in zip(*(digits.outs for digits in everything), strict=True)]


class Digits:
    """What one thread adds to: for each rule int64[doubtful, 4], units and three digits in base 2^32."""

    def __init__(self, sizes: Sequence[int]) -> None:
        """Begin with nothing."""
        from fairpay.kernels.fine import DIGITS  # noqa: PLC0415 - Numba is loaded where it is used

        self.outs = [np.zeros((size, DIGITS), dtype=np.int64) for size in sizes]
        self.entries = 0

    def make_room(self, entries: int) -> None:
        """Carry before so many more entries could leave int64."""
        if self.entries + entries >= MOST_ENTRIES:
            self.carry()
        self.entries += entries

    def carry(self) -> None:
        """Bring every digit below 2^32."""
        self.entries = 1
        for out in self.outs:
            for digit in range(out.shape[1] - 1, 0, -1):
                out[:, digit - 1] += out[:, digit] >> HALF
                out[:, digit] &= LOW


def as_integers(digits: Ints) -> list[int]:
    """Read rows of digits, the units times 2^96."""
    columns = [column.tolist() for column in digits.T]
    return [sum(digit << (BITS - HALF * i) for i, digit in enumerate(row)) for row in zip(*columns, strict=True)]


def first_of(keys: Sequence[int], count: int, *, slack: int) -> list[int]:
    """Return the positions of the `count` largest keys; keys that follow within `slack` are equal, the first wins."""
    by_size = sorted(range(len(keys)), key=lambda i: (-keys[i], i))
    group, groups = 0, {}
    for before, i in zip([by_size[0], *by_size], by_size, strict=False):
        group += keys[before] - keys[i] > slack
        groups[i] = group
    return sorted(by_size, key=lambda i: (groups[i], i))[:count]
