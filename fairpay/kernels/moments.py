# mypy: disable-error-code="arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""Moments out of text: ISO 8601 and unix time to microseconds from 1970 UTC.

| kernel          | shapes and types                                                     |
|-----------------|----------------------------------------------------------------------|
| `parse_moments` | start int32 or int64[n+1], data uint8[m], out int64[n], how uint8[n] |
| `unix_moments`  | raw int64[n] or float64[n], out int64[n], how uint8[n]               |

Text i is data[start[i]:start[i+1]]; how[i] is EXACT, or EMPTY, NOT_A_NUMBER or TOO_LARGE with out[i] = 0.
"""
# ruff: noqa: PLR2004 - clocks and calendars are made of numbers

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.numbers import EMPTY, EXACT, NOT_A_NUMBER, decimal, short_decimal, trim

__all__ = ["FIRST", "parse_moments", "unix_moments"]

FIRST = 100_000_000
"""Unix time in seconds, of 1973: smaller numbers are days counted in some other way, or no times."""
SPACE, PLUS, MINUS, POINT, ZERO, NINE, COLON = 32, 43, 45, 46, 48, 57, 58
UPPER_T, LOWER_T, UPPER_Z, LOWER_Z, UPPER_U, UPPER_C = 84, 116, 90, 122, 85, 67


@inlined
def whole_number(data: np.ndarray, i: int, end: int, width: int) -> tuple[int, bool]:
    """Read exactly `width` digits."""
    if i + width > end:
        return 0, False
    value = 0
    for j in range(i, i + width):
        if data[j] < ZERO or data[j] > NINE:
            return 0, False
        value = value * 10 + (data[j] - ZERO)
    return value, True


@inlined
def days_from_civil(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar (H. Hinnant, chrono-compatible low-level date algorithms)."""
    y = year - (1 if month <= 2 else 0)
    era = y // 400
    of_era = y - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@inlined
