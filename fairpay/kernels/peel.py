"""Greedy peeling of a bipartite graph: the densest block by average suspiciousness.

| kernel  | shapes and types                                                                                   |
|---------|----------------------------------------------------------------------------------------------------|
| `peel`  | start int64[n+1], other int64[2e], weight int64[2e], held int64[n], order int64[n]; returns int64  |

Nodes 0 to n - 1 are users and artists together; each edge stands twice, under both its ends, with the same weight.
`held` is the sum of each node's weights. Bounds: the sum of all weights is below 2^53, so that comparing averages in
floating point is exact enough to be the same on every machine (one division of two exact numbers each).

Source: Hooi, Song, Beutel, Shah, Shin, Faloutsos, "FRAUDAR: Bounding graph fraud in the face of camouflage" (KDD 2016),
algorithm 1: remove the node with the least weight again and again, remember the set with the largest weight per node.
The heap is indexed, so a node moves instead of being pushed again; ties leave by the larger node number first.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit

__all__ = ["peel"]


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
