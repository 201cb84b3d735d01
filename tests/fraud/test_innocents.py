"""People who look odd and are in order: what they look like, and that they are left alone."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from odd_accounts import INNOCENTS, make_hired, make_innocents

import fairpay
from fairpay.synth.listeners import make_people
from fairpay.synth.plays import MadeMonth, World
from fairpay.synth.tables import COUNTRIES, PLANS, Tables

WORLD = World.of("2026-10", rows=75_000, artists=600, seed=6)
PEOPLE, EACH, HIRED = 300, 6, 40


@pytest.fixture(scope="module")
def month() -> pl.DataFrame:
    """Make 300 people, six of each kind of innocents, and 40 accounts hired for 8 of 20 artists each."""
    cohorts = [make_people(WORLD, PEOPLE, rows=75_000)]
    first = PEOPLE
    for kind in INNOCENTS:
        cohorts.append(make_innocents(WORLD, kind, EACH, first_user=first))
        first += EACH
    cohorts.append(make_hired(WORLD, HIRED, 60, first_user=first, first=600, artists=20, each=8))
    made = MadeMonth(tuple(cohorts), tuple(f"Artist {k}" for k in range(20)))
    columns = ("ts", "user_id", "artist_id", "track_id", "ms_played")
    tables = Tables(6, "short", made, columns, COUNTRIES, PLANS)
    return pl.concat([pl.DataFrame(tables.plays(plays)) for plays in made.by_user()])


def of(month: pl.DataFrame, kind: str) -> pl.DataFrame:
    """Return the plays of the innocents of a kind."""
    first = PEOPLE + EACH * list(INNOCENTS).index(kind)
    return month.filter(pl.col("user_id").is_in([f"u{number:06d}" for number in range(first, first + EACH)]))


def test_cafes_are_closed_at_night_and_play_much(month: pl.DataFrame) -> None:
    cafes = of(month, "cafes")
    assert len(cafes.filter(pl.col("ts").dt.hour().is_between(1, 7))) < 0.01 * len(cafes)
    assert len(cafes) / EACH / 31 > 150


def test_sleepers_play_the_same_few_tracks_by_night(month: pl.DataFrame) -> None:
    shares = of(month, "sleepers").group_by("user_id", "track_id").len().group_by("user_id").agg(pl.col("len").top_k(2))
    total = of(month, "sleepers").group_by("user_id").len()
    top = shares.join(total, on="user_id", suffix="_all").select(pl.col("len").list.sum() / pl.col("len_all"))
    assert (top.to_series() > 0.5).all()


def test_superfans_play_mostly_one_artist(month: pl.DataFrame) -> None:
    plays = of(month, "superfans").group_by("user_id", "artist_id").len()
    most = plays.group_by("user_id").agg(pl.col("len").max() / pl.col("len").sum())["len"]
    assert np.all(most.to_numpy() > 0.8)


def test_innocents_are_left_alone_and_the_hired_are_found(month: pl.DataFrame) -> None:
    table = fairpay.suspects(month, fee="9.99").table
    listed = set(table.filter(kind="user")["subject"])
    first = PEOPLE + EACH * len(INNOCENTS)
    hired = {f"u{number:06d}" for number in range(first, first + HIRED)}
    assert len(listed - hired) <= 1
    assert len(listed & hired) >= 0.9 * HIRED
