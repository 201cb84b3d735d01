"""Traces: the plays of a block of users as frames, which is all that a signal sees of them.

A user is never cut in two, and what is played at the same moment comes in no order: a signal adds up, counts or looks
at times, so that the order of rows in a log and its split into files leave no mark.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = [
    "Column",
    "Regulars",
    "Sketches",
    "Span",
    "Traces",
    "regular",
    "seeds",
    "share_of",
    "sign_sets",
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
class Traces:
    """The plays of some users as frames, in which those of one user stand together."""

    rows: pl.DataFrame
    """The plays of each user by time; zeros stand for a column that the log lacks.

    Columns: `user`, `artist` (codes, ranks of the sorted ids), `time` (when each play ended, seconds since 1970 UTC),
    `duration` (milliseconds heard; not known where a row stands for several plays), `track` (32 bits of a hash of its
    id), `plays`, `amount` (listening in the measure), `gap` (seconds since the user's play before), `pair` (user and
    artist in one number), `whole` (all that the user plays), `daily` (the same a day, over the days the log covers),
    `min_ms` (the qualifying length).
    """
    pairs: pl.DataFrame
    """Who played whom, by user and artist: `pair`, `user`, `artist`, `plays`, `amount`, `whole`."""
    span: Span

    @classmethod
    def of(cls, rows: pl.DataFrame, span: Span) -> Traces:
        """Put rows together that have the columns from `user` to `amount`."""
        user, time = pl.col("user").cast(pl.Int64) * 2**32, pl.col("time")
        rows = rows.sort(user + time).with_columns(pl.col("user").set_sorted(), pl.col("plays").cast(pl.Int64))
        rows = rows.with_columns(
            gap=pl.when(pl.col("user") == pl.col("user").shift()).then(time.diff()),
            pair=user + pl.col("artist"),
            whole=pl.col("plays").sum().over("user"),
            min_ms=pl.lit(span.min_ms),
        )
        rows = rows.with_columns(daily=pl.Series(rows["whole"].to_numpy() / span.days))
        pairs = rows.group_by("pair").agg(pl.col("plays", "amount").sum()).sort("pair")
        pairs = pairs.with_columns(
            user=(pl.col("pair") // 2**32).cast(pl.UInt32).set_sorted(), artist=(pl.col("pair") % 2**32).cast(pl.UInt32)
        )
        return cls(rows, pairs.with_columns(whole=pl.col("plays").sum().over("user")), span)


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

    core: pl.DataFrame
    """The artists each user plays far more than the log does, at most 64, by both: `user`, `artist`, `plays`."""
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
