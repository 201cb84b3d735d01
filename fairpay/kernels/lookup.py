"""Summing a value of each artist over the artists a user played.

| kernel        | shapes and types                                                            |
|---------------|-----------------------------------------------------------------------------|
| `sum_played`  | start int64[u+1], artist uint32[e], value int64[artists], out int64[u]      |
| `count_kept`  | start, artist; fee int64[u], typical int64 > 0; value int64[artists, n];    |
|               | pool float64; counts int64[n, b+1]                                          |

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
def count_kept(  # noqa: PLR0913, PLR0917 - a kernel takes flat arguments
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
