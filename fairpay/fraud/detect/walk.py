"""One walk over everybody's plays by partition: what signals measure, sketches of users, audiences of artists."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl

from fairpay.fraud.detect.intake import partition_of
from fairpay.fraud.detect.partitions import PARTITIONS
from fairpay.fraud.likeness import seeds, sign_sets
from fairpay.fraud.traces import Audience, Pairs, Sketches, Traces, sums
from fairpay.kernels.graphs import mix_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.fraud.detect.intake import DetectionIntake
    from fairpay.fraud.detect.partitions import Partitions
    from fairpay.fraud.signal import Floats, UserSignal
    from fairpay.fraud.traces import Span
    from fairpay.kernels.arrays import Ints

__all__ = ["PAIRS", "People", "Walked", "audience_of", "walk"]

T = TypeVar("T")
MOMENTS = 32
LEAST_MOMENTS = 30
TEN_MINUTES = 600
HUNDRED = 100
COLUMNS = ("time", "duration", "track", "plays", "amount")
PAIRS = pl.Schema({"artist": pl.UInt32, "user": pl.UInt32, "plays": pl.Int64})
"""Who played whom, and how often."""
CORE_TIMES = 3.0
"""Plays count as far as they exceed so many times what is expected."""
CORE_SHARE = 0.25
"""A core artist has at least this part of the account's largest excess."""
LEAST_USER, LEAST_ARTIST = 50, 4
"""Plays of an account, and of an artist by the account, below which there is no telling."""
CORE_MOST = 64
"""Artists kept for an account: those with the smallest hashes, the same for accounts with the same core."""


@dataclass(frozen=True, slots=True)
class People:
    """The users and artists of a run. A user's or artist's code is the place of the id among all, by bytes."""

    users: pl.Series
    """User ids, ascending."""
    artists: pl.Series
    """Artist ids, ascending."""
    members: Mapping[range, pl.DataFrame]
    """The users of each batch of partitions, by code: `hash`, `code` and `place`, their number within the batch."""
    artist_of: pl.DataFrame
    """`hash` and `code` of artists."""

    @classmethod
    def of(cls, intake: DetectionIntake) -> People:
        """Sort the ids."""
        users, artists = intake.users.coded(), intake.artists.coded()
        parts = users.select("hash", "code", partition_of(pl.col("hash"))).partition_by("partition", as_dict=True)
        members = {}
        for batch in intake.plays.batches():
            found = [parts[number,] for number in batch if (number,) in parts]
            if found:
                members[batch] = pl.concat(found).sort("code").with_row_index("place")
        return cls(users["id"], artists["id"], members, artists.select("hash", "code"))


@dataclass(frozen=True, slots=True)
class Walked:
    """What the walk found. Arrays are by user, in id order."""

    values: Mapping[str, Floats]
    """signal -> float64[users]."""
    plays: Ints
    total: Ints
    """int64[users]: listening in the measure."""
    artists: Ints
    """int64[users]: distinct artists."""
    sketches: Sketches


def walk(  # noqa: PLR0913 - told apart by name
    intake: DetectionIntake,
    people: People,
    *,
    signals: Sequence[UserSignal],
    expected: Floats,
    artist_plays: Ints,
    pairs: Partitions,
    span: Span,
    threads: int | None,
) -> Walked:
    """Visit every partition once.

    Args:
        intake: the plays.
        people: who is who.
        signals: those whose columns the log has.
        expected: float64[artists]: what part of its plays an average listener gives each artist.
        artist_plays: int64[artists].
        pairs: where each user's artists are set down, by artist.
        span: the time the log covers.
        threads: how many partitions at once.

    """
    users = len(people.users)
    values = {signal.name: np.full(users, np.nan) for signal in signals}
    plays, total, artists = (np.zeros(users, dtype=np.int64) for _ in range(3))
    timed = {"time", "track"} <= intake.has
    moments = np.empty((users, MOMENTS if timed else 0), dtype=np.uint32)
    seed = seeds("lockstep", MOMENTS)

    def visit(batch: range) -> pl.DataFrame:
        codes, amount, traces = traces_of(intake, people, batch, span)
        for least in {signal.applies for signal in signals}:
            who, block = traces.with_plays(least)
            for signal in signals:
                if signal.applies == least:
                    values[signal.name][codes[who]] = signal.measure(block)
        plays[codes], total[codes], artists[codes] = traces.plays, amount, np.diff(traces.pairs.start)
        if timed:
            moments[codes] = sign_sets(traces.start, moments_of(traces), seed)
        played = frame_of(traces.pairs, codes)
        pairs.put(played.with_columns(partition=(pl.col("artist") % PARTITIONS).cast(pl.UInt8)))
        return frame_of(core_of(traces, expected), codes)

    cores = on_threads(visit, list(people.members), threads)
    core = pl.concat([PAIRS.to_frame(), *cores]).sort("user", "artist")
    sketches = Sketches(
        core=pairs_of(core["user"].to_numpy(), core, users=users),
        plays=plays,
        artist_plays=artist_plays,
        moments=moments,
        timed=np.flatnonzero(plays >= LEAST_MOMENTS),
    )
    return Walked(values, plays, total, artists, sketches)


def on_threads(visit: Callable[[range], T], batches: Sequence[range], threads: int | None) -> list[T]:
    """Visit partitions on threads; the results are in the order of the batches."""
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        return list(pool.map(visit, batches))


