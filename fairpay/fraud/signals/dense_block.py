"""dense_block: accounts and artists that belong to each other more than to anybody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.fraud.signal import Group, GroupSignal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.fraud.traces import Pairs, Sketches
    from fairpay.kernels.arrays import Ints


UNIT = 1 << 20
"""Weights are whole multiples of 2^-20, so that sums of them are exact in any order."""
OFFSET = 5
"""The constant c of 1 / log(x + c) in the paper."""
LEAST_EDGES = 2
"""Artists of a block that an account has among its core."""


@dataclass(frozen=True)
class DenseBlock(GroupSignal):
    """The densest blocks of accounts and artists, one after another, by FRAUDAR's measure.

    Edges join an account and its core artists (as in `same_artists`), among artists most of whose plays come from such
    accounts. An edge to an artist with d such edges weighs 1 / ln(d + 5), so that joining a crowd of fans says little;
    blocks are found by greedy peeling, each without the edges of those before. Of a block of few accounts the artists
    count who live from it: most of their plays come from the block. The accounts whose core is mostly these artists
    are worth a look: peeling leaves out those with the fewest edges, and takes in artists who are played as
    camouflage, and neither matters so.
    """

    blocks: int = 8
    least_users: int = 5
    most_share: float = 0.1
    least_artists: int = 3
    insiders: float = 0.6

    name = "dense_block"
    source = "Hooi et al., 'FRAUDAR: Bounding graph fraud in the face of camouflage' (KDD 2016)"
    innocent = "a local scene whose fans and bands know each other"
    says = "{accounts:,} accounts that make up {value:.0%} of what their artists are played"

    def find(self, sketches: Sketches) -> list[Group]:
        """Peel block after block; keep those whose artists live from them."""
        graph = Graph.of(sketches.core, artists=len(sketches.artist_plays))
        graph = graph.only(self.living(graph, np.arange(len(graph.artist)), sketches)[0])
        found: list[Group] = []
        for _ in range(self.blocks):
            block = densest(graph)
            if not len(block.users):
                break
            if len(block.users) <= self.most_share * len(sketches.plays):
                found += self.judged(graph, block, sketches)
            graph = graph.without(block)
        return disjoint(found, self.least_users)

    def judged(self, graph: Graph, block: DenseGroup, sketches: Sketches) -> list[Group]:
        """Return the accounts on which the block's artists live, if there are enough of both."""
        living, plays = self.living(graph, block.edges, sketches)
        users = fans_of(living, sketches)
        most = self.most_share * len(sketches.plays)
        if len(living) < self.least_artists or not self.least_users <= len(users) <= most:
            return []
        return [Group(users, int(plays[living].sum()) / int(sketches.artist_plays[living].sum()))]

    def living(self, graph: Graph, edges: Ints, sketches: Sketches) -> tuple[Ints, Ints]:
        """Return the artists who live from some of the edges, and what each artist is played by these."""
        artist = graph.artist[edges]
        plays = np.zeros(len(sketches.artist_plays), dtype=np.int64)
        np.add.at(plays, artist, sketches.core.plays[graph.edges[edges]])
        fans = np.bincount(artist, minlength=len(plays))
        return np.flatnonzero((plays >= self.insiders * sketches.artist_plays) & (fans >= self.least_users)), plays


def fans_of(artists: Ints, sketches: Sketches) -> Ints:
    """Return the accounts half of whose core artists or more are among these, and at least two of them."""
    core = sketches.core
    inside = np.zeros(len(sketches.artist_plays), dtype=np.bool_)
    inside[artists] = True
    owner = np.repeat(np.arange(len(sketches.plays)), np.diff(core.start))
    edges = np.bincount(owner[inside[core.artist]], minlength=len(sketches.plays))
    return np.flatnonzero((edges >= LEAST_EDGES) & (2 * edges >= np.diff(core.start)))


def disjoint(groups: list[Group], least: int) -> list[Group]:
    """Leave each account in the first group that holds it."""
    taken = np.zeros(0, dtype=np.int64)
    kept: list[Group] = []
    for group in groups:
        users = np.setdiff1d(group.users, taken)
        taken = np.union1d(taken, users)
        if len(users) >= least:
            kept.append(Group(users, group.value))
    return kept


@dataclass(frozen=True, slots=True)
class DenseGroup:
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

    def without(self, block: DenseGroup) -> Graph:
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


def densest(graph: Graph) -> DenseGroup:
    """Find the block with the greatest weight for each of its users and artists, by greedy peeling.

    Nodes without an edge take no part. The block found is at least half as dense as the densest there is (theorem 1
    of the paper, after Charikar 2000).
    """
    from fairpay.kernels.graphs import peel  # noqa: PLC0415 - Numba is loaded where it is used

    nothing = np.zeros(0, dtype=np.int64)
    if not len(graph.user):
        return DenseGroup(nothing, nothing, nothing)
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
    return DenseGroup(names[names < graph.users], names[names >= graph.users] - graph.users, kept)
