"""Traces: the plays of a block of users as columns, which is all that a signal sees of them.

A user is never cut in two. Rows of a user come in no order, and a column can be had in ascending order: a signal adds
up, counts or looks at sorted values, so that the order of rows in a log and its split into files leave no mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = [
    "Column",
    "Pairs",
    "Regulars",
    "Sketches",
    "Span",
    "Traces",
    "distinct",
    "largest",
    "regular",
    "seeds",
    "share_of",
    "sign_sets",
    "sums",
]

Column = Literal["time", "duration", "track", "previous"]


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
    """int64[users + 1]: user i owns rows start[i] to start[i + 1] of `time`, `duration` and `track`; none is empty."""
    plays: Ints
    """int64[users]: qualified plays."""
    pairs: Pairs
    span: Span
    time: NDArray[np.uint32]
    """uint32[rows]: when each play ended, seconds since 1970 UTC; zeros stand for a column that the log lacks."""
    duration: NDArray[np.uint32]
    """uint32[rows]: milliseconds heard; not known where a row stands for several plays."""
    track: NDArray[np.uint32]
    """uint32[rows]: 32 bits of a hash of the track id."""

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

    def ascending(self, column: Column) -> NDArray[np.uint32]:
        """Sort a column within each user: uint32[rows]."""
        if column not in self.sorted:
            values: NDArray[np.uint32] = getattr(self, column)
            self.sorted[column] = np.sort(self.owner << 32 | values).astype(np.uint32)
        return self.sorted[column]

    @cached_property
    def sorted(self) -> dict[str, NDArray[np.uint32]]:
        """Columns that were sorted already."""
        return {}

    def with_plays(self, least: int) -> tuple[Ints, Traces]:
        """Return the users with at least so many plays, and their block."""
        chosen = self.plays >= least
        who = np.flatnonzero(chosen)
        if len(who) == self.users:
            return who, self
        rows, entries = (np.repeat(chosen, np.diff(start)) for start in (self.start, self.pairs.start))
        start, bound = (
            np.concatenate([[0], np.cumsum(np.diff(start)[who])]) for start in (self.start, self.pairs.start)
        )
        pairs = Pairs(bound, self.pairs.artist[entries], self.pairs.plays[entries])
        columns = {name: getattr(self, name)[rows] for name in ("time", "duration", "track")}
        return who, Traces(start=start, plays=self.plays[who], pairs=pairs, span=self.span, **columns)


@dataclass(frozen=True, slots=True)
class Regulars:
    """Who plays artists whom nobody plays by the way, each about as often as the others."""

    edges: pl.DataFrame
    """`artist` and `user`, by which it is sorted, `plays`, and `listeners` of the artist, casual ones among them."""
    sole: Ints
    """int64[users]: the most plays of an artist that lives from the account."""
    mean: float
    """What an average account plays, at least 100."""


@dataclass(frozen=True)
class Sketches:
    """Everybody at once, as sketches: memory grows with users and not with plays. Arrays are by user, in id order."""

    core: Pairs
    """The artists each user plays far more than the log does, at most 64 of them; empty for users with few plays."""
    plays: Ints
    """int64[users]."""
    total: Ints
    """int64[users]: listening in the measure."""
    artists: Ints
    """int64[users]: distinct artists."""
    artist_plays: Ints
    """int64[artists]."""
    moments: NDArray[np.uint32]
    """uint32[users, k]: MinHash of what was played when; k is 0 without time and track columns."""
    timed: Ints
    """int64[m]: users with enough plays for their `moments` to mean something, ascending."""
    regulars: Regulars


def sums(values: NDArray[np.generic], start: Ints) -> Ints:
    """Add up each segment: int64[segments]; none of them is empty."""
    return np.add.reduceat(values, start[:-1], dtype=np.int64)


def largest(values: NDArray[np.integer], start: Ints) -> Ints:
    """Find the largest of each segment: [segments]; none of them is empty."""
    return np.maximum.reduceat(values, start[:-1]).astype(np.int64)


def distinct(values: NDArray[np.generic], start: Ints) -> Ints:
    """Count the distinct values of each segment, sorted within it: int64[segments]; none of them is empty."""
    new = np.ones(len(values), dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    new[start[:-1]] = True
    return sums(new, start)


MOST_PLAYS = 1 << 20
"""Plays beyond which more say nothing: squares of them can be added up in 64 bits."""
REGULAR = 3
LEAST_WHOLE = 100
"""What an account plays at least where parts of it are told: a part of a few plays means nothing."""


def regular(rows: pl.DataFrame, by: str, *, part: int = REGULAR) -> pl.DataFrame:
    """Keep, of each `by`, the rows whose `plays` are a third (a `part`) or more of what a typical play's row has.

    That is the mean weighted by plays: it is near the plays of those who play most, and casual rows do not move it.
    """
    plays = pl.col("plays").clip(upper_bound=MOST_PLAYS)
    rows = rows.with_columns(plays, total=plays.sum().over(by), square=(plays * plays).sum().over(by))
    return rows.filter(part * pl.col("plays") * pl.col("total") >= pl.col("square"))


def share_of(plays: pl.Expr, whole: Ints) -> pl.Expr:
    """Return plays as parts, in 2^20ths, of all that each row's account plays: int64[rows], of 100 plays at least."""
    return plays * MOST_PLAYS // pl.Series(np.maximum(whole, LEAST_WHOLE))


def seeds(purpose: str, count: int) -> NDArray[np.uint64]:
    """Draw the seeds of `count` hash functions, the same in every run: uint64[count]."""
    drawn = [blake2b(f"{purpose}:{k}".encode(), digest_size=8).digest() for k in range(count)]
    return np.array([int.from_bytes(seed, "little") for seed in drawn], dtype=np.uint64)


def sign_sets(start: Ints, element: NDArray[np.unsignedinteger], seed: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Sign each set by MinHash: uint32[sets, hashes]. Repeated elements count once."""
    from fairpay.kernels.graphs import sign  # noqa: PLC0415 - Numba is loaded where it is used

    signs = np.empty((len(start) - 1, len(seed)), dtype=np.uint32)
    sign(start, element.astype(np.uint64), seed, signs)
    return signs