def traces_of(intake: DetectionIntake, people: People, batch: range, span: Span) -> tuple[Ints, Ints, Traces]:
    """Take some partitions back, and return the codes of its users, their listening, and their plays put together."""
    members = people.members[batch]
    rows = (
        intake.plays.take(batch)
        .join(members.select("place", user="hash"), on="user")
        .join(people.artist_of.select(artist="hash", code="code"), on="artist")
        .select(*COLUMNS, key=pl.col("place").cast(pl.Int64) * 2**32 + pl.col("code"))
        .sort("key")
    )
    start = np.searchsorted(rows["key"].to_numpy(), np.arange(members.height + 1) << 32)
    played = rows.group_by("key", maintain_order=True).agg(pl.col("plays").cast(pl.Int64).sum())
    played = played.select("plays", place=pl.col("key") // 2**32, artist=(pl.col("key") % 2**32).cast(pl.UInt32))
    traces = Traces(
        start=start,
        plays=sums(rows["plays"].to_numpy(), start),
        pairs=pairs_of(played["place"].to_numpy(), played, users=members.height),
        span=span,
        has=intake.has,
        **{name: rows[name].to_numpy() for name in ("time", "duration", "track")},
    )
    return members["code"].to_numpy(), sums(rows["amount"].to_numpy(), start), traces


def pairs_of(owner: Ints, played: pl.DataFrame, *, users: int) -> Pairs:
    """Make pairs of the columns `artist` and `plays`; `owner` is the user of each row, ascending."""
    start = np.searchsorted(owner, np.arange(users + 1))
    return Pairs(start, played["artist"].to_numpy(), played["plays"].to_numpy())


def frame_of(pairs: Pairs, codes: Ints) -> pl.DataFrame:
    """Write pairs as columns `user`, `artist` and `plays`; `codes` are those of their users."""
    user = np.repeat(codes, np.diff(pairs.start))
    return pl.DataFrame({"artist": pairs.artist, "user": user, "plays": pairs.plays}, schema=PAIRS)


def core_of(traces: Traces, expected: Floats) -> Pairs:
    """Return each user's core with the plays: the artists it plays far more than the log as a whole would have it.

    `expected` is float64[artists]: each artist's share for an average listener.
    """
    pairs = traces.pairs
    sizes = np.diff(pairs.start)
    owner = np.repeat(np.arange(traces.users), sizes)
    excess = pairs.plays - CORE_TIMES * traces.plays[owner] * expected[pairs.artist]
    excess[(pairs.plays < LEAST_ARTIST) | (traces.plays[owner] < LEAST_USER)] = 0.0
    most = np.maximum.reduceat(excess, pairs.start[:-1])
    held = np.flatnonzero((excess > 0) & (excess >= CORE_SHARE * most[owner]))
    held = sample(held, owner[held], pairs.artist[held].astype(np.uint64))
    size = np.bincount(owner[held], minlength=traces.users)
    return Pairs(np.concatenate([[0], np.cumsum(size)]), pairs.artist[held], pairs.plays[held])


def sample(held: Ints, owner: Ints, artist: NDArray[np.uint64]) -> Ints:
    """Keep at most CORE_MOST entries of each user, by the hash of the artist; the order stays that of the artists."""
    order = np.lexsort((mix_all(artist), owner))
    begin = np.searchsorted(owner, owner)
    place = np.empty(len(held), dtype=np.int64)
    place[order] = np.arange(len(held)) - begin
    return held[place < CORE_MOST]


def moments_of(traces: Traces) -> NDArray[np.uint32]:
    """Hash track and ten minutes of the month of each play: uint32[rows]."""
    slot = (traces.time // np.uint32(TEN_MINUTES)).astype(np.uint64)
    found: NDArray[np.uint32] = mix_all(traces.track.astype(np.uint64) << np.uint64(32) | slot)
    return found


def audience_of(  # noqa: PLR0913 - told apart by name
    pairs: Partitions,
    *,
    plays: Ints,
    artists_of: Ints,
    flagged: NDArray[np.bool_],
    intensity: Floats,
    previous: Ints | None,
    threads: int | None,
) -> Audience:
    """Describe each artist's audience.

    Args:
        pairs: who played whom, by artist.
        plays: int64[artists].
        artists_of: int64[users]: how many artists each user played.
        flagged: bool[users]: who has a finding.
        intensity: float64[artists].
        previous: int64[artists]: plays the month before, where they are known.
        threads: how many partitions at once.

    """
    played, size = pl.col("plays"), pl.len().over("artist")
    heaviest = played.rank("ordinal", descending=True).over("artist") <= pl.max_horizontal(size // HUNDRED, 1)

    def visit(batch: range) -> pl.DataFrame:
        rows = pairs.take(batch)
        user = rows["user"].to_numpy()
        return (
            rows.with_columns(
                loyal=pl.Series(artists_of[user] == 1), flagged=pl.Series(flagged[user]), heaviest=heaviest
            )
            .group_by("artist")
            .agg(
                listeners=pl.len(),
                loyal=pl.col("loyal").sum(),
                heavy=played.filter("heaviest").sum(),
                flagged=played.filter("flagged").sum(),
            )
        )

    found = pl.concat(on_threads(visit, pairs.batches(), threads))
    counted = {name: np.zeros(len(plays), dtype=np.int64) for name in ("listeners", "loyal", "heavy", "flagged")}
    for name, values in counted.items():
        values[found["artist"].to_numpy()] = found[name].to_numpy()
    return Audience(plays=plays, **counted, intensity=intensity, previous=previous)