def month_length(year: int, month: int) -> int:
    """Days of a month."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


@inlined
def date(data: np.ndarray, i: int, end: int) -> tuple[int, bool]:
    """Read `2021-03-19` as days from 1970."""
    year, a = whole_number(data, i, end, 4)
    month, b = whole_number(data, i + 5, end, 2)
    day, c = whole_number(data, i + 8, end, 2)
    if not (a and b and c) or data[i + 4] != MINUS or data[i + 7] != MINUS:
        return 0, False
    if month < 1 or month > 12 or day < 1 or day > month_length(year, month):
        return 0, False
    return days_from_civil(year, month, day), True


@inlined
def zone(data: np.ndarray, i: int, end: int) -> tuple[int, bool]:
    """Read what follows the time of day: nothing, `Z`, `+02:00`, `+0200`, `+02`, ` UTC`; return seconds east of UTC."""
    if i < end and data[i] == SPACE:
        i += 1
    if i == end or (i + 1 == end and (data[i] == UPPER_Z or data[i] == LOWER_Z)):
        return 0, True
    if i + 3 == end and data[i] == UPPER_U and data[i + 1] == UPPER_T and data[i + 2] == UPPER_C:
        return 0, True
    if data[i] != PLUS and data[i] != MINUS:
        return 0, False
    hours, good = whole_number(data, i + 1, end, 2)
    j, minutes, also = i + 3, 0, True
    if j < end and data[j] == COLON:
        j += 1
    if j < end:
        minutes, also = whole_number(data, j, end, 2)
        j += 2
    if not (good and also) or j != end or hours > 23 or minutes > 59:
        return 0, False
    east = hours * 3600 + minutes * 60
    return (-east if data[i] == MINUS else east), True


@inlined
def fraction(data: np.ndarray, i: int, end: int) -> tuple[int, int]:
    """Read digits after a decimal point as microseconds, finer ones cut off; return them and where they end."""
    value, scale = 0, 100_000
    while i < end and ZERO <= data[i] <= NINE:
        value += (data[i] - ZERO) * scale
        scale //= 10
        i += 1
    return value, i


@inlined
def clock(data: np.ndarray, i: int, end: int) -> tuple[int, bool]:
    """Read `10:44`, `10:44:25` or `10:44:25.796` with its zone as microseconds from midnight UTC."""
    hour, good = whole_number(data, i, end, 2)
    minute, also = whole_number(data, i + 3, end, 2)
    if not (good and also) or data[i + 2] != COLON or hour > 24 or minute > 59:
        return 0, False
    j, second, micro = i + 5, 0, 0
    if j < end and data[j] == COLON:
        second, good = whole_number(data, j + 1, end, 2)
        j += 3
        if not good or second > 60:
            return 0, False
        if j < end and data[j] == POINT:
            micro, j = fraction(data, j + 1, end)
    if hour == 24 and (minute > 0 or second > 0 or micro > 0):
        return 0, False
    east, good = zone(data, j, end)
    return ((hour * 60 + minute) * 60 + second - east) * 1_000_000 + micro, good


@inlined
def compact(raw: int) -> tuple[int, bool]:
    """Take a whole number for a date (20261031) or a moment (20261031235959) as it is written; return microseconds."""
    day, clock = (raw // 1_000_000, raw % 1_000_000) if raw >= 10_000_000_000_000 else (raw, 0)
    year, month = day // 10_000, day // 100 % 100
    hour, minute, second = clock // 10_000, clock // 100 % 100, clock % 100
    if year < 1900 or year > 2199 or month < 1 or month > 12 or hour > 23 or minute > 59 or second > 59:
        return 0, False
    if day % 100 < 1 or day % 100 > month_length(year, month):
        return 0, False
    days = days_from_civil(year, month, day % 100)
    return (days * 86_400 + (hour * 60 + minute) * 60 + second) * 1_000_000, True


@inlined
def by_size(raw: int) -> int:
    """Take a whole number for seconds, ms (10^11 and more), us or ns, and return microseconds."""
    if raw < 100_000_000_000:
        return raw * 1_000_000
    if raw < 100_000_000_000_000:
        return raw * 1000
    return raw if raw < 100_000_000_000_000_000 else raw // 1000


@jit
def unix_moment(data: np.ndarray, i: int, end: int) -> tuple[int, int]:
    """Read a number as a moment: a written date, else unix time in seconds, ms (10^11 and more), us, ns by its size."""
    value, came = decimal(data, i, end, 0)
    if came >= EMPTY:
        return 0, came
    if end - i == 8 or end - i == 14:
        micro, good = compact(value)
        if good:
            return micro, EXACT
    if value < FIRST:
        return 0, NOT_A_NUMBER
    if value < 100_000_000_000:
        value, came = decimal(data, i, end, 6)
    elif value < 100_000_000_000_000:
        value, came = decimal(data, i, end, 3)
    elif value >= 100_000_000_000_000_000:
        value //= 1000
    return value, EXACT


@jit
def parse_moments(start: np.ndarray, data: np.ndarray, out: np.ndarray, how: np.ndarray) -> None:
    """Read each text as a moment, microseconds from 1970 UTC: ISO 8601 (no zone is UTC) or unix time by its size."""
    for n in range(len(out)):
        i, end = trim(data, start[n], start[n + 1])
        out[n] = 0
        if 8 < end - i <= 16 and end - i != 14:
            raw, came = short_decimal(data, i, end, 0)
            if came == EXACT and raw >= FIRST:
                out[n], how[n] = by_size(raw), EXACT
                continue
        if i == end:
            how[n] = EMPTY
            continue
        days, good = date(data, i, end)
        if good:
            micro = 0
            j = i + 10
            if j < end:
                good = data[j] == UPPER_T or data[j] == LOWER_T or data[j] == SPACE
                if good:
                    micro, good = clock(data, j + 1, end)
            how[n] = EXACT if good else NOT_A_NUMBER
            out[n] = days * 86_400_000_000 + micro if good else 0
            continue
        out[n], how[n] = unix_moment(data, i, end)


@jit
def unix_moments(raw: np.ndarray, out: np.ndarray, how: np.ndarray) -> None:
    """Read each number as a moment: a written date of 8 or 14 digits, else unix time by its size from 1973 on."""
    for n in range(len(raw)):
        out[n], how[n] = 0, NOT_A_NUMBER
        if not (0 <= raw[n] < 2**62):
            continue
        whole = np.int64(raw[n])
        written = 10_000_000 <= whole < FIRST or 10_000_000_000_000 <= whole < 100_000_000_000_000
        micro, good = compact(whole) if written and whole == raw[n] else (0, False)
        if good:
            out[n], how[n] = micro, EXACT
        elif whole >= FIRST:
            fine = whole != raw[n] and whole < 100_000_000_000
            out[n], how[n] = np.int64(np.rint(raw[n] * 1_000_000.0)) if fine else by_size(whole), EXACT
