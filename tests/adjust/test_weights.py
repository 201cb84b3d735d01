"""Play weights, boosts and thresholds are exact, counted, and applied before any rule."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairpay.adjust.policy import Boost, Policy, Threshold, Weight
from fairpay.adjust.weights import Census, Weigher, keyed, units_counted, wanted_roles
from fairpay.errors import InputError
from fairpay.logs.schema import Fate, Listens, RawBatch
from fairpay.pipeline.stages import Stages

SOUGHT = Weight("sought", "active", ("true", "1"), Fraction(2))
NOISE = Weight("noise", "category", ("noise",), Fraction(1, 5), min_seconds=Fraction(120))
SPATIAL = Weight("spatial", "spatial", ("true",), Fraction(11, 10))
CROWD = Boost("crowd", streams=3, listeners=2, times=Fraction(2))
LIMIT = Threshold("limit", streams=2, per="track")


def policy(**lines: Any) -> Policy:  # noqa: ANN401 - the lines of a policy
    """A policy of these lines."""
    return Policy("t", "s", "user-centric", **lines)


def batch(
    ms: list[int] | None = None, plays: list[int] | None = None, **columns: list[Any]
) -> tuple[RawBatch, Listens]:
    """A batch in which every row was judged to count."""
    arrays = {role: pa.array(values) for role, values in columns.items()}
    rows = len(arrays["artist"])
    numbers = [None if x is None else np.array(x, dtype=np.int64) for x in (plays, ms)]
    listens = Listens(
        arrays.get("user", arrays["artist"]), arrays["artist"], np.ones(rows, np.bool_), numbers[0], *numbers
    )
    return RawBatch({"user": listens.user, **arrays}, "log.csv", 1), listens


def census(**units: tuple[int, int]) -> Census:
    """Id -> (streams, listeners)."""
    streams, listeners = (np.array([pair[i] for pair in units.values()], dtype=np.int64) for i in range(2))
    return Census(pa.array(list(units), pa.large_string()), streams, listeners)


def track(artist: str, name: str) -> str:
    """By what a track is known in a census."""
    raw, listens = batch(artist=[artist], track=[name])
    return str(keyed(listens, raw, "track").artist[0].as_py())


def weigh(given_policy: Policy, raw: RawBatch, listens: Listens, **more: Any) -> tuple[Stages, Listens]:  # noqa: ANN401
    """Take one batch through the stage of a policy."""
    stages = Stages(weighers=(Weigher(given_policy, columns=frozenset(raw.columns), **more),))
    return stages, stages(raw, listens)


def test_the_least_length_of_a_weight_is_that_of_the_mean_play() -> None:
    """A row of 10 plays in 600 s is of 60 s each, under 120."""
    raw, listens = batch(artist=["a", "b"], category=["noise", "noise"], ms=[600_000, 1_200_000], plays=[10, 10])
    assert weigh(policy(weights=(NOISE,)), raw, listens)[1].used.tolist() == [False, True]


def test_a_play_that_was_sought_counts_twice() -> None:
    for column in ([True, False, None], ["TRUE", "no", None], [1, 0, None]):
        raw, listens = batch(artist=["a", "b", "c"], active=column)
        assert weigh(policy(weights=(SOUGHT,)), raw, listens)[1].amount.tolist() == [2, 1, 1]


def test_factors_multiply_with_a_common_denominator() -> None:
    """Eleven tenths and one fifth: everything is counted in fiftieths."""
    raw, listens = batch(artist=["a"] * 4, ms=[200_000] * 4, spatial=[1, 1, 0, 0], category=["noise", "pop"] * 2)
    raw = RawBatch({**raw.columns, "spatial": pa.array([True, True, False, False])}, "log.csv", 1)
    _, weighed = weigh(policy(weights=(NOISE, SPATIAL)), raw, listens)
    assert weighed.amount.tolist() == [11, 55, 10, 50]


def test_noise_counts_only_from_two_minutes() -> None:
    """Shorter plays of it leave for a counted reason; the length of other plays does not matter."""
    raw, listens = batch(artist=["a"] * 3, ms=[119_999, 120_000, 40_000], category=["Noise", "noise", "pop"])
    stages, weighed = weigh(policy(weights=(NOISE,)), raw, listens)
    assert weighed.used.tolist() == [False, True, True]
    assert weighed.amount.tolist()[1:] == [1, 5]
    assert stages.left_out()[Fate.WEIGHED_OUT] == 1


def test_a_boost_needs_both_numbers() -> None:
    raw, listens = batch(artist=["a", "b", "c"])
    counted = census(a=(3, 2), b=(3, 1), c=(2, 2))
    _, weighed = weigh(policy(boosts=(CROWD,)), raw, listens, census={"artist": {0: counted}})
    assert weighed.amount.tolist() == [2, 1, 1]


def test_a_missed_threshold_is_counted_by_its_own_reason() -> None:
    """The row leaves, with its plays, and the sentence says so."""
    raw, listens = batch(artist=["a", "a", "b"], track=["t1", "t2", None], plays=[1, 4, 1])
    counted = census(**{track("a", "t1"): (2, 1), track("a", "t2"): (1, 1)})
    stages, weighed = weigh(policy(thresholds=(LIMIT,)), raw, listens, census={"track": {0: counted}})
    assert weighed.used.tolist() == [True, False, False]
    assert (stages.left_out(), stages.weighers[0].touched()[0].plays) == ({Fate.INELIGIBLE: 2}, 5)
    assert "5 plays earn nothing" in stages.remarks()[0]


def test_without_tracks_a_threshold_counts_artists() -> None:
    assert units_counted(policy(thresholds=(LIMIT,)), {"track": 1}) == ("track",)
    assert units_counted(policy(thresholds=(LIMIT,), boosts=(CROWD,)), {}) == ("artist",)
    raw, listens = batch(artist=["a", "b"])
    _, weighed = weigh(policy(thresholds=(LIMIT,)), raw, listens, census={"artist": {0: census(a=(2, 1))}})
    assert weighed.used.tolist() == [True, False]


def test_a_column_may_come_from_the_artist_file() -> None:
    raw, listens = batch(artist=["a", "b", "c"])
    table = {"spatial": (pa.array(["a", "c"]), pa.array(["TRUE", "false"]))}
    _, weighed = weigh(policy(weights=(SPATIAL,)), raw, listens, table=table)
    assert weighed.amount.tolist() == [11, 10, 10]


def test_a_weight_without_its_column_says_so() -> None:
    raw, listens = batch(artist=["a"])
    stages, weighed = weigh(policy(weights=(SPATIAL,)), raw, listens)
    assert weighed.amount is None
    assert "skipped, no column `" in stages.remarks()[0]


def test_dictionary_columns_are_looked_up_once() -> None:
    """With nulls among the indices, and an empty dictionary."""
    raw, listens = batch(artist=["a", "b", "c"], active=["yes", "1", None])
    coded = RawBatch({**raw.columns, "active": raw.columns["active"].dictionary_encode()}, "log.csv", 1)
    assert weigh(policy(weights=(SOUGHT,)), coded, listens)[1].amount.tolist() == [1, 2, 1]
    empty = pa.DictionaryArray.from_arrays(pa.array([None] * 3, pa.int32()), pa.array([], pa.string()))
    coded = RawBatch({**raw.columns, "active": empty}, "log.csv", 1)
    assert weigh(policy(weights=(SOUGHT,)), coded, listens)[1].amount.tolist() == [1, 1, 1]


def test_tracks_take_the_place_of_artists_when_they_are_counted() -> None:
    raw, listens = batch(artist=["a", "b"], track=["t", None])
    by_track = keyed(listens, raw, "track")
    assert by_track.artist.to_pylist() == [track("a", "t"), None]
    assert by_track.used.tolist() == [True, False]
    assert keyed(listens, raw, "artist") is listens


def test_tracks_of_one_title_are_told_apart_by_their_artist() -> None:
    pairs = [("a", "Intro"), ("b", "Intro"), ("a\x1f", "t"), ("a", "\x1ft"), ("a\x1f\x1d", "t"), ("a", "\x1f\x1dt")]
    assert len({track(*pair) for pair in pairs}) == len(pairs)


def test_a_play_that_is_too_short_for_its_kind_is_not_said_to_count() -> None:
    raw, listens = batch(artist=["a", "a"], category=["noise", "noise"], ms=[60_000, 130_000])
    stages, _ = weigh(policy(weights=(NOISE,)), raw, listens)
    assert (stages.weighers[0].touched()[0].rows, stages.left_out()[Fate.WEIGHED_OUT]) == (1, 1)


def test_only_columns_that_are_needed_are_read() -> None:
    assert wanted_roles(policy(weights=(SOUGHT, NOISE), thresholds=(LIMIT,))) == ("active", "category", "track")


def test_amounts_that_leave_62_bits_are_refused() -> None:
    raw, listens = batch(artist=["a"], plays=[2**61], active=[True])
    with pytest.raises(InputError, match="2\\^62"):
        weigh(policy(weights=(SOUGHT,)), raw, listens)


@settings(max_examples=60)
@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("abc"), st.booleans(), st.sampled_from(["noise", "pop", None]), st.integers(1, 10**6)
        ),
        min_size=1,
        max_size=12,
    )
)
def test_weighed_amounts_are_the_fractions_times_one_number(rows: list[tuple[str, bool, str | None, int]]) -> None:
    artist, active, category, plays = (list(column) for column in zip(*rows, strict=True))
    raw, listens = batch(artist=artist, active=active, category=category, plays=plays)
    quiet = Weight("noise", "category", ("noise",), Fraction(1, 3))
    half = Weight("sought", "active", ("true",), Fraction(3, 2))
    counted = {"artist": {0: census(a=(9, 9), b=(1, 1))}}
    stages, weighed = weigh(policy(weights=(quiet, half), boosts=(CROWD,)), raw, listens, census=counted)
    expected = [
        n * (Fraction(1, 3) if c == "noise" else 1) * (Fraction(3, 2) if s else 1) * (2 if a == "a" else 1)
        for a, s, c, n in rows
    ]
    assert stages.play() == 6
    assert weighed.amount.tolist() == [6 * x for x in expected]
