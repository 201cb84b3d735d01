"""One walk over everybody's plays by partition: what signals measure, sketches of users, audiences of artists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.fraud.detect.intake import PAIRS
from fairpay.fraud.detect.regulars import find_regulars
from fairpay.fraud.signals import WholeLogSignal
from fairpay.fraud.traces import Audience, Pairs, Sketches, Traces, largest, seeds, sign_sets, sums
from fairpay.kernels.graphs import mix_all

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.fraud.detect.intake import DetectionIntake
    from fairpay.fraud.signals import Floats, UserSignal
    from fairpay.fraud.traces import Span
    from fairpay.kernels.arrays import Ints

__all__ = ["Walked", "audience_of", "walk"]

MOMENTS = 32
LEAST_MOMENTS = 30
TEN_MINUTES = 600
HUNDRED = 100
CORE_TIMES = 3.0
"""Plays count as far as they exceed so many times what is expected."""
CORE_SHARE = 0.25
"""A core artist has at least this part of the account's largest excess."""
LEAST_USER, LEAST_ARTIST = 50, 4
"""Plays of an account, and of an artist by the account, below which there is no telling."""
CORE_MOST = 64
"""Artists kept for an account: those with the smallest hashes, the same for accounts with the same core."""


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


def walk(
    intake: DetectionIntake,
    *,
    signals: Sequence[UserSignal],
    expected: Floats,
    artist_plays: Ints,
    span: Span,
) -> Walked:
    """Visit every partition once, and set down who played whom.

    Args:
        intake: the plays.
        signals: those whose columns the log has.
        expected: float64[artists]: what part of its plays an average listener gives each artist.
        artist_plays: int64[artists].
        span: the time the log covers.

    """
    users, timed = len(intake.users.ranked[0]), {"time", "track"} <= intake.has
    values = {signal.name: np.full(users, np.nan) for signal in signals}
    plays, total, artists = (np.zeros(users, dtype=np.int64) for _ in range(3))
    told = np.zeros(users, dtype=np.int64)
    moments, seed = np.empty((users, MOMENTS if timed else 0), dtype=np.uint32), seeds("lockstep", MOMENTS)

    def visit(rows: pl.DataFrame) -> pl.DataFrame:
        if rows.is_empty():
            return PAIRS.to_frame()
        codes, amount, traces = traces_of(rows, intake, span)
        for least in {signal.applies for signal in signals}:
            who, block = traces.with_plays(least)
            for signal in signals:
                if signal.applies == least:
                    values[signal.name][codes[who]] = signal.measure(block)
        plays[codes], total[codes], artists[codes] = traces.plays, amount, np.diff(traces.pairs.start)
        if timed:
            start, some = moments_of(traces)
            moments[codes], told[codes] = sign_sets(start, some, seed), np.diff(start)
        intake.pairs.put(frame_of(traces.pairs, codes))
        return frame_of(core_of(traces, expected), codes)

    artist, user, played = pl.concat(intake.plays.each(visit)).sort("user", "artist")
    core = Pairs(np.searchsorted(user.to_numpy(), np.arange(users + 1)), artist.to_numpy(), played.to_numpy())
    regulars = find_regulars(intake.pairs, plays)
    sketches = Sketches(core, plays, artist_plays, moments, np.flatnonzero(told >= LEAST_MOMENTS), regulars)
    values.update({signal.name: signal.of(sketches) for signal in signals if isinstance(signal, WholeLogSignal)})
    return Walked(values, plays, total, artists, sketches)


def traces_of(rows: pl.DataFrame, intake: DetectionIntake, span: Span) -> tuple[Ints, Ints, Traces]:
    """Return the codes of the users of some rows, their listening, and their plays put together."""
    user, artist, time, duration, track, plays, amount = (column.to_numpy() for column in rows)
    key = intake.users.ranked[1][user].astype(np.int64) << 32 | intake.artists.ranked[1][artist]
    order = np.argsort(key)
    key = key[order]
    entry = np.flatnonzero(np.diff(key, prepend=-1))
    owner = key[entry] >> 32
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    start = np.append(entry[first], len(key))
    played = np.add.reduceat(plays[order], entry, dtype=np.int64)
    pairs = Pairs(np.append(first, len(entry)), key[entry].astype(np.uint32), played)
    traces = Traces(
        start=start,
        plays=sums(played, pairs.start),
        pairs=pairs,
        span=span,
        time=time[order],
        duration=duration[order],
        track=track[order],
    )
    return owner[first], sums(amount[order], start), traces


def frame_of(pairs: Pairs, codes: Ints) -> pl.DataFrame:
    """Write pairs as columns `user`, `artist` and `plays`; `codes` are those of their users."""
    user = np.repeat(codes, np.diff(pairs.start))
    return pl.DataFrame({"artist": pairs.artist, "user": user, "plays": pairs.plays}, schema=PAIRS)


def core_of(traces: Traces, expected: Floats) -> Pairs:
    """Return each user's core with the plays: the artists it plays far more than the log as a whole would have it.

    `expected` is float64[artists]: each artist's share for an average listener.
    """
    pairs = traces.pairs
    owner = np.repeat(np.arange(traces.users), np.diff(pairs.start))
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
    place = np.empty(len(held), dtype=np.int64)
    place[order] = np.arange(len(held)) - np.searchsorted(owner, owner)
    return held[place < CORE_MOST]


def moments_of(traces: Traces) -> tuple[Ints, NDArray[np.uint32]]:
    """Hash track and ten minutes of the month of each play: int64[users + 1], uint32[rows].

    The artist an account plays most is left out: a party about a release and a night of quiet music are of one artist.
    """
    pairs = traces.pairs
    top = pairs.plays == np.repeat(largest(pairs.plays, pairs.start), np.diff(pairs.start))
    kept = np.repeat(~top, pairs.plays)
    slot = (traces.time[kept] // np.uint32(TEN_MINUTES)).astype(np.uint64)
    found: NDArray[np.uint32] = mix_all(traces.track[kept].astype(np.uint64) << np.uint64(32) | slot)
    return np.append(0, np.cumsum(kept))[traces.start], found


def audience_of(
    intake: DetectionIntake,
    walked: Walked,
    *,
    flagged: NDArray[np.bool_],
    intensity: Floats,
    previous: Ints,
) -> Audience:
    """Describe each artist's audience.

    Args:
        intake: holds who played whom.
        walked: what is known of users.
        flagged: bool[users]: who has a finding.
        intensity: float64[artists].
        previous: int64[artists]: plays the month before; 0 where they are not known.

    """
    plays = walked.sketches.artist_plays
    played, top = pl.col("plays"), (pl.len() // HUNDRED).clip(1)

    def visit(rows: pl.DataFrame) -> pl.DataFrame:
        user = rows["user"].to_numpy()
        rows = rows.with_columns(loyal=pl.Series(walked.artists[user] == 1), flagged=pl.Series(flagged[user]))
        return rows.group_by("artist").agg(
            listeners=pl.len(),
            loyal=pl.col("loyal").sum(),
            heavy=played.sort(descending=True).head(top).sum(),
            flagged=played.filter("flagged").sum(),
        )

    found = pl.concat(intake.pairs.each(visit))
    counted = {name: np.zeros(len(plays), dtype=np.int64) for name in ("listeners", "loyal", "heavy", "flagged")}
    for name, values in counted.items():
        values[found["artist"].to_numpy()] = found[name].to_numpy()
    return Audience(plays=plays, **counted, intensity=intensity, previous=previous)
