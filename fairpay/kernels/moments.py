# mypy: disable-error-code="arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""Moments out of text: ISO 8601 to microseconds from 1970 UTC.

| kernel          | shapes and types                                                      |
|-----------------|-----------------------------------------------------------------------|
| `parse_moments` | start int32 or int64[n+1], data uint8[m], out int64[n], read bool[n]  |

Text i is data[start[i]:start[i+1]]; read[i] says whether it is a moment, else out[i] = 0.
"""
# ruff: noqa: PLR2004 - clocks and calendars are made of numbers

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.kernels._jit import inlined, jit

if TYPE_CHECKING:
    import numpy as np

__all__ = ["parse_moments"]

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


@jit
def parse_moments(start: np.ndarray, data: np.ndarray, out: np.ndarray, read: np.ndarray) -> None:
    """Read each text, spaces and the like around it left out, as a date or a date and a time; no zone is UTC."""
    for n in range(len(out)):
        i, end = start[n], start[n + 1]
        while i < end and data[i] <= SPACE:
            i += 1
        while end > i and data[end - 1] <= SPACE:
            end -= 1
        days, good = date(data, i, end)
        micro = 0
        if good and i + 10 < end:
            good = data[i + 10] == UPPER_T or data[i + 10] == LOWER_T or data[i + 10] == SPACE
            if good:
                micro, good = clock(data, i + 11, end)
        read[n] = good
        out[n] = days * 86_400_000_000 + micro if good else 0
