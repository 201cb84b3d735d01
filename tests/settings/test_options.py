"""Options as values: what their text means."""

from __future__ import annotations

from datetime import date

import pytest

from fairpay.errors import UsageError
from fairpay.settings.commands import complete
from fairpay.settings.values import Qualifying, moment, size

DAY = 86_400_000_000


def test_a_plain_day_at_the_end_of_a_period_counts_whole() -> None:
    """October is from the 1st to the 31st."""
    asked = Qualifying.of({"since": "2026-10-01", "until": "2026-10-31"})
    assert asked.since is not None
    assert asked.until is not None
    assert asked.until - asked.since == 31 * DAY


def test_a_moment_at_the_end_of_a_period_is_the_first_that_does_not_count() -> None:
    assert moment("1970-01-02T00:00:00Z", end=True) == DAY


def test_a_zone_is_honoured() -> None:
    assert moment("1970-01-01T03:00:00+02:00") == 3_600_000_000


def test_dates_are_taken_as_objects() -> None:
    assert moment(date(1970, 1, 1), end=True) == DAY


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "01/02/2026", ""])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        moment(text)


def test_a_period_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(UsageError, match="before it begins"):
        Qualifying.of({"since": "2026-10-02", "until": "2026-10-01"})


@pytest.mark.parametrize(("text", "count"), [("2GB", 2 * 10**9), ("500 mb", 5 * 10**8), ("1.5G", 15 * 10**8)])
def test_sizes_have_decimal_prefixes(text: str, count: int) -> None:
    """GB is 10^9 bytes."""
    assert size(text) == count


@pytest.mark.parametrize("text", ["lots", "1MB", "-2GB", "2 PB"])
def test_sizes_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        size(text)


def test_the_least_length_is_in_whole_milliseconds() -> None:
    """29.5 s is 29,500 ms; 0.0001 s is none."""
    assert Qualifying.of({"min_seconds": "29.5"}).min_ms == 29_500
    with pytest.raises(UsageError):
        Qualifying.of({"min_seconds": "0.0001"})


def test_no_thread_at_all_is_refused() -> None:
    with pytest.raises(UsageError, match="threads"):
        complete("compare", {"threads": 0})
