# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""Between a user and the artists played, in integers: a budget split among them, and values of theirs added up.

| kernel             | shapes and types                                                                         |
|--------------------|------------------------------------------------------------------------------------------|
| `add_amounts`      | artist uint32[e], amount int64[e], out int64[artists]                                    |
| `add_proportional` | start int64[u+1], artist uint32[e], amount int64[e], total int64[u], budget int64[u], out |
| `add_fine`         | the same, then place int32[artists] and out int64[chosen, DIGITS]                        |
| `sum_played`       | start, artist, value int64[artists], out int64[u]                                        |
| `count_kept`       | start, artist, fee int64[u], typical int64 > 0, value int64[artists, n], pool float64,   |
|                    | counts int64[n, b+1]                                                                     |

Bounds: each budget >= 0 and the sum of budgets at most 2^62; each amount >= 0; total[u] > 0 is the sum of u's
amounts; the sum of `value` (of each of its columns) stays below 2^63.

A split is exact in total and never negative. Where a user has units enough, each entry gets its part to the nearest
unit (halves up) and the largest entry (of several, that of the smallest artist code) takes what that leaves over or
lacks: with n entries that is at most n / 2 units, and its own part is at least budget / n, so it stays positive from
n^2 units on. A user with fewer is divided by largest remainder: floors first, then one unit each to the largest
remainders, ties to the smaller code.

`add_fine` splits once more for the few artists who come near to a tie. `place` is the row of a chosen artist in `out`,
or -1. A row holds whole units and three digits in base 2^32; digits are summed without carrying, so a block may have up
to 2^31 entries. Each entry is cut off below the last digit.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.words import divide, muldiv

__all__ = ["DIGITS", "add_amounts", "add_fine", "add_proportional", "count_kept", "sum_played"]

DIGITS = 4
HALF = np.uint64(32)
ZERO = np.uint64(0)
ONE = np.uint64(1)
SMALL = 1 << 31


@jit
def add_amounts(artist: np.ndarray, amount: np.ndarray, out: np.ndarray) -> None:
    """Add each amount to its artist."""
    for e in range(len(artist)):
        out[artist[e]] += amount[e]


@jit
def add_proportional(
    start: np.ndarray, artist: np.ndarray, amount: np.ndarray, total: np.ndarray, budget: np.ndarray, out: np.ndarray
) -> None:
    """Split budget[u] in proportion to u's amounts."""
    for u in range(len(total)):
        first, end = start[u], start[u + 1]
        entries = end - first
        if budget[u] == 0:
            continue
        if entries == 1:
            out[artist[first]] += budget[u]
        elif budget[u] // entries < entries:
            add_few(first, end, artist, amount, total[u], budget[u], out)
        elif total[u] < SMALL:
            add_small(first, end, artist, amount, total[u], budget[u], out)
        else:
            add_large(first, end, artist, amount, total[u], budget[u], out)


@inlined
def add_small(
    first: int, end: int, artist: np.ndarray, amount: np.ndarray, total: int, budget: int, out: np.ndarray
) -> None:
    """Divide to the nearest where the user's total is below 2^31.

    With budget = q total + r, an entry x gets q x + (r x + half) // total, and r x + total / 2 < 2^63. The quotient is
    below 2^31, so a float64 estimate of it is off by at most one, which the exact remainder puts right.
    """
    quotient = budget // total
    rest = budget - quotient * total
    inverse = 1.0 / np.float64(total)
    left = budget
    largest, most = first, np.int64(0)
    for e in range(first, end):
        x = amount[e]
        wanted = rest * x + (total >> 1)
        part = np.int64(np.float64(wanted) * inverse)
        over = wanted - part * total
        part += np.int64(over >= total) - np.int64(over < 0)
        part += quotient * x
        out[artist[e]] += part
        left -= part
        if x > most or (x == most and artist[e] < artist[largest]):
            largest, most = e, x
    out[artist[largest]] += left


@jit
def add_large(
    first: int, end: int, artist: np.ndarray, amount: np.ndarray, total: int, budget: int, out: np.ndarray
) -> None:
    """Divide to the nearest through 128 bits, whatever the user's total."""
    divisor = np.uint64(total)
    left = budget
    largest = first
    for e in range(first, end):
        quotient, rest = muldiv(np.uint64(amount[e]), np.uint64(budget), divisor)
        if rest >= divisor - rest:
            quotient += ONE
        out[artist[e]] += np.int64(quotient)
        left -= np.int64(quotient)
        if amount[e] > amount[largest] or (amount[e] == amount[largest] and artist[e] < artist[largest]):
            largest = e
    out[artist[largest]] += left


