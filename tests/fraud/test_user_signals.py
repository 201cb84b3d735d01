from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from traced import DAY, HOUR, loop, machine, measured, person, traces, values

from fairpay.fraud.signals import UserSignal, artist_signals, group_signals, user_signals
from fairpay.fraud.signals.awake_hours import AwakeHours
from fairpay.fraud.signals.evenness import Evenness
from fairpay.fraud.signals.few_durations import FewDurations
from fairpay.fraud.signals.hours_a_day import HoursADay
from fairpay.fraud.signals.longest_rest import LongestRest
from fairpay.fraud.signals.plays_a_day import PlaysADay
from fairpay.fraud.signals.plays_per_track import PlaysPerTrack
from fairpay.fraud.signals.regular_gaps import RegularGaps
from fairpay.fraud.signals.short_plays import ShortPlays
from fairpay.fraud.signals.top_artist import TopArtistShare

if TYPE_CHECKING:
    from traced import Play

ALONE = [signal for signal in user_signals() if isinstance(signal, UserSignal)]
PLAYS = [person(), machine(200), loop(100)]
TOGETHER, EACH = traces(*PLAYS), [traces(one) for one in PLAYS]
SHUFFLED = traces(*(random.Random(k).sample(one, len(one)) for k, one in enumerate(PLAYS)))  # noqa: S311 - no secrets
PEOPLE = traces(*(person(seed=seed) for seed in range(20)))
EVERY = [*user_signals(), *artist_signals(), *group_signals()]


@pytest.mark.parametrize("signal", EVERY, ids=lambda signal: signal.name)
def test_every_signal_says_what_it_is_and_what_else_it_may_be(signal: UserSignal) -> None:
    assert signal.__doc__
    assert signal.source
    assert signal.innocent


@pytest.mark.parametrize("signal", ALONE, ids=lambda signal: signal.name)
def test_neither_the_order_of_rows_nor_other_accounts_change_a_value(signal: UserSignal) -> None:
    assert repr(values(signal, TOGETHER)) == repr(values(signal, SHUFFLED))
    assert repr(values(signal, TOGETHER)) == repr([values(signal, one)[0] for one in EACH])


@pytest.mark.parametrize("signal", ALONE, ids=lambda signal: signal.name)
def test_an_ordinary_listener_reaches_no_level(signal: UserSignal) -> None:
    found = np.array(values(signal, PEOPLE))
    assert not signal.reached(found, signal.level(found)).any()
    assert not signal.reached(found, signal.alone).any()


def test_plays_a_day_are_counted_over_the_days_of_the_log() -> None:
    assert measured(PlaysADay(), person(40, days=15), days=30.0) == [20.0]


def test_the_level_of_plays_a_day_follows_the_log_within_bounds() -> None:
    signal = PlaysADay()
    assert signal.level(np.full(9, 3.0)) == signal.least
    assert signal.level(np.full(9, 5000.0)) == signal.most
    assert signal.least < signal.level(np.exp(np.linspace(2.0, 6.0, 99))) <= signal.most


def test_the_silence_before_and_after_a_single_sitting_is_rest() -> None:
    sitting = [(0, 3 * DAY + 180 * k, 170_000, k) for k in range(150)]
    assert measured(LongestRest(), sitting, days=7.0) == [pytest.approx(4 * 24 - 149 / 20)]


def test_plays_after_the_last_full_week_give_no_rest() -> None:
    assert math.isnan(measured(LongestRest(), [(0, 29 * DAY + k, 1, 0) for k in range(200)])[0])


def lengths(plays: int, *, base: int, kinds: int) -> list[Play]:
    """Make plays of so many different lengths, from `base` on."""
    return [(0, k, base + k % kinds, 0) for k in range(plays)]


@pytest.mark.parametrize(
    ("signal", "plays", "value"),
    [
        pytest.param(HoursADay(), lengths(120, base=HOUR * 500, kinds=1), 2.0, id="hours add up what was heard"),
        pytest.param(ShortPlays(), loop(tracks=4), 1.0, id="31 seconds are short plays"),
        pytest.param(ShortPlays(), person(), 0.0, id="whole tracks are not"),
        pytest.param(AwakeHours(), machine(), 24.0, id="a machine is awake at every hour"),
        pytest.param(AwakeHours(), person(), 15.0, id="a person is awake from eight to eleven"),
        pytest.param(TopArtistShare(), loop(), 1.0, id="the top artist of a loop has every play"),
        pytest.param(FewDurations(), loop(), 400.0, id="the Record Union rule finds a loop"),
        pytest.param(FewDurations(), person(200), 0.0, id="and no person"),
        pytest.param(FewDurations(), lengths(6000, base=100_000, kinds=10), 200.0, id="ten lengths are few"),
        pytest.param(FewDurations(), lengths(6000, base=100_000, kinds=11), 0.0, id="eleven are not"),
        pytest.param(FewDurations(), lengths(30_000, base=60_001, kinds=20_000), 1000.0, id="80 seconds are short"),
        pytest.param(FewDurations(), lengths(30_000, base=60_002, kinds=20_000), 0.0, id="a millisecond more is not"),
        pytest.param(PlaysPerTrack(), loop(), 1200.0, id="plays per track of a loop are many"),
        pytest.param(RegularGaps(), machine(700), 1.0, id="clockwork leaves the same time between plays"),
    ],
)
def test_a_user_signal_measures(signal: UserSignal, plays: list[Play], value: float) -> None:
    assert measured(signal, plays) == [value]


@pytest.mark.parametrize(
    ("signal", "plays", "least", "most"),
    [
        pytest.param(LongestRest(), machine(700), 0, 0.1, id="a machine never rests"),
        pytest.param(LongestRest(), person(), 8, 24, id="a person sleeps"),
        pytest.param(Evenness(), machine(), 1 - 1e-9, 1, id="a machine spreads plays evenly"),
        pytest.param(Evenness(), person(100), 0, 0.9, id="a person has favourites"),
        pytest.param(RegularGaps(), person(60), 0, 0.1, id="a person keeps no time"),
    ],
)
def test_a_user_signal_tells_people_from_machines(
    signal: UserSignal, plays: list[Play], least: float, most: float
) -> None:
    assert least <= measured(signal, plays)[0] <= most
