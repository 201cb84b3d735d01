"""Judging rows: each row has one fate, counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from judging import SINCE, UNTIL, batch, judged, refused, text, used

from fairpay.errors import InputError, Problem
from fairpay.logs.schema import Fate, RawBatch
from fairpay.qualify import Qualifier
from fairpay.settings.values import Qualifying


def test_bad_rows_are_listed_all_at_once_with_counts_and_first_rows() -> None:
    error = refused(
        batch(file="broken.csv", user=text("u1", "u2", "", "u3"), seconds=text("40", "-3", "50", "soon")),
    )
    assert error.message == "broken.csv: 3 of 4 rows cannot be used"
    assert error.problems == (
        Problem(1, "seconds is negative", "first at row 2"),
        Problem(1, "user is empty", "first at row 3"),
        Problem(1, "seconds is not a number: soon", "first at row 4"),
    )
    assert "--rejects" in error.advice


def test_no_user_id_is_in_a_refusal() -> None:
    error = refused(batch(user=text("secret-user", "secret-user"), plays=text("x", "1.5")))
    assert "secret" not in error.message + error.advice + str(error.problems)


def test_problems_of_several_files_name_the_file_and_the_first_row_whatever_came_first() -> None:
    late = batch(first_row=11, file="b.csv", seconds=text("x2"))
    early = batch(first_row=5, file="a.csv", seconds=text("40", "x1"))
    for order in ((late, early), (early, late)):
        error = refused(*order)
        assert error.message == "2 of 3 rows cannot be used"
        assert error.problems == (Problem(2, "seconds is not a number: x1", "first at row 6 of a.csv"),)


def test_without_a_row_there_is_nothing_to_judge() -> None:
    assert "no row" in refused().message
    assert "no row" in refused(batch(seconds=text())).message


def test_set_aside_rows_are_kept_with_their_row_and_reason_and_counted() -> None:
    qualifier = Qualifier(Qualifying(), set_aside=True)
    qualifier.judge(batch(first_row=4, file="b.csv", user=text("u1", ""), seconds=text("-1", "50")))
    qualifier.judge(batch(file="a.csv", user=text("u1", "u2"), seconds=text("40", "soon")))
    counts = qualifier.finish()
    assert (counts.rows, counts.used, counts.bad) == (4, 1, 3)
    assert counts.dropped == {Fate.BAD_USER: 1, Fate.BAD_DURATION: 2}
    assert qualifier.rejected().to_pylist() == [
        {
            "file": "a.csv",
            "row": 2,
            "reason": "seconds is not a number",
            "user": "u2",
            "artist": "a",
            "seconds": "soon",
        },
        {"file": "b.csv", "row": 4, "reason": "seconds is negative", "user": "u1", "artist": "a", "seconds": "-1"},
        {"file": "b.csv", "row": 5, "reason": "user is empty", "user": "", "artist": "a", "seconds": "50"},
    ]


@pytest.mark.parametrize(
    ("seconds", "counts"),
    [("30", True), ("29.9996", False), ("29.9999999999", False), ("30.0", True), ("30.0004", True), ("29.9", False)],
)
def test_thirty_seconds_are_exact(seconds: str, *, counts: bool) -> None:
    assert used(batch(seconds=text(seconds))) == [counts]
    assert used(batch(seconds=pa.array([float(seconds)]))) == [counts]
    assert used(batch(seconds=pa.array([Decimal(seconds)]))) == [counts]


@pytest.mark.parametrize(
    ("seconds", "plays", "counts"),
    [("40", 100, False), ("3000", 100, True), ("2999.9996", 100, False), ("400", 20, False), ("59.999", 2, False)],
)
def test_a_row_of_several_plays_is_as_long_as_its_mean_play(seconds: str, plays: int, *, counts: bool) -> None:
    assert used(batch(seconds=text(seconds), plays=pa.array([plays]))) == [counts]


def test_the_least_length_of_very_many_plays_cannot_wrap() -> None:
    most = 2**61
    assert used(batch(ms=pa.array([most]), plays=pa.array([most])), Qualifying(min_ms=30_000)) == [False]
    assert used(batch(ms=pa.array([most]), plays=pa.array([most // 30_000])), Qualifying(min_ms=30_000)) == [True]


def test_without_a_duration_nothing_is_short() -> None:
    listens, counts = judged(batch(plays=text("1", "2")))
    assert listens.used.all()
    assert listens.amount is not None
    assert listens.amount.tolist() == [1, 2]
    assert (counts.measure, counts.plays, counts.ms) == ("plays", 3, None)


def test_one_play_per_row_needs_no_amounts() -> None:
    listens, counts = judged(batch(user=text("u", "v")))
    assert listens.amount is None
    assert listens.plays is None
    assert (counts.plays, counts.used) == (2, 2)


def test_time_is_the_measure_where_there_is_a_duration_unless_plays_are_asked_for() -> None:
    raw = batch(seconds=text("31.5", "60"), plays=text("2", "3"))
    listens, counts = judged(raw)
    assert listens.amount is not None
    assert listens.amount.tolist() == [31500, 60000]
    assert counts.measure == "time"
    by_plays, counts = judged(raw, Qualifying(measure="plays"))
    assert by_plays.amount is not None
    assert by_plays.amount.tolist() == [2, 3]
    assert counts.measure == "plays"


def test_time_cannot_be_the_measure_without_a_duration() -> None:
    with pytest.raises(InputError, match="no duration"):
        judged(batch(plays=text("1")), Qualifying(measure="time"))


@pytest.mark.parametrize("column", [text("0", "1"), pa.array([0, 1]), pa.array([0.0, 1.0])])
def test_rows_of_no_plays_are_left_out_in_order(column: pa.Array) -> None:
    listens, counts = judged(batch(plays=column))
    assert listens.used.tolist() == [False, True]
    assert counts.dropped == {Fate.NOTHING_PLAYED: 1}


def test_no_time_listened_is_nothing_played_where_nothing_is_too_short() -> None:
    _, counts = judged(batch(ms=pa.array([0, 1])), Qualifying(min_ms=0))
    assert counts.dropped == {Fate.NOTHING_PLAYED: 1}


@pytest.mark.parametrize(
    ("column", "reason"),
    [
        (text("1,200"), "plays is not a number: 1,200"),
        (text("1.5"), "plays is not a whole number: 1.5"),
        (text("-1"), "plays is negative"),
        (text(None), "plays is empty"),
        (text("9223372036854775808"), "plays is too large: 9223372036854775808"),
        (pa.array([float("nan")]), "plays is not a number: nan"),
        (pa.array([float("inf")]), "plays is too large: inf"),
        (pa.array([1.5]), "plays is not a whole number: 1.5"),
        (pa.array([2**63], pa.uint64()), "plays is too large: 9223372036854775808"),
        (pa.array([-1]), "plays is negative"),
        (pa.array([None], pa.int64()), "plays is empty"),
    ],
)
def test_unusable_plays_are_bad(column: pa.Array, reason: str) -> None:
    error = refused(batch(plays=column))
    assert [problem.reason for problem in error.problems] == [reason]


def test_numbers_that_sum_over_what_a_month_can_hold_are_refused() -> None:
    qualifier = Qualifier(Qualifying())
    raw = batch(plays=pa.array([2**61]))
    qualifier.judge(raw)
    with pytest.raises(InputError, match="2\\^62"):
        qualifier.judge(raw)


def test_large_amounts_of_rows_left_out_do_not_count_towards_the_sum() -> None:
    qualifier = Qualifier(Qualifying())
    for _ in range(3):
        qualifier.judge(batch(artist=text(None), plays=pa.array([2**61])))
    assert qualifier.finish().plays == 0


@pytest.mark.parametrize("wrap", [lambda a: a, lambda a: a.cast(pa.large_string()), lambda a: a.dictionary_encode()])
def test_missing_ids_in_every_text_type(wrap: object) -> None:
    ids = wrap(text("a", "", None, "null", " "))  # type: ignore[operator]
    _, counts = judged(batch(user=ids))
    assert counts.dropped == {Fate.BAD_USER: 2}
    _, counts = judged(batch(artist=ids))
    assert counts.dropped == {Fate.NO_ARTIST: 2}


def test_integer_ids_stay_integers() -> None:
    listens, counts = judged(batch(user=pa.array([8001, None, 0])))
    assert listens.user.type == pa.int64()
    assert counts.dropped == {Fate.BAD_USER: 1}


def test_a_sliced_column_is_judged_by_its_own_rows() -> None:
    ids = text("", "a", "", "b").slice(1, 2)
    assert used(batch(user=ids, seconds=text("x", "40", "50", "x").slice(1, 2))) == [True, False]


def test_ids_of_other_types_are_refused_in_words() -> None:
    with pytest.raises(InputError, match="user is a column of double"):
        judged(batch(user=pa.array([1.5])))


def test_rows_outside_the_period_are_left_out_whatever_else_is_wrong_with_them() -> None:
    times = text("2026-09-30T23:59:59Z", "2026-10-01 00:00", "2026-11-01T01:00:00+02:00", "2026-11-01", "soon", "")
    raw = batch(user=text("", "u", "u", "", "u", "u"), time=times, plays=text("x", "1", "1", "x", "1", "1"))
    listens, counts = judged(raw, Qualifying(since=SINCE, until=UNTIL))
    assert listens.used.tolist() == [False, True, True, False, False, False]
    assert counts.dropped == {Fate.OUTSIDE_PERIOD: 2, Fate.BAD_TIME: 2}


def test_an_unreadable_time_is_no_fault_when_no_period_is_asked_for() -> None:
    _, counts = judged(batch(time=text("soon", "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z")))
    assert counts.used == 3
    assert counts.first_time == SINCE
    assert counts.last_time == SINCE + 86_400_000_000


@pytest.mark.parametrize(
    "column",
    [
        text("2026-10-01T00:00:00Z"),
        pa.array([SINCE // 1_000_000]),
        pa.array([SINCE // 1000]),
        pa.array([SINCE]),
        pa.array([SINCE * 1000]),
        pa.array([SINCE / 1_000_000]),
        pa.array([SINCE // 1_000_000], pa.timestamp("s")),
        pa.array([SINCE], pa.timestamp("us", "Europe/Paris")),
        pa.array([SINCE * 1000], pa.timestamp("ns")),
        pa.array([datetime(2026, 10, 1, tzinfo=UTC).date()]),
        text("2026-10-01T00:00:00Z").dictionary_encode(),
    ],
)
def test_the_same_moment_in_every_type(column: pa.Array) -> None:
    _, counts = judged(batch(time=column), Qualifying(since=SINCE, until=SINCE + 1))
    assert counts.used == 1
    assert counts.first_time == SINCE


def test_what_is_not_a_play_is_not_bad_either() -> None:
    _, counts = judged(batch(played=pa.array([True, False, None]), ms=text("40000", "", "")))
    assert counts.dropped == {Fate.NOT_A_PLAY: 2}


def test_broken_rows_are_bad() -> None:
    error = refused(replace(batch(user=text("u", "v")), broken=np.array([0, 1], np.uint8)))
    assert error.problems == (Problem(1, "row has more fields than the header", "first at row 2"),)


def test_pruned_rows_are_counted_outside_the_period() -> None:
    qualifier = Qualifier(Qualifying(since=0))
    qualifier.judge(RawBatch({}, "a", 1, pruned=7))
    counts = qualifier.finish()
    assert (counts.rows, counts.used, counts.dropped) == (7, 0, {Fate.OUTSIDE_PERIOD: 7})
