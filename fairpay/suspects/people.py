"""Where everybody is: users by id and by part, artists by id."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fairpay.kernels.minhash import mix_all
from fairpay.suspects.scatter import PARTS
from fairpay.traces import Pairs, Traces

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from fairpay.suspects.scatter import Scatter
    from fairpay.traces import Span
    from fairpay.usage import Ints

__all__ = ["Part", "People", "gather"]

PART_SHIFT = np.uint64(58)
BEAT = 600


@dataclass(frozen=True, slots=True)
class Part:
    """The plays of the users of one part."""

    ranks: Ints
    """int64[users]: places of these users among all, ascending."""
    total: Ints
    """int64[users]: listening in the measure."""
    traces: Traces


@dataclass(frozen=True, slots=True)
class People:
    """The users and artists of a run. A user's or artist's code is the place of the id among all, by bytes."""

    users: pl.Series
    """User ids, ascending."""
    artists: pl.Series
    """Artist ids, ascending."""
    user_of: Ints
    """int64: code of arrival -> place."""
    artist_of: Ints
    """The same of artists."""
    local_of: Ints
    """int64: code of arrival -> number within the user's part."""
    members: tuple[Ints, ...]
    """For each part the places of its users, ascending."""

    @classmethod
    def of(cls, scatter: Scatter) -> People:
        """Sort the ids, and number the users of each part in that order."""
        users, user_of = scatter.users.sorted()
        artists, artist_of = scatter.artists.sorted()
        part = (scatter.users.hash_of() >> PART_SHIFT).astype(np.int64)
        order = np.lexsort((user_of, part))
        edges = np.searchsorted(part[order], np.arange(PARTS + 1))
        local = np.empty(len(order), dtype=np.int64)
        local[order] = np.arange(len(order)) - edges[part[order]]
        members = tuple(user_of[order[begin:end]] for begin, end in pairwise(edges))
        return cls(users, artists, user_of, artist_of, local, members)


def gather(scatter: Scatter, people: People, part: int, span: Span) -> Part:
    """Read one part back and sort each column within each user."""
    rows = scatter.store.read(part)
    user = people.local_of[rows["user"]]
    ranks = people.members[part]
    start = np.searchsorted(np.sort(user), np.arange(len(ranks) + 1))
    total, plays = np.zeros(len(ranks), dtype=np.int64), np.zeros(len(ranks), dtype=np.int64)
    np.add.at(total, user, rows["amount"])
    np.add.at(plays, user, rows["plays"])

    def column(name: str, needs: str) -> NDArray[np.uint32] | None:
        if not scatter.has(needs):
            return None
        return np.sort(user << 32 | rows[name]).astype(np.uint32)

    traces = Traces(
        start=start,
        plays=plays,
        pairs=pair(user, people.artist_of[rows["artist"]], rows["plays"].astype(np.int64), users=len(ranks)),
        span=span,
        time=column("time", "time"),
        ms=column("ms", "duration"),
        track=column("track", "track"),
        beat=beats(rows[np.argsort(user, kind="stable")]) if scatter.has("time") and scatter.has("track") else None,
    )
    return Part(ranks, total, traces)


def beats(rows: NDArray[np.void]) -> NDArray[np.uint32]:
    """Hash track and ten minutes of the month of each row: uint32[n]."""
    slot = (rows["time"] // np.uint32(BEAT)).astype(np.uint64)
    found: NDArray[np.uint32] = mix_all(rows["track"].astype(np.uint64) << np.uint64(32) | slot)
    return found


def pair(user: Ints, artist: Ints, plays: Ints, *, users: int) -> Pairs:
    """Add up the plays of each user and artist."""
    key = user << 32 | artist
    order = np.argsort(key, kind="stable")
    key = key[order]
    begin = np.flatnonzero(np.diff(key, prepend=-1))
    found = key[begin]
    added = np.add.reduceat(plays[order], begin) if len(begin) else plays
    start = np.searchsorted(found >> 32, np.arange(users + 1))
    return Pairs(start, found.astype(np.uint32), added)
