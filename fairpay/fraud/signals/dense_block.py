"""dense_block: accounts and artists that belong to each other more than to anybody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairpay.fraud.signals import Group, GroupSignal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.fraud.traces import Sketches
    from fairpay.kernels.arrays import Ints

UNIT = 1 << 20
"""Weights are whole multiples of 2^-20, so that sums of them are exact in any order."""
OFFSET = 5
"""The constant c of 1 / log(x + c) in the paper."""
LEAST_EDGES = 2
"""Artists of a block that an account has among its core."""


class DenseBlock(GroupSignal):
    """The densest blocks of accounts and artists, one after another, by FRAUDAR's measure.

    Edges join an account and its core artists (as in `same_artists`), among artists most of whose plays come from such
    accounts. An edge to an artist with d such edges weighs 1 / ln(d + 5), so that joining a crowd of fans says little;
    blocks are found by greedy peeling, each without the edges of those before. Of a block of few accounts the artists
    count who live from it: most of their plays come from the block. The accounts whose core is mostly these artists
    are worth a look: peeling leaves out those with the fewest edges, and takes in artists who are played as
    camouflage, and neither matters so.
    """

    blocks = 8
    least_users = 5
    most_share = 0.1
    least_artists = 3
    insiders = 0.6
    source = "Hooi et al., 'FRAUDAR: Bounding graph fraud in the face of camouflage' (KDD 2016)"
    innocent = "a local scene whose fans and bands know each other"
    says = "{accounts:,} accounts that make up {share} of what their artists are played"

    def find(self, sketches: Sketches) -> list[Group]:
        """Peel block after block; keep those whose artists live from them, each account in the first that holds it."""
        artist, owner = sketches.core.artist, owners(sketches)
        most = self.most_share * len(sketches.plays)
        edges = np.flatnonzero(np.isin(artist, self.living(np.arange(len(artist)), sketches)[0]))
        taken, groups = np.zeros(0, dtype=np.int64), []
        for _ in range(self.blocks):
            block = densest(owner[edges], artist[edges])
            if not len(block):
                break
            living, plays = self.living(edges[block], sketches)
            fans = fans_of(living, sketches)
            enough = len(living) >= self.least_artists and self.least_users <= len(fans) <= most
            if enough and len(np.unique(owner[edges[block]])) <= most:
                users = np.setdiff1d(fans, taken)
                taken = np.union1d(fans, taken)
                if len(users) >= self.least_users:
                    groups.append(Group(users, int(plays[living].sum()) / int(sketches.artist_plays[living].sum())))
            edges = np.delete(edges, block)
        return groups

    def living(self, edges: Ints, sketches: Sketches) -> tuple[Ints, Ints]:
        """Return the artists who live from some entries of the core, and what each artist is played by these."""
        artist = sketches.core.artist[edges]
        plays = np.zeros(len(sketches.artist_plays), dtype=np.int64)
        np.add.at(plays, artist, sketches.core.plays[edges])
        fans = np.bincount(artist, minlength=len(plays))
        return np.flatnonzero((plays >= self.insiders * sketches.artist_plays) & (fans >= self.least_users)), plays


def owners(sketches: Sketches) -> Ints:
    """Return the user of each entry of the core."""
    return np.repeat(np.arange(len(sketches.plays)), np.diff(sketches.core.start))


def fans_of(artists: Ints, sketches: Sketches) -> Ints:
    """Return the accounts half of whose core artists or more are among these, and at least two of them."""
    inside = np.isin(sketches.core.artist, artists)
    edges = np.bincount(owners(sketches)[inside], minlength=len(sketches.plays))
    return np.flatnonzero((edges >= LEAST_EDGES) & (2 * edges >= np.diff(sketches.core.start)))


def densest(user: Ints, artist: NDArray[np.uint32]) -> Ints:
    """Find the block with the greatest weight for each of its users and artists, by greedy peeling: its edges.

    Edge i joins user[i] and artist[i]; it weighs 1 / ln(d + 5) in units of 2^-20, where d edges join its artist. The
    block found is at least half as dense as the densest there is (theorem 1 of the paper, after Charikar 2000).
    """
    from fairpay.kernels.graphs import peel  # noqa: PLC0415 - Numba is loaded where it is used

    if not len(user):
        return user
    edges = len(user)
    ends = np.unique(np.concatenate([user, artist + user.max() + 1]), return_inverse=True)[1]
    each: NDArray[np.float64] = np.rint(UNIT / np.log(np.bincount(artist) + OFFSET))
    order = np.argsort(ends, kind="stable")
    start = np.searchsorted(ends[order], np.arange(ends.max() + 2))
    other = np.roll(ends, edges)[order]
    weights = np.tile(each.astype(np.int64)[artist], 2)[order]
    held = np.add.reduceat(weights, start[:-1])
    left = np.empty(len(held), dtype=np.int64)
    gone = peel(start, other, weights, held, left)
    inside = np.isin(ends, left[gone:])
    return np.flatnonzero(inside[:edges] & inside[edges:])
