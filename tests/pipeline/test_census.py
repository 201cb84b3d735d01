"""Streams and listeners are counted on qualified plays, in one reading of the log, before any weight."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from fairpay.adjust.policy import Boost, Policy, Threshold, Weight
from fairpay.adjust.weights import wanted_roles
from fairpay.logs.read import open_logs
from fairpay.pipeline.census import Applying, census_of, weigher_of
from fairpay.pipeline.request import ROLES
from fairpay.qualify import Qualifier
from fairpay.settings.values import Qualifying, Reading, Running

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.adjust.weights import Census

ROWS = """user,artist,track,seconds,spatial
u1,a,t1,40,true
u2,a,t1,40,true
u2,a,t2,40,false
u1,b,t3,29,true
u3,b,t3,31,true
"""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A small log with tracks."""
    path = tmp_path / "log.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def counted(log: Path, **lines: object) -> dict[str, Census]:
    """What is counted of the only pool for a policy of these lines."""
    policy = Policy("t", "s", "market-centric", **lines)  # type: ignore[arg-type]
    logs = open_logs([log], Reading(), wanted=(*ROLES, *wanted_roles(policy)))
    judging = lambda: Qualifier(Qualifying(), set_aside=True).judge  # noqa: E731
    found = census_of(logs, [Applying(policy)], judging, pools=1, running=Running(threads=1), artists=None)
    return {unit: pools[0] for unit, pools in found.items()}


def test_tracks_are_counted_where_a_threshold_asks_for_them(log: Path) -> None:
    census = counted(log, thresholds=(Threshold("t", streams=2, per="track"),))["track"]
    found = dict(zip(census.ids.to_pylist(), census.streams.tolist(), strict=True))
    assert [(name[0], name[-2:], streams) for name, streams in found.items()] == [
        ("a", "t1", 2), ("a", "t2", 1), ("b", "t3", 1)
    ]  # fmt: skip
    assert census.listeners.tolist() == [2, 1, 1]


def test_plays_too_short_for_their_kind_are_no_streams(log: Path) -> None:
    spatial = Weight("spatial", "spatial", ("true",), Fraction(1, 5), min_seconds=Fraction(35))
    found = counted(log, weights=(spatial,), thresholds=(Threshold("t", streams=2),))["artist"]
    assert dict(zip(found.ids.to_pylist(), found.streams.tolist(), strict=True)) == {"a": 3}


def test_artists_and_tracks_are_counted_apart(log: Path) -> None:
    """A boost by artist beside a threshold by track."""
    both = counted(
        log,
        boosts=(Boost("b", streams=2, listeners=2, times=2),),  # type: ignore[arg-type]
        thresholds=(Threshold("t", streams=2, per="track"),),
    )
    assert sorted(both) == ["artist", "track"]
    assert both["artist"].listeners.tolist() == [2, 1]


def test_weights_alone_need_no_counting(log: Path) -> None:
    noise = Weight("noise", "category", ("noise",), Fraction(0))
    assert counted(log, weights=(noise,)) == {}


def test_a_column_the_log_lacks_comes_from_the_artist_file(log: Path, tmp_path: Path) -> None:
    artists = tmp_path / "artists.csv"
    artists.write_text("artist,name,category\na,A,noise\nb,B,pop\n", encoding="utf-8")
    policy = Policy("t", "s", "market-centric", weights=(Weight("noise", "category", ("noise",), Fraction(0)),))
    found = weigher_of(Applying(policy), open_logs([log], Reading(), wanted=ROLES).columns, {}, artists)
    assert found.factors[0].found.to_pylist() == ["a"]


def test_a_log_in_which_nothing_qualifies_reaches_no_threshold(tmp_path: Path) -> None:
    path = tmp_path / "short.csv"
    path.write_text("user,artist,seconds\nu,a,3\n", encoding="utf-8")
    assert len(counted(path, thresholds=(Threshold("t", streams=1),))["artist"].ids) == 0
