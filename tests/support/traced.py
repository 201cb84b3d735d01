"""Traces of made-up accounts, for tests of signals: plays as plain tuples."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from fairpay.fraud.detect.intake import PAIRS, PLAYS
from fairpay.fraud.traces import Regulars, Sketches, Span, Traces

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.fraud.signals import UserSignal

DAY, HOUR = 86_400, 3600
START = 20_000 * DAY
"""A midnight."""

Play = tuple[int, int, int, int]
"""artist, seconds since START, milliseconds, track."""


def traces(*users: Sequence[Play], days: float = 30.0) -> Traces:
    """Put the plays of some accounts into a block."""
    rows = [
        (user, artist, START + at, ms, track, 1, ms)
        for user, plays in enumerate(users)
        for artist, at, ms, track in plays
    ]
    return Traces.of(pl.DataFrame(rows, schema=PLAYS, orient="row"), Span(START, days, 30_000))


def sketched(users: int, *, plays: int = 100, **known: Any) -> Sketches:  # noqa: ANN401 - any of its fields
    """Put down accounts that play so often and of which nothing is known but what is said."""
    nothing = np.zeros(0, dtype=np.int64)
    edges = pl.DataFrame(schema={"artist": pl.UInt32, "user": pl.UInt32, "plays": pl.Int64, "listeners": pl.Int64})
    empty = {
        "core": PAIRS.to_frame(),
        "plays": np.full(users, plays),
        "total": nothing,
        "artists": nothing,
        "artist_plays": nothing,
        "moments": np.empty((users, 0), np.uint32),
        "timed": nothing,
        "regulars": Regulars(edges, np.zeros(users, dtype=np.int64), float(max(100, plays))),
    }
    return Sketches(**empty | known)


def measured(signal: UserSignal, *users: Sequence[Play], days: float = 30.0) -> list[float]:
    """Measure some accounts."""
    return values(signal, traces(*users, days=days))


def values(signal: UserSignal, block: Traces) -> list[float]:
    """Measure the accounts of a block."""
    found = block.rows.select("user").unique().join(signal.measure(block), on="user", how="left").sort("user")
    return [float("nan") if value is None else float(value) for value in found["value"]]


def person(plays_a_day: int = 40, *, days: int = 30, artists: int = 25, seed: int = 1) -> list[Play]:
    """Make somebody who listens from eight to eleven at night, mostly to a few artists, to whole tracks."""
    draws = np.random.default_rng(seed)
    at = np.concatenate([day * DAY + 8 * HOUR + draws.integers(0, 15 * HOUR, plays_a_day) for day in range(days)])
    artist = np.minimum(draws.geometric(0.15, len(at)) - 1, artists - 1)
    track = artist * 100 + draws.integers(0, 12, len(at))
    ms = 120_000 + track * 997 % 200_000
    return list(zip(artist.tolist(), at.tolist(), ms.tolist(), track.tolist(), strict=True))


def machine(plays_a_day: int = 700, *, days: int = 30, artists: int = 50, ms: int = 110_000) -> list[Play]:
    """Make a program that plays around the clock, one artist after the other."""
    each = DAY // plays_a_day
    return [(k % artists, k * each, ms + k % 977, k % 1000) for k in range(plays_a_day * days)]


def loop(plays_a_day: int = 400, *, days: int = 30, tracks: int = 10) -> list[Play]:
    """Make a fan who loops an album of silence overnight."""
    return [
        (7, day * DAY + k * 40, 31_000 + 500 * (k % tracks), k % tracks)
        for day in range(days)
        for k in range(plays_a_day)
    ]
