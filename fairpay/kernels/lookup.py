"""Summing a value of each artist over the artists a user played.

| kernel        | shapes and types                                                            |
|---------------|-----------------------------------------------------------------------------|
| `sum_played`  | start int64[u+1], artist uint32[e], value int64[artists], out int64[u]      |

Bounds: the sum of `value` stays below 2^63.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.kernels._jit import jit

if TYPE_CHECKING:
    import numpy as np

__all__ = ["sum_played"]


@jit
def sum_played(start: np.ndarray, artist: np.ndarray, value: np.ndarray, out: np.ndarray) -> None:
    """Write the sum of `value` over each user's artists."""
    for u in range(len(out)):
        held = 0
        for e in range(start[u], start[u + 1]):
            held += value[artist[e]]
        out[u] = held
