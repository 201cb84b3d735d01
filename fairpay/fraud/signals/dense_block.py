"""dense_block: accounts and artists that belong to each other more than to anybody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.blocks import Graph, densest
from fairpay.fraud.signal import Group, GroupSignal

if TYPE_CHECKING:
    from fairpay.fraud.blocks import Block
    from fairpay.fraud.traces import Crowd
    from fairpay.kernels.arrays import Ints


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

    name: ClassVar[str] = "dense_block"
    source: ClassVar[str] = "Hooi et al., 'FRAUDAR: Bounding graph fraud in the face of camouflage' (KDD 2016)"
    innocent: ClassVar[str] = "a local scene whose fans and bands know each other"

    def find(self, crowd: Crowd) -> list[Group]:
        """Peel block after block; keep those whose artists live from them."""
        graph = Graph.of(crowd.core, artists=len(crowd.artist_plays))
        graph = graph.only(self.living(graph, np.arange(len(graph.artist)), crowd)[0])
        found: list[Group] = []
        for _ in range(self.blocks):
            block = densest(graph)
            if not len(block.users):
                break
            if len(block.users) <= self.most_share * len(crowd.plays):
                found += self.judged(graph, block, crowd)
            graph = graph.without(block)
        return disjoint(found, self.least_users)

    def judged(self, graph: Graph, block: Block, crowd: Crowd) -> list[Group]:
        """Return the accounts on which the block's artists live, if there are enough of both."""
        living, plays = self.living(graph, block.edges, crowd)
        users = fans_of(living, crowd)
        if len(living) < self.least_artists or not self.least_users <= len(users) <= self.most_share * len(crowd.plays):
            return []
        return [Group(users, int(plays[living].sum()) / int(crowd.artist_plays[living].sum()))]

    def living(self, graph: Graph, edges: Ints, crowd: Crowd) -> tuple[Ints, Ints]:
        """Return the artists who live from some of the edges, and what each artist is played by these."""
        artist = graph.artist[edges]
        plays = np.zeros(len(crowd.artist_plays), dtype=np.int64)
        np.add.at(plays, artist, crowd.core.plays[graph.edges[edges]])
        fans = np.bincount(artist, minlength=len(plays))
        return np.flatnonzero((plays >= self.insiders * crowd.artist_plays) & (fans >= self.least_users)), plays

    def words(self, group: Group) -> str:
        """Say it."""
        return f"{len(group.users):,} accounts that make up {group.value:.0%} of what their artists are played"


def fans_of(artists: Ints, crowd: Crowd) -> Ints:
    """Return the accounts half of whose core artists or more are among these, and at least two of them."""
    core = crowd.core
    inside = np.zeros(len(crowd.artist_plays), dtype=np.bool_)
    inside[artists] = True
    owner = np.repeat(np.arange(len(crowd.plays)), np.diff(core.start))
    edges = np.bincount(owner[inside[core.artist]], minlength=len(crowd.plays))
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
