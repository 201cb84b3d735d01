"""Traces: the plays of a block of users as sorted columns, which is all that a signal sees of them.

A user is never cut in two. Each column is sorted within each user on its own, so the order of rows in a log, and how it
was split into files, cannot leave a mark: a signal is a function of what was played, not of how it was written down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.usage import Ints

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
    """The plays of some users. Arrays by row are sorted within each user; `start` cuts them all alike."""

    start: Ints
    """int64[users + 1]: user i owns rows start[i] to start[i + 1] of `time`, `ms` and `track`; none is empty."""
    plays: Ints
    """int64[users]: qualified plays."""
    pairs: Pairs
    span: Span
    time: NDArray[np.uint32] | None = None
    """uint32[rows]: when each play ended, seconds since 1970 UTC, ascending; None without a time column."""
    ms: NDArray[np.uint32] | None = None
    """uint32[rows]: milliseconds heard, ascending; None without durations, or where a row stands for several plays."""
    track: NDArray[np.uint32] | None = None
    """uint32[rows]: 32 bits of a hash of the track id, ascending; None without a track column."""
    beat: NDArray[np.uint32] | None = None
    """uint32[rows]: 32 bits of a hash of track and ten minutes of the month, in no order; None without both."""

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
