"""Dealing rows out to parts.

| kernel | shapes and types                                                        |
|--------|-------------------------------------------------------------------------|
| `deal` | part uint8[n], rows uint64[n, w], next int64[parts], out uint64[n, w]   |

`next` holds where the rows of each part begin in the result, and is used up: then it holds where they end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.kernels._jit import jit

if TYPE_CHECKING:
    import numpy as np

__all__ = ["deal"]


@jit
def deal(part: np.ndarray, rows: np.ndarray, next_: np.ndarray, out: np.ndarray) -> None:
    """Copy each row to the next place of its part."""
    for i in range(len(part)):
        at = next_[part[i]]
        next_[part[i]] = at + 1
        for k in range(rows.shape[1]):
            out[at, k] = rows[i, k]
