"""Where each listener's share of an artist lies, and how far the fans of an artist agree.

| kernel       | shapes and types                                                                                   |
|--------------|----------------------------------------------------------------------------------------------------|
| `share_keys` | start int64[u+1], amount int64[e], total int64[u], out int64[e]: floor(amount / total * 2^61)      |
| `levels`     | bound int64[a+1]; key, mass int64[e], keys falling within an artist; t <= 2^61, fees;              |
|              | out int64[a]: the level; piece int64[a]: the entry whose key it is, or -1 - the one whose mass     |

An artist without entries has the level 0 and no piece. Bounds: fees add up below 2^62; keys at most 2^61.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit
from fairpay.kernels.wide import muldiv

__all__ = ["ONE", "levels", "share_keys"]

ONE = 1 << 61
"""The share of a listener who plays nothing else."""


@jit
def share_keys(start: np.ndarray, amount: np.ndarray, total: np.ndarray, out: np.ndarray) -> None:
    """Write each entry's share of its user's listening in units of 2^-61; equal shares give equal keys."""
    for u in range(len(total)):
        for e in range(start[u], start[u + 1]):
            quotient, _ = muldiv(np.uint64(amount[e]), np.uint64(ONE), np.uint64(total[u]))
            out[e] = np.int64(quotient)


@jit
def levels(  # noqa: PLR0913, PLR0917 - a kernel takes flat arguments
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
