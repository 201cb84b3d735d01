"""Where everybody is: users by id and by part, artists by id."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fairpay.fraud.detect.scatter import PART_SHIFT
from fairpay.fraud.detect.store import PARTS
from fairpay.fraud.traces import Pairs, Traces, sums
from fairpay.kernels.deal import regroup, tally

if TYPE_CHECKING:
    import polars as pl

    from fairpay.fraud.detect.scatter import Scatter
    from fairpay.fraud.traces import Span
    from fairpay.kernels.arrays import Ints

__all__ = ["Part", "People", "gather"]


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
    rows = scatter.plays.take(part)
    ranks = people.members[part]
    size = np.zeros(len(ranks), dtype=np.int64)
    tally(rows, people.local_of, size)
    start = np.concatenate([[0], np.cumsum(size)])
    whole, parts = np.empty((3, len(rows)), dtype=np.int64), np.empty((3, len(rows)), dtype=np.uint32)
    regroup(rows, people.local_of, people.artist_of, start[:-1].copy(), whole, parts)
    artist, plays, amount = whole
    columns = dict(zip(("time", "duration", "track"), parts, strict=True))
    time, ms, track = (columns[name] if scatter.has(name) else None for name in columns)
    pairs = pair(np.repeat(np.arange(len(ranks)), size), artist, plays, users=len(ranks))
    traces = Traces(start=start, plays=sums(plays, start), pairs=pairs, span=span, time=time, ms=ms, track=track)
    return Part(ranks, sums(amount, start), traces)


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
