"""Sums of int64 that cannot wrap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["sum_exactly"]


def sum_exactly(values: NDArray[np.int64]) -> int:
    """Sum int64 values of any size: the two 32-bit halves are summed apart (exact up to 2^31 values)."""
    low = int((values & np.int64(0xFFFFFFFF)).sum())
    high = int((values >> np.int64(32)).sum())
    return (high << 32) + low
