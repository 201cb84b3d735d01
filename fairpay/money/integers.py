"""Sums and comparisons of int64 that cannot wrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["shorter", "sum_exactly"]


def sum_exactly(values: NDArray[np.int64]) -> int:
    """Sum int64 values of any size: the two 32-bit halves are summed apart (exact up to 2^31 values)."""
    low = int((values & np.int64(0xFFFFFFFF)).sum())
    high = int((values >> np.int64(32)).sum())
    return (high << 32) + low


def shorter(
    ms: NDArray[np.int64],
    plays: NDArray[np.int64] | None,
    least: int | NDArray[np.int64],
    *,
    rounded_up: NDArray[np.bool_] | None = None,
) -> NDArray[np.bool_]:
    """Say which rows are too short to count, by the mean length of their plays, exactly: ms < least x plays.

    Args:
        ms: int64[rows]: milliseconds of all plays of a row.
        plays: int64[rows], 1 or more where it matters; None: one each.
        least: milliseconds, one for all or int64[rows]; 0: nothing is short.
        rounded_up: bool[rows]: durations a little below `ms`, so that one just long enough is short.

    """
    if plays is None:
        short = ms < least
        return short if rounded_up is None else short | ((ms == least) & rounded_up)
    # ms < least x plays is ms // least < plays, in whole numbers.
    whole, rest = np.divmod(ms, np.maximum(least, 1))
    short = whole < plays
    if rounded_up is not None:
        short |= (whole == plays) & (rest == 0) & rounded_up
    return short & (np.asarray(least) > 0)
