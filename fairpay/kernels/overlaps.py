# mypy: disable-error-code="assignment,return-value,arg-type"
"""How far sets of artists overlap: shared artists over artists of either (Jaccard).

| kernel    | shapes and types                                                                               |
|-----------|------------------------------------------------------------------------------------------------|
| `nearest` | start int64[u+1], artist int64[e]; posted int64[artists+1], query int64[p]; size int64[q], out |
|           | best float64[q], same int64[q]                                                                 |

`query[posted[a]:posted[a + 1]]` are the queries whose set holds artist a; `size` is how many artists each query has.
Bounds: no artist stands twice in a set.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit

__all__ = ["nearest"]


@jit
def nearest(  # noqa: PLR0913, PLR0917 - kernels take flat arrays by position
    start: np.ndarray,
    artist: np.ndarray,
    posted: np.ndarray,
    query: np.ndarray,
    size: np.ndarray,
    best: np.ndarray,
    same: np.ndarray,
) -> None:
    """Raise `best` to the largest overlap below 1 of each query with any of u sets; count equal sets in `same`."""
    shared = np.zeros(len(size), dtype=np.int64)
    for u in range(len(start) - 1):
        shared[:] = 0
        for e in range(start[u], start[u + 1]):
            for k in range(posted[artist[e]], posted[artist[e] + 1]):
                shared[query[k]] += 1
        mine = start[u + 1] - start[u]
        for q in range(len(size)):
            either = size[q] + mine - shared[q]
            if shared[q] == either:
                same[q] += 1
            elif shared[q] > best[q] * either:
                best[q] = shared[q] / either
