"""Traces: the plays of a block of users as columns, which is all that a signal sees of them.

A user is never cut in two. Rows of a user come in no order, and a column can be had in ascending order: a signal adds
up, counts or looks at sorted values, so that the order of rows in a log and its split into files leave no mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["Audience", "Crowd", "Pairs", "Span", "Traces", "counts", "distinct", "largest", "starts", "sums"]

DAY = 86_400


@dataclass(frozen=True, slots=True)
class Span:
    """The time a log covers."""

    first: int
    """First moment of a used play, seconds since 1970 UTC; 0 without a time column."""
    days: float
    """Length in days, at least 1; 30 where the log has no time column."""
    min_ms: int
    """The qualifying length."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """Who played whom: entries of one user stand together, by artist."""

    start: Ints
    """int64[users + 1]."""
    artist: NDArray[np.uint32]
    """uint32[entries]: artist codes, ranks of the sorted ids."""
    plays: Ints
    """int64[entries]: plays."""


@dataclass(frozen=True)
class Traces:
    """The plays of some users. Rows of one user stand together, in no order; `start` cuts all columns alike."""

    start: Ints
    """int64[users + 1]: user i owns rows start[i] to start[i + 1] of `time`, `ms` and `track`; none is empty."""
    plays: Ints
    """int64[users]: qualified plays."""
    pairs: Pairs
    span: Span
    time: NDArray[np.uint32] | None = None
    """uint32[rows]: when each play ended, seconds since 1970 UTC; None without a time column."""
    ms: NDArray[np.uint32] | None = None
    """uint32[rows]: milliseconds heard; None without durations, or where a row stands for several plays."""
    track: NDArray[np.uint32] | None = None
    """uint32[rows]: 32 bits of a hash of the track id; None without a track column."""

    @property
    def users(self) -> int:
        """How many users the block holds."""
        return len(self.plays)

    @cached_property
    def owner(self) -> Ints:
        """int64[rows]: the user of each row."""
        return np.repeat(np.arange(self.users), np.diff(self.start))

    @cached_property
    def daily(self) -> NDArray[np.float64]:
        """float64[users]: plays a day, over the days the log covers."""
        return self.plays / self.span.days

    @cached_property
    def moments(self) -> NDArray[np.uint32] | None:
        """uint32[rows]: `time`, ascending within each user."""
        return self.ascending(self.time)

    @cached_property
    def durations(self) -> NDArray[np.uint32] | None:
        """uint32[rows]: `ms`, ascending within each user."""
        return self.ascending(self.ms)

    @cached_property
    def tracks(self) -> NDArray[np.uint32] | None:
        """uint32[rows]: `track`, ascending within each user."""
        return self.ascending(self.track)

    def ascending(self, column: NDArray[np.uint32] | None) -> NDArray[np.uint32] | None:
        """Sort a column within each user."""
        if column is None:
            return None
        rises = column[1:] >= column[:-1]
        rises[self.start[1:-1] - 1] = True
        if rises.all():
            return column
        return np.sort(self.owner << 32 | column).astype(np.uint32)

    def with_plays(self, least: int) -> tuple[Ints, Traces]:
        """Return the users with at least so many plays, and their block."""
        who = np.flatnonzero(self.plays >= least)
        if len(who) == self.users:
            return who, self
        rows, start = cut(self.start, who)
        entries, pair_start = cut(self.pairs.start, who)
        pairs = Pairs(pair_start, self.pairs.artist[entries], self.pairs.plays[entries])
        columns = {name: getattr(self, name) for name in ("time", "ms", "track")}
        kept = {name: None if column is None else column[rows] for name, column in columns.items()}
        return who, Traces(start, self.plays[who], pairs, self.span, **kept)


@dataclass(frozen=True)
class Audience:
    """What is known of artists. Arrays are by artist, in the order of their ids."""

    plays: Ints
    listeners: Ints
    loyal: Ints
    """int64[artists]: listeners who play nobody else."""
    heavy: Ints
    """int64[artists]: plays of the heaviest 1 % of the artist's listeners, at least of one."""
    flagged: Ints
    """int64[artists]: plays of users with a finding."""
    intensity: NDArray[np.float64]
    """float64[artists]: fan intensity, how heavily its listeners listen against the mean."""
    previous: Ints | None = None
    """int64[artists]: plays in the month before; None where no such log was given."""


@dataclass(frozen=True)
class Crowd:
    """Everybody at once, as sketches: memory grows with users and not with plays. Arrays are by user, in id order."""

    core: Pairs
    """The artists each user plays far more than the log does, at most 64 of them; empty for users with few plays."""
    plays: Ints
    """int64[users]."""
    artist_plays: Ints
    """int64[artists]."""
    beats: NDArray[np.uint32] | None
    """uint32[users, k]: MinHash of what was played when; None without time and track columns."""
    beating: Ints
    """int64[m]: users with enough plays for their `beats` to mean something, ascending."""


def cut(start: Ints, who: Ints) -> tuple[Ints, Ints]:
    """Return the entries of some segments, and where each of them begins among these."""
    size = np.diff(start)[who]
    new = np.concatenate([[0], np.cumsum(size)])
    return np.repeat(start[who] - new[:-1], size) + np.arange(new[-1]), new


def sums(values: NDArray[np.generic], start: Ints) -> Ints:
    """Add up each segment: int64[segments]; none of them is empty."""
    if len(start) == 1:
        return np.zeros(0, dtype=np.int64)
    return np.add.reduceat(values, start[:-1], dtype=np.int64)


def largest(values: NDArray[np.integer], start: Ints) -> Ints:
    """Find the largest of each segment: [segments]; none of them is empty."""
    found = values[:0] if len(start) == 1 else np.maximum.reduceat(values, start[:-1])
    return found.astype(np.int64)


def counts(hits: NDArray[np.bool_], start: Ints) -> Ints:
    """Count what holds in each segment: int64[segments]; none of them is empty."""
    return sums(hits, start)


def starts(values: NDArray[np.generic], start: Ints) -> Ints:
    """Find where each run of equal values begins, runs never crossing segments: int64[runs]."""
    if not len(values):
        return np.zeros(0, dtype=np.int64)
    new = np.empty(len(values), dtype=np.bool_)
    new[0] = True
    np.not_equal(values[1:], values[:-1], out=new[1:])
    new[start[:-1]] = True
    return np.flatnonzero(new)


def distinct(values: NDArray[np.generic], start: Ints) -> Ints:
    """Count the distinct values of each segment, sorted within it: int64[segments]."""
    return np.diff(np.searchsorted(starts(values, start), start))
