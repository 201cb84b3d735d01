"""The geometric median where all users' shares lie on one line, as they do with two artists: a median by weight.

There a whole interval may be optimal; the point of it nearest to the user-centric shares is taken. Everywhere else
the geometric median is unique.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairpay.rules.solvers.weiszfeld import distances, extreme_user, length

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.usage import Usage
    from fairpay.rules.solvers.weiszfeld import Floats

__all__ = ["on_a_line"]

FINE = 2.0**60
FLAT = 1e-13
"""How far from the line, as a part of its length and absolutely, still counts as on it."""

COARSE = 2.0**-58
"""What is noise in the square of a distance."""


def on_a_line(month: Month, mean: Floats) -> Floats | None:
    """Return the geometric median nearest to `mean`, or None where the paying users are not on one line through it."""
    from fairpay.kernels import shares as kernel  # noqa: PLC0415 - Numba is loaded where it is used

    direction = extreme_user(month, mean, farthest=True) - mean
    span = length(direction)
    if span == 0.0:
        return mean
    direction /= span
    square, offset = kernel.squares(mean), float((mean * direction).sum())

    def place(usage: Usage) -> tuple[Ints, Ints] | None:
        out = np.empty(usage.users, dtype=np.float64)
        kernel.along(usage.start, usage.artist, usage.amount, usage.whole, direction, offset, out)
        far = distances(usage, mean, square)
        off = np.abs(out) < far * (1.0 - FLAT) - FLAT - COARSE / np.where(far > 0, far, COARSE)
        if (off & (usage.fee > 0)).any():
            return None
        return np.round(out * FINE).astype(np.int64), usage.fee

    found = list(month.each(place))
    if any(part is None for part in found):
        return None
    places, fees = (np.concatenate(parts) for parts in zip(*filter(None, found), strict=True))
    low, high = medians(places, fees)
    return np.maximum(mean + min(max(0, low), high) / FINE * direction, 0.0)


def medians(places: Ints, fees: Ints) -> tuple[int, int]:
    """Return the lower and upper median of places weighted by fees, zero fees left out."""
    paying = fees > 0
    order = np.argsort(places[paying], kind="stable")
    places, mass = places[paying][order], np.cumsum(fees[paying][order])
    low = np.searchsorted(mass, (mass[-1] + 1) // 2)
    high = np.searchsorted(mass, mass[-1] // 2 + 1)
    return int(places[low]), int(places[high])
