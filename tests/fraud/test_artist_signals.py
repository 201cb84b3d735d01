from __future__ import annotations

import numpy as np
import pytest

from fairpay.fraud.signals import artist_signals
from fairpay.fraud.signals.fan_intensity import FanIntensity
from fairpay.fraud.signals.flagged_share import FlaggedShare
from fairpay.fraud.signals.heavy_share import HeavyShare
from fairpay.fraud.signals.jump import Jump
from fairpay.fraud.signals.nothing_else import NothingElse
from fairpay.fraud.signals.plays_per_listener import PlaysPerListener
from fairpay.fraud.traces import Audience


def audience(**changes: object) -> Audience:
    """Two artists: one as usual, one with few, heavy, loyal listeners."""
    usual: dict[str, object] = {
        "plays": np.array([5000, 5000]),
        "listeners": np.array([1000, 20]),
        "loyal": np.array([10, 15]),
        "heavy": np.array([400, 300]),
        "flagged": np.array([0, 4000]),
        "intensity": np.array([0.9, 6.0]),
        "previous": np.array([4000, 100]),
    }
    return Audience(**(usual | changes))  # type: ignore[arg-type] # a table of its fields


def test_plays_per_listener_divide_plays_by_listeners() -> None:
    assert PlaysPerListener().measure(audience()).tolist() == [5.0, 250.0]


def test_the_level_of_plays_per_listener_is_the_highest_hundredth_of_the_log() -> None:
    assert PlaysPerListener().levels(np.arange(1001.0)).together == 990.0
    assert PlaysPerListener().levels(np.full(100, 2.0)).together == 50.0


def test_the_share_of_flagged_accounts_is_of_plays() -> None:
    assert FlaggedShare().measure(audience()).tolist() == [0.0, 0.8]


def test_the_heaviest_listeners_of_a_small_audience_say_nothing() -> None:
    values = HeavyShare().measure(audience())
    assert values[0] == 0.08
    assert np.isnan(values[1])


def test_fan_intensity_needs_ten_listeners() -> None:
    assert np.isnan(FanIntensity().measure(audience(listeners=np.array([1000, 9])))[1])


def test_loyal_listeners_are_a_share_of_the_audience() -> None:
    assert NothingElse().measure(audience()).tolist() == [0.01, 0.75]


def test_a_jump_is_a_multiple_of_the_month_before() -> None:
    assert Jump().measure(audience()).tolist() == [1.25, 50.0]


def test_a_new_artist_jumps_from_one_play() -> None:
    assert Jump().measure(audience(previous=np.array([0, 0]))).tolist() == [5000.0, 5000.0]


def test_without_the_month_before_nothing_jumps() -> None:
    assert np.isnan(Jump().measure(audience(previous=None))).all()


@pytest.mark.parametrize("signal", artist_signals(), ids=lambda signal: signal.name)
def test_an_ordinary_artist_reaches_no_level(signal: PlaysPerListener) -> None:
    values = signal.measure(audience())
    levels = signal.levels(np.full(100, values[0]))
    assert not signal.reached(values[:1], levels.together)[0] or signal.name == "plays_per_listener"
    assert not signal.reached(values[:1], levels.alone)[0]
