"""Numbers and moments out of text, held against Fraction and datetime."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import partial

import pyarrow as pa
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fairpay.money.amounts import (
    EMPTY,
    EXACT,
    INEXACT,
    NEGATIVE,
    NOT_A_NUMBER,
    ROUNDED_UP,
    TOO_LARGE,
    Amounts,
    read_amounts,
)
from fairpay.qualify.columns import read_moments

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def decimals(texts: list[str], digits: int = 3) -> list[tuple[int, int]]:
    """Read texts; pairs of value and how."""
    return pairs(read_amounts(pa.array(texts, pa.large_string()), role="plays", digits=digits))


def moments(texts: list[str]) -> list[tuple[int, int]]:
    """Read moments; pairs of microseconds and how."""
    return pairs(read_moments(pa.array(texts, pa.large_string())))


def pairs(found: Amounts) -> list[tuple[int, int]]:
    """Each value with how it came about."""
    how = [EXACT] * len(found.value) if found.how is None else found.how.tolist()
    return list(zip(found.value.tolist(), how, strict=True))


def slow(text: str, digits: int) -> tuple[int, int]:
    """Say the same with Fraction."""
    exact = Fraction(Decimal(text)) * 10**digits
    if exact < 0:
        return 0, NEGATIVE
    value = round(exact)
    if value >= 2**62:
        return 0, TOO_LARGE
    return value, EXACT if value == exact else ROUNDED_UP if value > exact else INEXACT


plain = st.from_regex(r"\A[+-]?[0-9]{1,24}(\.[0-9]{0,12})?\Z")
scientific = st.from_regex(r"\A[+-]?[0-9]{0,6}\.[0-9]{1,9}[eE][+-]?[0-9]{1,2}\Z")


@settings(deadline=None)
@given(text=plain | scientific, digits=st.integers(0, 6))
@example("29.9996", 3)
@example("0.0005", 3)
@example("0.0015", 3)
@example("-0", 3)
@example("4611686018427387.903", 3)
@example("4611686018427387.904", 3)
@example("4611686018427387903.4999", 0)
@example("4611686018427387903.5", 0)
def test_any_decimal_is_rounded_as_a_fraction_is(text: str, digits: int) -> None:
    assert decimals([text], digits) == [slow(text, digits)]


@pytest.mark.parametrize(
    ("text", "how"),
    [
        ("", EMPTY),
        ("   ", EMPTY),
        ("soon", NOT_A_NUMBER),
        ("nan", NOT_A_NUMBER),
        ("NaN", NOT_A_NUMBER),
        ("inf", NOT_A_NUMBER),
        ("1,200", NOT_A_NUMBER),
        ("9,99", NOT_A_NUMBER),
        (".", NOT_A_NUMBER),
        ("1e", NOT_A_NUMBER),
        ("1e+", NOT_A_NUMBER),
        ("e5", NOT_A_NUMBER),
        ("1.2.3", NOT_A_NUMBER),
        ("1 2", NOT_A_NUMBER),
        ("0x10", NOT_A_NUMBER),
        ("--1", NOT_A_NUMBER),
        ("-soon", NOT_A_NUMBER),
        ("1_000", NOT_A_NUMBER),
        ("٣", NOT_A_NUMBER),
        ("-3", NEGATIVE),
        ("-0.00001", NEGATIVE),
        ("-1e99", NEGATIVE),
        ("1e9999999999999", TOO_LARGE),
        ("9" * 400, TOO_LARGE),
    ],
)
def test_what_cannot_be_used_is_named(text: str, how: int) -> None:
    assert decimals([text]) == [(0, how)]


@pytest.mark.parametrize(
    ("text", "value"),
    [("246.30812", 246308), ("1e3", 1_000_000), (" 5\r", 5000), ("+7", 7000), (".5", 500), ("5.", 5000), ("0e9999", 0)],
)
def test_forms_of_writing_a_number(text: str, value: int) -> None:
    assert decimals([text])[0][0] == value


def test_a_slice_of_a_column_reads_its_own_texts() -> None:
    for texts in (["1", "22", "333"], ["1", "2.2", "3.25"], ["1", "2026-01-01", "2026-01-02"]):
        column = pa.array(texts)
        for read in (read_moments, partial(read_amounts, role="plays", digits=1)):
            assert pairs(read(column[1:])) == pairs(read(pa.array(texts[1:])))


@settings(deadline=None)
@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.timezones() | st.just(UTC)))  # noqa: DTZ001 - bounds take no zone
def test_iso_8601_is_read_as_datetime_reads_it(moment: datetime) -> None:
    text = moment.isoformat(timespec="microseconds")
    parsed = datetime.fromisoformat(text)
    whole_minutes = parsed.utcoffset() is not None and parsed.utcoffset() % timedelta(minutes=1) == timedelta(0)
    if not whole_minutes:
        assert moments([text])[0][1] == NOT_A_NUMBER
        return
    assert moments([text]) == [((parsed - EPOCH) // timedelta(microseconds=1), EXACT)]


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("2021-03-19 00:07", "2021-03-19T00:07:00+00:00"),
        ("2013-03-14T10:44:25Z", "2013-03-14T10:44:25+00:00"),
        ("2018-11-01T21:01:46.796Z", "2018-11-01T21:01:46.796+00:00"),
        ("2021-03-19 00:07:00 UTC", "2021-03-19T00:07:00+00:00"),
        ("2021-03-19T02:07:00+0200", "2021-03-19T00:07:00+00:00"),
        ("2021-03-19T02:07:00 +02", "2021-03-19T00:07:00+00:00"),
        ("2021-03-19", "2021-03-19T00:00:00+00:00"),
        ("2024-02-29T24:00", "2024-03-01T00:00:00+00:00"),
        ("1577836800", "2020-01-01T00:00:00+00:00"),
        ("1577836800.25", "2020-01-01T00:00:00.250+00:00"),
        ("1577836800000", "2020-01-01T00:00:00+00:00"),
        ("1577836800000000", "2020-01-01T00:00:00+00:00"),
        ("1577836800000000000", "2020-01-01T00:00:00+00:00"),
    ],
)
def test_the_ways_logs_write_time(text: str, same: str) -> None:
    micro = (datetime.fromisoformat(same) - EPOCH) // timedelta(microseconds=1)
    assert moments([text]) == [(micro, EXACT)]


@pytest.mark.parametrize(
    "text",
    [
        "7/8/2013 2:44",
        "17 Aug 2026, 12:14",
        "2021-02-29",
        "2021-13-01",
        "2021-03-19T25:00",
        "2021-03-19x",
        "-5",
        "soon",
    ],
)
def test_what_is_no_moment(text: str) -> None:
    assert moments([text]) == [(0, NOT_A_NUMBER)]


@given(st.from_regex(rb"[0-9]{0,18}[0-9:/; .x]?[0-9]{0,3}", fullmatch=True), st.integers(0, 9))
@example(b"9999999999999999", 9)
@example(b"99999999", 9)
@example(b"12345678:", 0)
@example(b"1234567:", 0)
def test_digits_read_many_at_a_time_are_those_read_one_at_a_time(text: bytes, digits: int) -> None:
    alone = decimals([text.decode()], digits)
    assert decimals([text.decode(), "123456789"], digits)[:1] == alone
    assert decimals(["0." + "0" * 30, text.decode()], digits)[1:] == alone
    if text.isdigit():
        assert alone == [slow(text.decode(), digits)]


def is_written_date(number: int) -> bool:
    """Whether 14 digits are a moment as it is written."""
    try:
        return 1900 <= datetime.strptime(str(number), "%Y%m%d%H%M%S").year <= 2199 and number >= 10**13  # noqa: DTZ007 - a number
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("20261031", "2026-10-31T00:00:00"),
        ("20261031235959", "2026-10-31T23:59:59"),
        ("20240229", "2024-02-29T00:00:00"),
    ],
)
def test_dates_written_in_digits_are_dates(text: str, moment: str) -> None:
    expected = (datetime.fromisoformat(moment + "+00:00") - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )
    assert moments([text]) == [(expected, EXACT)]
    whole = read_moments(pa.array([int(text), 1_700_000_000]))
    assert whole.value.tolist() == [expected, 1_700_000_000_000_000]
    assert whole.how is None


@pytest.mark.parametrize("text", ["45717", "45717.4583", "20261332", "20250229", "0", "99999999", "1"])
def test_numbers_before_1973_are_no_times(text: str) -> None:
    assert moments([text]) == [(0, NOT_A_NUMBER)]
    assert read_moments(pa.array([float(text)])).how.tolist() == [NOT_A_NUMBER]


@pytest.mark.parametrize("text", ["0000-01-01", "-0001-01-01"])
def test_years_before_1_are_no_times(text: str) -> None:
    assert read_moments(pa.array([text])).how.tolist() == [NOT_A_NUMBER]


@given(st.integers(0, 10**19))
@example(10**16 - 1)
@example(10**11)
@example(10**11 - 1)
def test_unix_times_are_read_by_their_size(number: int) -> None:
    assume(number >= 10**8 and not is_written_date(number))
    unit = 10**6 if number < 10**11 else 10**3 if number < 10**14 else 1
    micro = number * unit if number < 10**17 else number // 1000
    assert moments([str(number)]) == [(micro, EXACT) if number < 2**62 else (0, TOO_LARGE)]
