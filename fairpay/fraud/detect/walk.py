"""One walk over everybody's plays, part by part on threads: what each user signal measures, and sketches of users."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fairpay.fraud.detect.core import core_of
from fairpay.fraud.detect.people import gather
from fairpay.fraud.detect.store import PARTS
from fairpay.fraud.likeness import seeds, sign_sets
from fairpay.fraud.traces import Crowd, Pairs
from fairpay.kernels.minhash import mix_all

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.fraud.detect.people import Part, People
    from fairpay.fraud.detect.scatter import Scatter
    from fairpay.fraud.detect.store import Store
    from fairpay.fraud.signal import Floats, UserSignal
    from fairpay.fraud.traces import Span, Traces
    from fairpay.kernels.arrays import Ints

__all__ = ["PAIR_WORDS", "Walked", "on_threads", "walk"]

T = TypeVar("T")
BEATS = 32
LEAST_BEATS = 30
BEAT = 600
PAIR_WORDS = 2
"""artist and user (32 bits each), plays."""


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
    crowd: Crowd


def walk(  # noqa: PLR0913 - told apart by name
    scatter: Scatter,
    people: People,
    *,
    signals: Sequence[UserSignal],
    expected: Floats,
    artist_plays: Ints,
    pairs: Store,
    span: Span,
    threads: int | None,
) -> Walked:
    """Visit every part once.

    Args:
        scatter: the plays.
        people: who is who.
        signals: those whose columns the log has.
        expected: float64[artists]: what part of its plays an average listener gives each artist.
        artist_plays: int64[artists].
        pairs: where each user's artists are set down, by artist.
        span: the time the log covers.
        threads: how many parts at once.

    """
    users = len(people.users)
    values = {signal.name: np.full(users, np.nan) for signal in signals}
    plays, total, artists = (np.zeros(users, dtype=np.int64) for _ in range(3))
    beats = np.empty((users, BEATS), dtype=np.uint32) if scatter.has("time") and scatter.has("track") else None
    seed = seeds("lockstep", BEATS)
    by_applies: dict[int, list[UserSignal]] = {}
    for signal in signals:
        by_applies.setdefault(signal.applies, []).append(signal)

    def visit(number: int) -> tuple[Ints, Pairs]:
        part = gather(scatter, people, number, span)
        traces, ranks = part.traces, part.ranks
        for least, asked in by_applies.items():
            who, block = traces.with_plays(least)
            for signal in asked:
                values[signal.name][ranks[who]] = signal.measure(block)
        plays[ranks], total[ranks], artists[ranks] = traces.plays, part.total, np.diff(traces.pairs.start)
        if beats is not None:
            beats[ranks] = sign_sets(traces.start, beat_of(traces), seed)
        put_pairs(pairs, part)
        return ranks, core_of(traces, expected)

    cores = on_threads(visit, [k for k in range(PARTS) if len(people.members[k])], threads)
    crowd = Crowd(
        core=joined(cores, users),
        plays=plays,
        artist_plays=artist_plays,
        beats=beats,
        beating=np.flatnonzero(plays >= LEAST_BEATS),
    )
    return Walked(values, plays, total, artists, crowd)


def on_threads(visit: Callable[[int], T], numbers: Sequence[int], threads: int | None) -> list[T]:
    """Visit parts on threads; the results are in the order of the numbers."""
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        return list(pool.map(visit, numbers))


def beat_of(traces: Traces) -> NDArray[np.uint32]:
    """Hash track and ten minutes of the month of each play: uint32[rows]; zeros without these columns."""
    if traces.track is None or traces.time is None:
        return np.zeros(traces.start[-1], dtype=np.uint32)
    slot = (traces.time // np.uint32(BEAT)).astype(np.uint64)
    found: NDArray[np.uint32] = mix_all(traces.track.astype(np.uint64) << np.uint64(32) | slot)
    return found


def put_pairs(store: Store, part: Part) -> None:
    """Set down who played whom, by artist."""
    pairs = part.traces.pairs
    rows = np.empty((len(pairs.artist), PAIR_WORDS), dtype=np.uint64)
    rows[:, 0] = pairs.artist.astype(np.uint64) << np.uint64(32) | np.repeat(part.ranks, np.diff(pairs.start)).astype(
        np.uint64
    )
    rows[:, 1] = pairs.plays
    store.put(rows, (pairs.artist % np.uint32(PARTS)).astype(np.uint8))


def joined(cores: Sequence[tuple[Ints, Pairs]], users: int) -> Pairs:
    """Put the cores of all parts in the order of the users."""
    size = np.zeros(users, dtype=np.int64)
    for ranks, core in cores:
        size[ranks] = np.diff(core.start)
    start = np.concatenate([[0], np.cumsum(size)])
    artist = np.empty(start[-1], dtype=np.uint32)
    plays = np.empty(start[-1], dtype=np.int64)
    for ranks, core in cores:
        length = np.diff(core.start)
        place: NDArray[np.int64] = np.repeat(start[ranks] - core.start[:-1], length) + np.arange(len(core.artist))
        artist[place], plays[place] = core.artist, core.plays
    return Pairs(start, artist, plays)
