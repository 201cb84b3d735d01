"""Where everybody is: users by id and by part, artists by id."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fairpay.search.scatter import PART_SHIFT
from fairpay.search.store import PARTS
from fairpay.traces import Pairs, Traces, sums

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from fairpay.search.scatter import Scatter
    from fairpay.traces import Span
    from fairpay.usage import Ints

__all__ = ["Part", "People", "gather"]

HIGH = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)


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
    """Take one part back and put the plays of each user together."""
    words = scatter.plays.take(part)
    ranks = people.members[part]
    user = people.local_of[words[:, 0] >> HIGH]
    order = np.argsort(user.astype(np.uint16) if len(ranks) <= 1 << 16 else user, kind="stable")
    words, user = words[order], user[order]
    start = np.searchsorted(user, np.arange(len(ranks) + 1))
    plays = (words[:, 2] & LOW).astype(np.int64)
    artist = people.artist_of[words[:, 0] & LOW]

    def column(word: int, needs: str, *, high: bool) -> NDArray[np.uint32] | None:
        if not scatter.has(needs):
            return None
        return (words[:, word] >> HIGH if high else words[:, word]).astype(np.uint32)

    traces = Traces(
        start=start,
        plays=sums(plays, start),
        pairs=pair(user, artist, plays, users=len(ranks)),
        span=span,
        time=column(1, "time", high=True),
        ms=column(1, "duration", high=False),
        track=column(2, "track", high=True),
    )
    return Part(ranks, sums(words[:, 3].astype(np.int64), start), traces)


def pair(user: Ints, artist: Ints, plays: Ints, *, users: int) -> Pairs:
    """Add up the plays of each user and artist."""
    key = user << 32 | artist
    if (plays == 1).all():
        key = np.sort(key)
        begin = np.flatnonzero(np.diff(key, prepend=-1))
        added = np.diff(np.append(begin, len(key)))
    else:
        order = np.argsort(key, kind="stable")
        key = key[order]
        begin = np.flatnonzero(np.diff(key, prepend=-1))
        added = np.add.reduceat(plays[order], begin) if len(begin) else plays
    found = key[begin]
    start = np.searchsorted(found >> 32, np.arange(users + 1))
    return Pairs(start, found.astype(np.uint32), added)
