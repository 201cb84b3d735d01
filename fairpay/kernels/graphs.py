"""Users and artists as a graph, where fakes are looked for: sets that look alike, and the densest block.

| kernel     | shapes and types                                                                                   |
|------------|----------------------------------------------------------------------------------------------------|
| `mix_all`  | values uint64[n]; returns uint32[n]                                                                |
| `sign`     | start int64[sets+1], element uint64[e], seeds uint64[k], out uint32[sets, k]                       |
| `unite`    | order int64[m], key uint64[m] (sorted, of each in order), signs uint32[sets, k], least,            |
|            | parent int64[sets]                                                                                 |
| `roots`    | parent int64[sets]                                                                                 |
| `peel`     | start int64[n+1], other int64[2e], weight int64[2e], held int64[n], order int64[n]; returns int64  |

MinHash: Broder, "On the resemblance and containment of documents" (1997): the least hash of two sets agrees with the
probability that is their Jaccard similarity. Banding: Indyk and Motwani (1998). Elements are mixed with the finaliser
of SplitMix64, so the same seeds give the same signatures everywhere.

Peeling: Hooi, Song, Beutel, Shah, Shin, Faloutsos, "FRAUDAR: Bounding graph fraud in the face of camouflage" (KDD
2016), algorithm 1: remove the node with the least weight again and again, remember the set with the largest weight per
node.
Nodes 0 to n - 1 are users and artists together; each edge stands twice, under both its ends, with the same weight.
`held` is the sum of each node's weights. Bounds: the sum of all weights is below 2^53, so that comparing averages in
floating point is exact enough to be the same on every machine (one division of two exact numbers each). The heap is
indexed, so a node moves instead of being pushed again; ties leave by the larger node number first.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit

__all__ = ["mix_all", "peel", "roots", "sign", "unite"]


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
def before(held: np.ndarray, a: int, b: int) -> bool:
    """Whether node a leaves before node b."""
    return bool(held[a] < held[b] or (held[a] == held[b] and a > b))


@jit
def rise(heap: np.ndarray, place: np.ndarray, held: np.ndarray, at: int) -> None:
    """Move a node that became lighter towards the top."""
    node = heap[at]
    while at > 0:
        up = (at - 1) >> 1
        if not before(held, node, heap[up]):
            break
        heap[at] = heap[up]
        place[heap[at]] = at
        at = up
    heap[at] = node
    place[node] = at


@jit
def sink(heap: np.ndarray, place: np.ndarray, held: np.ndarray, at: int, size: int) -> None:
    """Move a node towards the bottom until both nodes below it leave later."""
    node = heap[at]
    while 2 * at + 1 < size:
        down = 2 * at + 1
        if down + 1 < size and before(held, heap[down + 1], heap[down]):
            down += 1
        if not before(held, heap[down], node):
            break
        heap[at] = heap[down]
        place[heap[at]] = at
        at = down
    heap[at] = node
    place[node] = at


@jit
def peel(start: np.ndarray, other: np.ndarray, weight: np.ndarray, held: np.ndarray, order: np.ndarray) -> int:
    """Write the order in which nodes leave; return how many leave before the densest set stands; uses up `held`."""
    n = len(held)
    heap, place = np.arange(n), np.arange(n)
    for at in range(n // 2, -1, -1):
        if at < n:
            sink(heap, place, held, at, n)
    total = held.sum() // 2
    best, densest = 0, total / max(n, 1)
    for gone in range(n):
        node = heap[0]
        size = n - gone - 1
        heap[0] = heap[size]
        place[heap[0]] = 0
        place[node] = -1
        if size > 0:
            sink(heap, place, held, 0, size)
        order[gone] = node
        total -= held[node]
        for e in range(start[node], start[node + 1]):
            if place[other[e]] >= 0:
                held[other[e]] -= weight[e]
                rise(heap, place, held, place[other[e]])
        if size > 0 and total / size > densest:
            best, densest = gone + 1, total / size
    return best
