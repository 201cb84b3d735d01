"""The last minor units, given out exactly: artists too near to a tie for 64-bit units are worked out to 96 bits more.

Splitting a budget rounds each user's part to whole units, so two artists whose exact remainders are equal may end a few
units apart, and the wrong one would get the cent. Only artists within that error of the cut are in doubt. One more walk
splits the budgets for these alone, finely enough that what is still equal is a tie, which goes to the smaller id.

Where budgets themselves are rounded (roots, or parts of listening), what is equal within that error counts as a tie
too, and it is said: `Unsettled.undecided`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from operator import mul
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.money.currency import LARGEST
from fairpay.money.integers import sum_exactly
from fairpay.money.rounding import nothing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from fractions import Fraction

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Split, Usage

__all__ = ["WORDS", "TiePart", "Unsettled", "carried", "first_of", "settle_nearly", "settle_roughly", "settle_together"]

WORDS, BITS = 4, 96
"""What a second look sees of a weight: units and three digits in base 2^32, so many bits below the unit."""
HALF = 32
LOW = (1 << HALF) - 1
NOBODY = np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class TiePart:
    """Budgets of all users, split in one way."""

    budgets: Callable[[Usage], Ints]
    """Each user's, int64[users]."""
    split: Split
    times: int = 1
    """What each unit of them counts."""
    row: int = 0
    """Of the rule's weights, the row they add to."""
    rounded: bool = True
    """Whether the weights are sums of rounded parts; False: no part was rounded."""

    def add_fine(self, usage: Usage, place: NDArray[np.int32], digits: Ints) -> None:
        """Split the budgets of a block, and add to the digits of artists with a place, int64[n, WORDS]."""
        self.split.add_fine(usage, self.budgets(usage), place, digits)
        carried(digits)


