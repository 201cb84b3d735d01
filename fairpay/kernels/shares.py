# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
"""Shares of users' listening: how far they lie from a point, along a direction, and how far fans agree on an artist's.

| kernel       | shapes and types                                                                                   |
|--------------|----------------------------------------------------------------------------------------------------|
| `squares`    | point float64[artists], each in [0, 1]; returns int64: its squared length in units of 2^-60        |
| `distance`   | start int64[u+1], artist uint32[e], amount int64[e], total int64[u], point, square; out float64[u] |
| `along`      | the same, direction float64[artists], offset float64; out float64[u]: share . direction - offset   |
| `share_keys` | start, amount, total, out int64[e]: floor(amount / total * 2^61)                                   |
| `levels`     | bound int64[a+1]; key, mass int64[e], keys falling within an artist; t <= 2^61, fees;              |
|              | out int64[a]: the level; piece int64[a]: the entry whose key it is, or -1 - the one whose mass     |

Terms of distances are rounded to units of 2^-60 and added as integers, so that the order of a user's entries means
nothing; a user whose shares are the point itself has the distance 0 exactly. An artist without entries has the level 0
and no piece. Bounds: each sum of terms is at most 4, below 2^63 units; fees add up below 2^62; keys are at most 2^61.
"""

from __future__ import annotations

import math

import numpy as np

from fairpay.kernels._jit import jit
from fairpay.kernels.words import muldiv

__all__ = ["ONE", "along", "distance", "levels", "share_keys", "squares"]

ONE = 1 << 61
"""The share of a listener who plays nothing else, as a key."""
UNIT = float(1 << 60)


@jit
def squares(point: np.ndarray) -> int:
    """Add up the squares of a point's coordinates."""
    total = 0
    for j in range(len(point)):
        total += int(point[j] * point[j] * UNIT + 0.5)
    return total


@jit
def distance(
    start: np.ndarray,
    artist: np.ndarray,
    amount: np.ndarray,
    total: np.ndarray,
    point: np.ndarray,
    square: int,
    out: np.ndarray,
) -> None:
    """Write ||s_u - z||: differences where u listens, and the squares of z elsewhere.

    These are what is left of `square` when exactly the terms that went into it are taken out, so nothing cancels:
    ||s||² - 2 s.z + ||z||² would lose half of the digits at a distance of 1e-4.
    """
    for u in range(len(total)):
        gap = square
        for e in range(start[u], start[u + 1]):
            z = point[artist[e]]
            away = amount[e] / total[u] - z
            gap += int(away * away * UNIT + 0.5) - int(z * z * UNIT + 0.5)
        out[u] = math.sqrt(max(gap, 0) / UNIT)


@jit
def along(
    start: np.ndarray,
    artist: np.ndarray,
    amount: np.ndarray,
    total: np.ndarray,
    direction: np.ndarray,
    offset: float,
    out: np.ndarray,
) -> None:
    """Write where each user's shares lie along a direction, from the offset."""
    for u in range(len(total)):
        cross = 0
        for e in range(start[u], start[u + 1]):
            cross += int(amount[e] / total[u] * direction[artist[e]] * UNIT)
        out[u] = cross / UNIT - offset


@jit
def share_keys(start: np.ndarray, amount: np.ndarray, total: np.ndarray, out: np.ndarray) -> None:
    """Write each entry's share of its user's listening in units of 2^-61; equal shares give equal keys."""
    for u in range(len(total)):
        for e in range(start[u], start[u + 1]):
            quotient, _ = muldiv(np.uint64(amount[e]), np.uint64(ONE), np.uint64(total[u]))
            out[e] = np.int64(quotient)


@jit
def levels(
    bound: np.ndarray, key: np.ndarray, mass: np.ndarray, t: int, fees: int, out: np.ndarray, piece: np.ndarray
) -> None:
    """Write max over the top l fans of min(their least share, t times their part of all fees).

    Shares fall and fees grow along the fans, so the best l is where the two cross: found by bisection.
    """
    for a in range(len(bound) - 1):
        low, high = bound[a], bound[a + 1]
        while low < high:  # the first entry whose mass is worth its key or more
            middle = (low + high) // 2
            worth, _ = muldiv(np.uint64(t), np.uint64(mass[middle]), np.uint64(fees))
            if np.int64(worth) >= key[middle]:
                high = middle
            else:
                low = middle + 1
        out[a] = key[low] if low < bound[a + 1] else np.int64(0)
        piece[a] = low
        if low > bound[a]:
            worth, _ = muldiv(np.uint64(t), np.uint64(mass[low - 1]), np.uint64(fees))
            if low == bound[a + 1] or np.int64(worth) > key[low]:
                out[a], piece[a] = np.int64(worth), -low