@jit
def add_few(
    first: int, end: int, artist: np.ndarray, amount: np.ndarray, total: int, budget: int, out: np.ndarray
) -> None:
    """Divide by largest remainder: floors, then one unit each to the largest remainders, ties to the smaller code.

    Who is served last is found by bisection, on the remainder and then on the code, so that nothing is sorted.
    """
    rests = np.empty(end - first, dtype=np.uint64)
    left = budget
    for e in range(first, end):
        quotient, rests[e - first] = muldiv(np.uint64(amount[e]), np.uint64(budget), np.uint64(total))
        out[artist[e]] += np.int64(quotient)
        left -= np.int64(quotient)
    if left == 0:
        return
    border = last_rest(rests, left, np.uint64(total))
    for e in range(first, end):
        if rests[e - first] > border:
            out[artist[e]] += 1
            left -= 1
    code = last_code(rests, border, artist[first:end], left)
    for e in range(first, end):
        if rests[e - first] == border and artist[e] <= code:
            out[artist[e]] += 1


@inlined
def last_rest(rests: np.ndarray, wanted: int, total: np.uint64) -> np.uint64:
    """Return the largest remainder that at least `wanted` entries reach."""
    low, high = ZERO, total
    while high - low > ONE:
        middle = low + ((high - low) >> ONE)
        reached = 0
        for rest in rests:
            reached += np.int64(rest >= middle)
        if reached >= wanted:
            low = middle
        else:
            high = middle
    return low


@inlined
def last_code(rests: np.ndarray, border: np.uint64, artist: np.ndarray, wanted: int) -> int:
    """Return the smallest code that `wanted` entries with this remainder do not exceed; -1 where none is wanted."""
    low, high = np.int64(-1), np.int64(1) << 32
    while wanted and high - low > 1:
        middle = (low + high) // 2
        reached = 0
        for i in range(len(rests)):
            reached += np.int64(rests[i] == border and artist[i] <= middle)
        if reached >= wanted:
            high = middle
        else:
            low = middle
    return high if wanted else low


@jit
def add_fine(
    start: np.ndarray,
    artist: np.ndarray,
    amount: np.ndarray,
    total: np.ndarray,
    budget: np.ndarray,
    place: np.ndarray,
    out: np.ndarray,
) -> None:
    """Split each budget in proportion to the amounts, for chosen artists only, digit by digit."""
    for u in range(len(total)):
        whole = np.uint64(total[u])
        for e in range(start[u], start[u + 1]):
            row = place[artist[e]]
            if row >= 0:
                quotient, rest = muldiv(np.uint64(amount[e]), np.uint64(budget[u]), whole)
                out[row, 0] += np.int64(quotient)
                for digit in range(1, DIGITS):
                    quotient, rest = divide(rest >> HALF, rest << HALF, whole)
                    out[row, digit] += np.int64(quotient)


@jit
def sum_played(start: np.ndarray, artist: np.ndarray, value: np.ndarray, out: np.ndarray) -> None:
    """Write the sum of `value` over each user's artists."""
    for u in range(len(out)):
        held = 0
        for e in range(start[u], start[u + 1]):
            held += value[artist[e]]
        out[u] = held


@jit
def count_kept(
    start: np.ndarray, artist: np.ndarray, fee: np.ndarray, typical: int, value: np.ndarray, pool: float,
    counts: np.ndarray,
) -> None:  # fmt: skip
    """For each column, count users by what strays of their fee, as a part of the typical fee, taken from one.

    Of the typical fee that is the part of the pool that is paid to the artists played. The parts are cut into b =
    counts.shape[1] - 1 equal bins; users of whose fee nothing strays come last, those of whose fee as much as the
    typical fee and more does come first. Columns lie side by side, so that each artist is looked up once.
    """
    columns, bins = value.shape[1], counts.shape[1] - 1
    held = np.zeros(columns, dtype=np.int64)
    for u in range(len(start) - 1):
        held[:] = 0
        for e in range(start[u], start[u + 1]):
            row = artist[e]
            for c in range(columns):
                held[c] += value[row, c]
        for c in range(columns):
            part = float(held[c]) / pool
            if fee[u] != typical:
                part = max(0.0, 1.0 - (1.0 - part) * (float(fee[u]) / float(typical)))
            counts[c, min(np.int64(part * bins), bins)] += 1
