from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from fairpay.fraud.signals import ArtistSignal, artist_signals
from fairpay.fraud.signals.fan_intensity import FanIntensity
from fairpay.fraud.signals.flagged_share import FlaggedShare
from fairpay.fraud.signals.heavy_share import HeavyShare
from fairpay.fraud.signals.jump import Jump
from fairpay.fraud.signals.nothing_else import NothingElse
from fairpay.fraud.signals.plays_per_listener import PlaysPerListener

TWO = pl.DataFrame(
    {
        "plays": [5000, 5000],
        "listeners": [1000, 20],
        "loyal": [10, 15],
        "heavy": [400, 300],
        "flagged": [0, 4000],
        "intensity": [0.9, 6.0],
        "previous": [4000, 100],
    }
)
"""One artist as usual, one with few, heavy, loyal listeners."""
UNKNOWN = float("nan")


@pytest.mark.parametrize(
    ("signal", "audience", "values"),
    [
        pytest.param(PlaysPerListener(), TWO, [5.0, 250.0], id="plays by listeners"),
        pytest.param(FlaggedShare(), TWO, [0.0, 0.8], id="the share of flagged accounts is of plays"),
        pytest.param(HeavyShare(), TWO, [0.08, UNKNOWN], id="the heaviest of a small audience say nothing"),
        pytest.param(
            FanIntensity(), TWO.with_columns(listeners=pl.Series([1000, 9])), [0.9, UNKNOWN], id="nor do nine listeners"
        ),
        pytest.param(NothingElse(), TWO, [0.01, 0.75], id="loyal listeners are a share of the audience"),
        pytest.param(Jump(), TWO, [1.25, 50.0], id="a jump is a multiple of the month before"),
        pytest.param(
            Jump(), TWO.with_columns(previous=pl.lit(0)), [5000.0, 5000.0], id="a new artist jumps from one play"
        ),
    ],
)
def test_an_artist_signal_measures(signal: ArtistSignal, audience: pl.DataFrame, values: list[float]) -> None:
    np.testing.assert_array_equal(signal.measure(audience), values)


def test_the_level_of_plays_per_listener_is_the_highest_hundredth_of_the_log() -> None:
    assert PlaysPerListener().level(np.arange(1001.0)) == 990.0
    assert PlaysPerListener().level(np.full(100, 2.0)) == 50.0


@pytest.mark.parametrize("signal", artist_signals(), ids=lambda signal: signal.name)
def test_an_ordinary_artist_reaches_no_level(signal: ArtistSignal) -> None:
    values = signal.measure(TWO)[:1]
    assert not signal.reached(values, signal.level(np.full(100, values[0])))[0]
    assert not signal.reached(values, signal.alone)[0]
