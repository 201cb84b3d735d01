"""Splits of a user's budget that are not by share of listening: in equal parts, or to the most played only.

| kernel      | shapes and types                                                                  |
|-------------|-----------------------------------------------------------------------------------|
| `add_equal` | start int64[u+1], artist uint32[e], budget int64[u], out int64[artists]            |
| `add_top`   | start int64[u+1], artist uint32[e], amount int64[e], budget int64[u], out          |

Bounds: each budget >= 0, the sum of budgets at most 2^62, every user with at least one entry. What a division leaves,
fewer units than artists, goes to the smallest code, so that the order of entries means nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.kernels._jit import jit

if TYPE_CHECKING:
    import numpy as np

__all__ = ["add_equal", "add_top"]


@jit
def add_equal(start: np.ndarray, artist: np.ndarray, budget: np.ndarray, out: np.ndarray) -> None:
    """Split budget[u] in equal parts among the artists u played."""
    for u in range(len(budget)):
        count = start[u + 1] - start[u]
        part = budget[u] // count
        first = artist[start[u]]
        for e in range(start[u], start[u + 1]):
            out[artist[e]] += part
            first = min(first, artist[e])
        out[first] += budget[u] - part * count


@jit
def add_top(start: np.ndarray, artist: np.ndarray, amount: np.ndarray, budget: np.ndarray, out: np.ndarray) -> None:
    """Give budget[u] to the artist u played most, in equal parts where several tie."""
    for u in range(len(budget)):
        most = amount[start[u]]
        count = 0
        first = artist[start[u]]
        for e in range(start[u], start[u + 1]):
            if amount[e] > most:
                most, count = amount[e], 0
            if amount[e] == most:
                first = artist[e] if count == 0 else min(first, artist[e])
                count += 1
        part = budget[u] // count
        for e in range(start[u], start[u + 1]):
            if amount[e] == most:
                out[artist[e]] += part
        out[first] += budget[u] - part * count
