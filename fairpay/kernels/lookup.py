"""Summing a value of each artist over the artists a user played.

| kernel        | shapes and types                                                            |
|---------------|-----------------------------------------------------------------------------|
| `sum_played`  | start int64[u+1], artist uint32[e], value int64[artists], out int64[u]      |
| `count_kept`  | start, artist; value int64[artists, n]; pool float64; counts int64[n, b+1]  |

Bounds: the sum of `value` (of each of its columns) stays below 2^63.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit

__all__ = ["count_kept", "sum_played"]


@jit
def sum_played(start: np.ndarray, artist: np.ndarray, value: np.ndarray, out: np.ndarray) -> None:
    """Write the sum of `value` over each user's artists."""
    for u in range(len(out)):
        held = 0
        for e in range(start[u], start[u + 1]):
            held += value[artist[e]]
        out[u] = held


@jit
def count_kept(start: np.ndarray, artist: np.ndarray, value: np.ndarray, pool: float, counts: np.ndarray) -> None:
    """For each column, count users by the part of the pool that is paid to the artists they played.

    The parts are cut into b = counts.shape[1] - 1 equal bins; users whose artists are paid all of it come last. Columns
    lie side by side, so that each artist is looked up once.
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
            counts[c, min(np.int64(float(held[c]) / pool * bins), bins)] += 1
