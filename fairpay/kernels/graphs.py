"""Sets that look alike, where fakes are looked for.

| kernel     | shapes and types                                                                                   |
|------------|----------------------------------------------------------------------------------------------------|
| `mix_all`  | values uint64[n]; returns uint32[n]                                                                |
| `sign`     | start int64[sets+1], element uint64[e], seeds uint64[k], out uint32[sets, k]                       |
| `unite`    | order int64[m], key uint64[m] (sorted, of each in order), signs uint32[sets, k], least,            |
|            | parent int64[sets]                                                                                 |
| `roots`    | parent int64[sets]                                                                                 |
| `nearest`  | start int64[u+1], artist int64[e]; posted int64[artists+1], query int64[p]; size int64[q], out     |
|            | best float64[q], same int64[q]: how far sets of artists overlap (Jaccard)                          |

`query[posted[a]:posted[a + 1]]` are the queries whose set holds artist a; `size` is how many artists each query has; no
artist stands twice in a set.

MinHash: Broder, "On the resemblance and containment of documents" (1997): the least hash of two sets agrees with the
probability that is their Jaccard similarity. Banding: Indyk and Motwani (1998). Elements are mixed with the finaliser
of SplitMix64, so the same seeds give the same signatures everywhere.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit

__all__ = ["mix_all", "nearest", "roots", "sign", "unite"]


@jit
def mix(x: np.uint64) -> np.uint64:
    """Scramble 64 bits."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


@jit
def mix_all(values: np.ndarray) -> np.ndarray:
    """Scramble each to 32 bits: uint32[n]."""
    out = np.empty(len(values), dtype=np.uint32)
    for i in range(len(values)):
        out[i] = np.uint32(mix(values[i]) >> np.uint64(32))
    return out


@jit
def sign(start: np.ndarray, element: np.ndarray, seeds: np.ndarray, out: np.ndarray) -> None:
    """Write the least hash of each set under each seed; an empty set keeps 2^32 - 1 everywhere."""
    for s in range(len(start) - 1):
        for k in range(len(seeds)):
            out[s, k] = np.uint32(0xFFFFFFFF)
        for e in range(start[s], start[s + 1]):
            base = mix(element[e])
            for k in range(len(seeds)):
                found = np.uint32(mix(base ^ seeds[k]) >> np.uint64(32))
                out[s, k] = min(out[s, k], found)


@jit
def root(parent: np.ndarray, s: int) -> int:
    """Find the representative of a set's group, halving the way."""
    while parent[s] != s:
        parent[s] = parent[parent[s]]
        s = parent[s]
    return s


@jit
def alike(signs: np.ndarray, a: int, b: int) -> int:
    """Count the hashes in which two sets agree."""
    same = 0
    for k in range(signs.shape[1]):
        if signs[a, k] == signs[b, k]:
            same += 1
    return same


@jit
def unite(order: np.ndarray, key: np.ndarray, signs: np.ndarray, least: int, parent: np.ndarray) -> None:
    """Join sets that share a key and agree in at least `least` hashes with the first or the previous of that key.

    The smaller number represents a group, so the order of bands and of keys leaves no trace.
    """
    first = 0
    for i in range(1, len(order)):
        if key[i] != key[i - 1]:
            first = i
            continue
        for j in (first, i - 1):
            a, b = root(parent, order[i]), root(parent, order[j])
            if a != b and alike(signs, order[i], order[j]) >= least:
                if a < b:
                    parent[b] = a
                else:
                    parent[a] = b


@jit
def roots(parent: np.ndarray) -> None:
    """Point every set straight at the representative of its group."""
    for s in range(len(parent)):
        parent[s] = root(parent, s)


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
