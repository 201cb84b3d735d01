from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING

import numpy as np
import pytest
from traced import DAY, HOUR, loop, machine, measured, person, traces

from fairpay.fraud.signals import artist_signals, group_signals, user_signals
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
    from fairpay.fraud.signal import UserSignal

EVERY = [*user_signals(), *artist_signals(), *group_signals()]


@pytest.mark.parametrize("signal", EVERY, ids=lambda signal: signal.name)
def test_every_signal_says_what_it_is_and_what_else_it_may_be(signal: UserSignal) -> None:
    assert signal.__doc__
    assert signal.source
    assert signal.innocent
    assert type(signal).__module__.endswith(signal.name)


@pytest.mark.parametrize("signal", user_signals(), ids=lambda signal: signal.name)
def test_the_order_of_rows_changes_no_value(signal: UserSignal) -> None:
    plays = [person(), machine(200), loop(100)]
    shuffled = [random.Random(k).sample(one, len(one)) for k, one in enumerate(plays)]  # noqa: S311 - not for secrets
    assert repr(measured(signal, *plays)) == repr(measured(signal, *shuffled))


@pytest.mark.parametrize("signal", user_signals(), ids=lambda signal: signal.name)
def test_a_value_does_not_depend_on_the_other_accounts_of_a_block(signal: UserSignal) -> None:
    alone, together = measured(signal, machine(200)), measured(signal, person(), machine(200), loop(100))
    assert repr(alone[0]) == repr(together[1])


READ_COLUMNS = [one for one in user_signals() if one.needs and one.name != "plays_a_day"]
"""Plays a day need the time only to know how many days the log covers."""


@pytest.mark.parametrize("signal", READ_COLUMNS, ids=lambda signal: signal.name)
def test_without_its_columns_a_signal_knows_nothing(signal: UserSignal) -> None:
    assert np.isnan(signal.measure(traces(person(), columns=False))).all()


@pytest.mark.parametrize("signal", user_signals(), ids=lambda signal: signal.name)
def test_an_ordinary_listener_reaches_no_level(signal: UserSignal) -> None:
    values = signal.measure(traces(*(person(seed=seed) for seed in range(20))))
    levels = signal.levels(values)
    assert not signal.reached(values, levels.together).any()
    assert not signal.reached(values, levels.alone).any()


def test_plays_a_day_are_counted_over_the_days_of_the_log() -> None:
    assert measured(PlaysADay(), person(40, days=15), days=30.0) == [20.0]


def test_the_level_of_plays_a_day_follows_the_log_within_bounds() -> None:
    signal = PlaysADay()
    assert signal.levels(np.full(9, 3.0)).together == signal.least
    assert signal.levels(np.full(9, 5000.0)).together == signal.most
    spread = signal.levels(np.exp(np.linspace(2.0, 6.0, 99))).together
    assert signal.least < spread <= signal.most


def test_hours_a_day_add_up_what_was_heard() -> None:
    assert measured(HoursADay(), [(0, k, HOUR * 1000, 0) for k in range(60)]) == [2.0]


def test_a_loop_of_31_seconds_is_short_plays() -> None:
    assert measured(ShortPlays(), loop(tracks=4), person()) == [1.0, 0.0]


def test_a_machine_never_rests() -> None:
    machine_rest, person_rest = measured(LongestRest(), machine(700), person())
    assert machine_rest < 0.1
    assert person_rest > 8


def test_the_silence_before_and_after_a_single_sitting_is_rest() -> None:
    sitting = [(0, 3 * DAY + 180 * k, 170_000, k) for k in range(150)]
    assert measured(LongestRest(), sitting, days=7.0) == [pytest.approx(4 * 24 - 149 / 20)]


def test_plays_after_the_last_full_week_give_no_rest() -> None:
    assert math.isnan(measured(LongestRest(), [(0, 29 * DAY + k, 1, 0) for k in range(200)])[0])


def test_a_machine_is_awake_at_every_hour() -> None:
    assert measured(AwakeHours(), machine(), person()) == [24.0, 15.0]


def test_the_top_artist_of_a_loop_has_every_play() -> None:
    assert measured(TopArtistShare(), loop()) == [1.0]


def test_a_machine_spreads_plays_evenly() -> None:
    even, human = measured(Evenness(), machine(), person(100))
    assert even == pytest.approx(1.0)
    assert human < 0.9


def test_the_record_union_rule_finds_a_loop() -> None:
    assert measured(FewDurations(), loop(), person(200)) == [400.0, 0.0]


def test_ten_lengths_are_few_and_eleven_are_not() -> None:
    ten, eleven = ([(0, k, 100_000 + k % n, 0) for k in range(6000)] for n in (10, 11))
    assert measured(FewDurations(), ten, eleven) == [200.0, 0.0]


def test_eighty_seconds_are_short_whatever_the_number_of_lengths() -> None:
    inside, outside = ([(0, k, 60_000 + k % 20_000 + over, 0) for k in range(30_000)] for over in (1, 2))
    assert measured(FewDurations(), inside, outside) == [1000.0, 0.0]


def test_plays_per_track_of_a_loop_are_many() -> None:
    assert measured(PlaysPerTrack(), loop()) == [1200.0]


def test_clockwork_leaves_the_same_time_between_plays() -> None:
    regular, human = measured(RegularGaps(), machine(700), person(60))
    assert regular == 1.0
    assert human < 0.1
