"""Splitting budgets once more, to 96 bits below the unit, for the few artists who come near to a tie.

| kernel                  | shapes and types                                                              |
|-------------------------|-------------------------------------------------------------------------------|
| `add_proportional_fine` | start int64[u+1], artist uint32[e], amount int64[e], total and budget int64[u] |
| `add_equal_fine`        | start int64[u+1], artist uint32[e], budget int64[u]                           |
| `add_top_fine`          | start int64[u+1], artist uint32[e], amount int64[e], budget int64[u]          |

All end with place int32[artists] and out int64[chosen, 4].
`place` is the row of a chosen artist in `out`, or -1. A row holds whole units and three digits in base 2^32; digits are
summed without carrying, so a block may have up to 2^31 entries. Each entry is cut off below the last digit.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit
from fairpay.kernels.wide import divide, muldiv

__all__ = ["DIGITS", "add_equal_fine", "add_proportional_fine", "add_top_fine"]

DIGITS = 4
HALF = np.uint64(32)


@jit
def add_part(part: np.uint64, budget: np.uint64, whole: np.uint64, row: np.ndarray) -> None:
    """Add budget * part / whole to a row, digit by digit."""
    quotient, rest = muldiv(part, budget, whole)
    row[0] += np.int64(quotient)
    for digit in range(1, DIGITS):
        quotient, rest = divide(rest >> HALF, rest << HALF, whole)
        row[digit] += np.int64(quotient)


@jit
def add_proportional_fine(  # noqa: PLR0913, PLR0917 - a kernel takes its arrays one by one
    start: np.ndarray,
    artist: np.ndarray,
    amount: np.ndarray,
    total: np.ndarray,
    budget: np.ndarray,
    place: np.ndarray,
    out: np.ndarray,
) -> None:
    """Split each budget in proportion to the amounts, for chosen artists only."""
    for u in range(len(total)):
        for e in range(start[u], start[u + 1]):
            row = place[artist[e]]
            if row >= 0:
                add_part(np.uint64(amount[e]), np.uint64(budget[u]), np.uint64(total[u]), out[row])


@jit
def add_equal_fine(
    start: np.ndarray, artist: np.ndarray, budget: np.ndarray, place: np.ndarray, out: np.ndarray
) -> None:
    """Split each budget equally, for chosen artists only."""
    for u in range(len(budget)):
        for e in range(start[u], start[u + 1]):
            row = place[artist[e]]
            if row >= 0:
                add_part(np.uint64(1), np.uint64(budget[u]), np.uint64(start[u + 1] - start[u]), out[row])


@jit
def add_top_fine(  # noqa: PLR0913, PLR0917 - a kernel takes its arrays one by one
    start: np.ndarray, artist: np.ndarray, amount: np.ndarray, budget: np.ndarray, place: np.ndarray, out: np.ndarray
) -> None:
    """Split each budget equally among a user's most played artists, for chosen artists only."""
    for u in range(len(budget)):
        most, count = np.int64(0), 0
        for e in range(start[u], start[u + 1]):
            if amount[e] > most:
                most, count = amount[e], 0
            count += amount[e] == most
        for e in range(start[u], start[u + 1]):
            row = place[artist[e]]
            if row >= 0 and amount[e] == most:
                add_part(np.uint64(1), np.uint64(budget[u]), np.uint64(count), out[row])