@dataclass(slots=True)
class Unsettled:
    """A pool that is divided but for the last units of artists in doubt."""

    paid: Ints
    """int64[artists]: floors, and one more where that is beyond doubt."""
    budgets: int
    """The exact sum of all users' budgets, each part by its `times`."""
    parts: tuple[TiePart, ...]
    doubtful: Ints
    """Codes in doubt, ascending; none: it is settled."""
    loose: Fraction | None = None
    """Where budgets are rounded to whole units, what besides each may be off, as a part of it; None: they are exact."""
    known: NDArray[Any] | None = None
    """Beside the parts, weights that no rounding touches, object[artists]."""
    undecided: int = 0
    """Artists among whom the last minor units went by id though nobody can say that they tie exactly."""

    def finish(self, weights: Sequence[int], month: Month) -> None:
        """Settle what is in doubt by the weights of these artists, times 2^96, each cut off below.

        Floors are worked out again too: in a large pool the units of the first look are coarser than minor units.
        """
        pool = month.facts.pool
        if self.known is not None:
            known = self.known[self.doubtful].tolist()
            weights = [weight + (own << BITS) for weight, own in zip(weights, known, strict=True)]
        parts = [divmod(pool * weight, self.budgets << BITS) for weight in weights]
        self.paid[self.doubtful] = [floor for floor, _ in parts]
        left = pool - sum_exactly(self.paid)
        slack = [pool * (month.facts.users + 1) * sum(part.times for part in self.parts)] * len(parts)
        if self.loose is not None:
            listeners = month.artist_listeners[self.doubtful].tolist()
            off = [
                self.off(weight >> BITS, own, month.facts.users) for weight, own in zip(weights, listeners, strict=True)
            ]
            slack = [one + (pool * more << BITS) for one, more in zip(slack, off, strict=True)]
        served, tied = first_of([rest for _, rest in parts], left, slack=slack)
        self.paid[self.doubtful[served]] += 1
        self.undecided = 0 if self.loose is None else tied

    def off(self, weight: int, listeners: int, users: int) -> int:
        """Return by how many units an artist's weight, and the sum of all in its proportion, may be off.

        A budget is off by less than a unit, unless no part of it was rounded, and by `loose` of itself.
        """
        assert self.loose is not None
        own = 2 * weight * self.loose.numerator // self.loose.denominator
        units = sum(part.times for part in self.parts if part.rounded)
        return (listeners + weight * users // self.budgets + 2) * units + own


def settle_roughly(  # noqa: PLR0913 - one argument per thing that is known of the weights
    month: Month,
    weights: NDArray[Any],
    *,
    budgets: int,
    parts: Sequence[TiePart],
    loose: Fraction | None = None,
    known: NDArray[Any] | None = None,
) -> Unsettled:
    """Divide the month's pool by weights that are rounded sums of budgets, as far as rounding decides nothing.

    Args:
        month: what is divided.
        weights: integers[artists], int64 or object, summing to `budgets`, each less than two units of each rounded part
            per entry of the month from exact.
        budgets: the exact sum of all users' budgets, above 0.
        parts: how they are split.
        loose: where budgets are rounded to whole units, what besides each may be off, as a part of it; None: exact.
        known: what of `weights` is in none of the parts and exact, object[artists]; None: nothing.

    """
    from fairpay.kernels import words  # noqa: PLC0415 - Numba is loaded where it is used

    pool, listeners = month.facts.pool, month.artist_listeners
    begun = Unsettled(np.empty(len(weights), dtype=np.int64), budgets, tuple(parts), NOBODY, loose, known)
    units = 2 * sum_exactly(listeners) * sum(part.times for part in parts if part.rounded)
    if loose is not None:
        units += begun.off(int(weights.max()), int(listeners.max()), month.facts.users)
    down = max(0, budgets.bit_length() - LARGEST.bit_length() + 1)
    error = pool * ((units >> down) + (2 if down else 0))
    high = budgets >> down
    rests = np.empty(len(weights), dtype=np.uint64)
    top = (weights >> down).astype(np.int64)
    left = pool - int(words.apportion(top, np.uint64(high), np.uint64(pool), begun.paid, rests))
    if 2 * error >= high:
        begun.doubtful = np.arange(len(weights))
        return begun
    served, begun.doubtful = near_the_cut(rests, left, error=error)
    begun.paid[served] += 1
    return begun


def settle_nearly(shares: Sequence[int], pool: int, *, error: int) -> Unsettled:
    """Divide a pool by shares that are each known to within `error` of their units; near ties go by code.

    Args:
        shares: integers of any size, one for each artist, none negative.
        pool: minor units.
        error: how far each share may be from exact, and the sum of all as well.

    Raises:
        NothingToPayError: when the pool is not empty and every share is zero.

    """
    total = sum(shares)
    if not total:
        return Unsettled(nothing(len(shares), pool), 0, (), NOBODY)
    parts = [divmod(pool * share, total) for share in shares]
    paid = np.array([floor for floor, _ in parts], dtype=np.int64)
    slack = [2 * pool * error if share else 0 for share in shares]
    served, tied = first_of([rest for _, rest in parts], pool - sum_exactly(paid), slack=slack)
    paid[served] += 1
    return Unsettled(paid, total, (), NOBODY, undecided=tied if error else 0)


def settle_together(
    month: Month, begun: Sequence[Unsettled | Ints], digits: Sequence[Mapping[int, Ints]] | None = None
) -> list[Ints]:
    """Settle what is in doubt under several rules, in one more walk for all of them.

    Args:
        month: what is divided.
        begun: what the rules know so far.
        digits: of all artists, for each rule by the rows of its weights, where these are known: then nothing is walked.

    Returns:
        int64[artists] each, summing to the pool: Hamilton's method on the exact weights, ties to the smaller code. What
        is settled already is passed on.

    """
    open_ones = [one for one in begun if isinstance(one, Unsettled) and len(one.doubtful)]
    if digits is None:
        fine = fine_weights(month, open_ones)
    else:
        known = [mine for one, mine in zip(begun, digits, strict=True) if any(one is other for other in open_ones)]
        fine = [
            added([(part.times, as_integers(mine[part.row][one.doubtful])) for part in one.parts])
            for one, mine in zip(open_ones, known, strict=True)
        ]
    for one, weights in zip(open_ones, fine, strict=True):
        one.finish(weights, month)
    return [one.paid if isinstance(one, Unsettled) else one for one in begun]


def near_the_cut(rests: NDArray[np.uint64], left: int, *, error: int) -> tuple[NDArray[np.bool_], Ints]:
    """Say who is among the `left` largest without doubt, and return the codes, ascending, where rounding may decide."""
    if left == 0 or left == len(rests):
        return np.full(len(rests), left > 0), NOBODY
    cut = len(rests) - left
    split = np.partition(rests, cut)
    last, following = int(split[cut]), int(split[:cut].max())
    if last - following > 2 * error:
        return rests >= np.uint64(last), NOBODY
    above = rests > np.uint64(min(following + 2 * error, 2**64 - 1))
    return above, np.flatnonzero(~above & (rests >= np.uint64(max(last - 2 * error, 0))))


def fine_weights(month: Month, open_ones: Sequence[Unsettled]) -> list[list[int]]:
    """Return for each the weights of its doubtful artists, times 2^96."""
    if not open_ones:
        return []
    looks, places, end = [part for one in open_ones for part in one.parts], [], 0
    for doubtful in [one.doubtful for one in open_ones for _ in one.parts]:
        places.append(np.full(month.facts.artists, -1, dtype=np.int32))
        places[-1][doubtful] = np.arange(end, end := end + len(doubtful), dtype=np.int32)

    def visit(usage: Usage, out: Ints) -> None:
        for part, place in zip(looks, places, strict=True):
            part.add_fine(usage, place, out)

    digits, _ = month.gather(visit, rows=end, columns=WORDS)
    weights = iter(as_integers(carried(digits)))
    return [added([(part.times, [*islice(weights, len(one.doubtful))]) for part in one.parts]) for one in open_ones]


def added(parts: Sequence[tuple[int, Sequence[int]]]) -> list[int]:
    """Add up the weights of several parts, each by its times."""
    return [sum(map(mul, (times for times, _ in parts), each)) for each in zip(*(w for _, w in parts), strict=True)]


def carried(digits: Ints) -> Ints:
    """Bring every digit but the units below 2^32, in place: those of many blocks, or machines, add up below 2^63."""
    for digit in range(digits.shape[1] - 1, 0, -1):
        digits[:, digit - 1] += digits[:, digit] >> HALF
        digits[:, digit] &= LOW
    return digits


def as_integers(digits: Ints) -> list[int]:
    """Read rows of digits, the units times 2^96."""
    columns = [column.tolist() for column in digits.T]
    return [sum(digit << (BITS - HALF * i) for i, digit in enumerate(row)) for row in zip(*columns, strict=True)]


def first_of(keys: Sequence[int], count: int, *, slack: Sequence[int]) -> tuple[list[int], int]:
    """Return the positions of the `count` largest keys, and among how many the last of them was not decided.

    Keys that follow within the slack of both are equal, and of these the first wins; where they are not the same to the
    last bit, as the keys of artists with the same listening are, that is no decision.
    """
    by_size = sorted(range(len(keys)), key=lambda i: (-keys[i], i))
    group, groups = 0, {}
    for before, i in zip([*by_size[:1], *by_size], by_size, strict=False):
        group += keys[before] - keys[i] > slack[before] + slack[i]
        groups[i] = group
    order = sorted(by_size, key=lambda i: (groups[i], i))
    if not 0 < count < len(order) or groups[order[count - 1]] != groups[order[count]]:
        return order[:count], 0
    alike = [i for i in order if groups[i] == groups[order[count]]]
    return order[:count], len(alike) if len({keys[i] for i in alike}) > 1 else 0
