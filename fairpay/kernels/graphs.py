"""Sets that look alike, where fakes are looked for.

| kernel     | shapes and types                                                                                   |
|------------|----------------------------------------------------------------------------------------------------|
| `mix_all`  | values uint64[n]; returns uint32[n]                                                                |
| `sign`     | start int64[sets+1], element uint64[e], seeds uint64[k], out uint32[sets, k]                       |
| `unite`    | order int64[m], key uint64[m] (sorted, of each in order), signs uint32[sets, k], least,            |
|            | parent int64[sets]                                                                                 |
| `roots`    | parent int64[sets]                                                                                 |

MinHash: Broder, "On the resemblance and containment of documents" (1997): the least hash of two sets agrees with the
probability that is their Jaccard similarity. Banding: Indyk and Motwani (1998). Elements are mixed with the finaliser
of SplitMix64, so the same seeds give the same signatures everywhere.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit

__all__ = ["mix_all", "roots", "sign", "unite"]


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
