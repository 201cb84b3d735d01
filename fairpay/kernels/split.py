"""Splitting a user's budget among the artists played, in integers.

| kernel             | shapes and types                                                                         |
|--------------------|------------------------------------------------------------------------------------------|
| `add_amounts`      | artist uint32[e], amount int64[e], out int64[artists]                                    |
| `add_proportional` | start int64[u+1], artist uint32[e], amount int64[e], total int64[u], budget int64[u], out |

Bounds: each budget >= 0 and the sum of budgets below 2^62; each amount > 0; total[u] is the sum of u's amounts.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit
from fairpay.kernels.wide import muldiv

__all__ = ["add_amounts", "add_proportional"]


@jit
def add_amounts(artist: np.ndarray, amount: np.ndarray, out: np.ndarray) -> None:
    """Add each amount to its artist."""
    for e in range(len(artist)):
        out[artist[e]] += amount[e]


@jit
def add_proportional(
    start: np.ndarray, artist: np.ndarray, amount: np.ndarray, total: np.ndarray, budget: np.ndarray, out: np.ndarray
) -> None:
    """Split budget[u] in proportion to u's amounts: to the nearest unit, the residual on the largest entry."""
    for u in range(len(total)):
        left = budget[u]
        largest = start[u]
        for e in range(start[u], start[u + 1]):
            quotient, rest = muldiv(np.uint64(amount[e]), np.uint64(budget[u]), np.uint64(total[u]))
            if rest >= np.uint64(total[u]) - rest:
                quotient += np.uint64(1)
            out[artist[e]] += np.int64(quotient)
            left -= np.int64(quotient)
            if amount[e] > amount[largest] or (amount[e] == amount[largest] and artist[e] < artist[largest]):
                largest = e
        out[artist[largest]] += left
