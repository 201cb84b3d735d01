"""dense_block: accounts and artists that belong to each other more than to anybody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.blocks import Graph, densest
from fairpay.signal import Group, GroupSignal

if TYPE_CHECKING:
    from fairpay.blocks import Block
    from fairpay.traces import Crowd
    from fairpay.usage import Ints


LEAST_EDGES = 2
"""Artists of a block that an account added to it has among its core."""


@dataclass(frozen=True)
class DenseBlock(GroupSignal):
    """The densest blocks of accounts and artists, one after another, by FRAUDAR's measure.

    Edges join an account and its core artists (as in `same_artists`). An edge to an artist with d such edges weighs
    1 / ln(d + 5), so that joining a crowd of fans says little; blocks are found by greedy peeling, each without the
    edges of those before. A block is worth a look if its accounts make up most of what its artists are played, and
    they are a small part of all accounts: plays of other artists, the camouflage, change neither. Accounts most of
    whose core artists are the block's are then added to it.
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
        users = len(crowd.plays)
        graph = Graph.of(crowd.core, artists=len(crowd.artist_plays))
        found: list[Group] = []
        for _ in range(self.blocks):
            block = densest(graph)
            if not len(block.users):
                break
            plays = int(crowd.core.plays[graph.edges[block.edges]].sum())
            share = plays / max(1, int(crowd.artist_plays[block.artists].sum()))
            if (
                self.least_users <= len(block.users) <= max(self.least_users, self.most_share * users)
                and len(block.artists) >= self.least_artists
                and share >= self.insiders
            ):
                found.append(Group(grown(block, crowd), share))
            graph = graph.without(block)
        return disjoint(found, self.least_users)

    def words(self, group: Group) -> str:
        """Say it."""
        return f"{len(group.users):,} accounts that make up {group.value:.0%} of what their artists are played"


def grown(block: Block, crowd: Crowd) -> Ints:
    """Add the accounts most of whose core artists are the block's: peeling leaves out those with the fewest edges."""
    core = crowd.core
    inside = np.zeros(len(crowd.artist_plays), dtype=np.bool_)
    inside[block.artists] = True
    owner = np.repeat(np.arange(len(crowd.plays)), np.diff(core.start))
    edges = np.bincount(owner[inside[core.artist]], minlength=len(crowd.plays))
    more = np.flatnonzero((edges >= LEAST_EDGES) & (2 * edges > np.diff(core.start)))
    return np.union1d(block.users, more)


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
