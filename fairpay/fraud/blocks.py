"""Blocks: a bipartite graph of users and artists, and its densest block by FRAUDAR's greedy peeling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.fraud.traces import Pairs
    from fairpay.kernels.arrays import Ints

__all__ = ["Block", "Graph", "densest"]

UNIT = 1 << 20
"""Weights are whole multiples of 2^-20, so that sums of them are exact in any order."""
OFFSET = 5
"""The constant c of 1 / log(x + c) in the paper."""


@dataclass(frozen=True, slots=True)
class Block:
    """A set of users and artists."""

    users: Ints
    """int64: user codes, ascending."""
    artists: Ints
    """int64: artist codes, ascending."""
    edges: Ints
    """int64: places in the graph's `edges` of the edges between them."""


@dataclass(frozen=True, slots=True)
class Graph:
    """Edges between users and artists."""

    user: Ints
    """int64[e]."""
    artist: Ints
    """int64[e]."""
    edges: Ints
    """int64[e]: which entry of the pairs each edge was."""
    users: int
    artists: int

    @classmethod
    def of(cls, pairs: Pairs, *, artists: int) -> Graph:
        """Make one edge of each pair."""
        users = len(pairs.start) - 1
        user = np.repeat(np.arange(users), np.diff(pairs.start))
        return cls(user, pairs.artist.astype(np.int64), np.arange(len(user)), users, artists)

    def without(self, block: Block) -> Graph:
        """Take a block's edges out."""
        stay = np.ones(len(self.user), dtype=np.bool_)
        stay[block.edges] = False
        return Graph(self.user[stay], self.artist[stay], self.edges[stay], self.users, self.artists)

    def only(self, artists: Ints) -> Graph:
        """Keep the edges to some artists."""
        kept = np.zeros(self.artists, dtype=np.bool_)
        kept[artists] = True
        stay = kept[self.artist]
        return Graph(self.user[stay], self.artist[stay], self.edges[stay], self.users, self.artists)

    def weights(self) -> Ints:
        """Weigh each edge by its artist's degree: 1 / ln(d + 5) in units of 2^-20, int64[e]."""
        degree = np.bincount(self.artist, minlength=self.artists)
        each: NDArray[np.float64] = np.rint(UNIT / np.log(degree + OFFSET))
        return each.astype(np.int64)[self.artist]


def densest(graph: Graph) -> Block:
    """Find the block with the greatest weight for each of its users and artists, by greedy peeling.

    Nodes without an edge take no part. The block found is at least half as dense as the densest there is (theorem 1
    of the paper, after Charikar 2000).
    """
    from fairpay.kernels.peel import peel  # noqa: PLC0415 - Numba is loaded where it is used

    nothing = np.zeros(0, dtype=np.int64)
    if not len(graph.user):
        return Block(nothing, nothing, nothing)
    ends = np.concatenate([graph.user, graph.artist + graph.users])
    met = np.bincount(ends, minlength=graph.users + graph.artists) > 0
    name, ends = np.flatnonzero(met), (np.cumsum(met) - 1)[ends]
    edges = len(graph.user)
    weight = graph.weights()
    order = np.argsort(ends, kind="stable")
    start = np.searchsorted(ends[order], np.arange(len(name) + 1))
    other = np.concatenate([ends[edges:], ends[:edges]])[order]
    weights = np.concatenate([weight, weight])[order]
    held = np.add.reduceat(weights, start[:-1])
    left = np.empty(len(name), dtype=np.int64)
    gone = peel(start, other, weights, held, left)
    inside = np.zeros(len(name), dtype=np.bool_)
    inside[left[gone:]] = True
    names = name[inside]
    kept = np.flatnonzero(inside[ends[:edges]] & inside[ends[edges:]])
    return Block(names[names < graph.users], names[names >= graph.users] - graph.users, kept)
