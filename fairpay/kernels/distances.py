"""How far each user's shares lie from a point, for the geometric median.

| kernel     | shapes and types                                                                                      |
|------------|-------------------------------------------------------------------------------------------------------|
| `squares`  | point float64[artists], each in [0, 1]; returns int64: its squared length in units of 2^-60           |
| `distance` | start int64[u+1], artist uint32[e], amount int64[e], total int64[u], point, square; out float64[u]     |
| `along`    | the same, direction float64[artists], offset float64; out float64[u]: share . direction - offset      |

Terms are rounded to units of 2^-60 and added as integers, so that the order of a user's entries means nothing; a
user whose shares are the point itself has the distance 0 exactly. Bounds: each sum is at most 4, below 2^63 units.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fairpay.kernels._jit import jit

if TYPE_CHECKING:
    import numpy as np

__all__ = ["along", "distance", "squares"]

UNIT = float(1 << 60)


@jit
def squares(point: np.ndarray) -> int:
    """Add up the squares of a point's coordinates."""
    total = 0
    for j in range(len(point)):
        total += int(point[j] * point[j] * UNIT + 0.5)
    return total


@jit
def distance(  # noqa: PLR0913, PLR0917 - a kernel takes flat arguments
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
def along(  # noqa: PLR0913, PLR0917 - a kernel takes flat arguments
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
