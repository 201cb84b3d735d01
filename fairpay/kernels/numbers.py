# mypy: disable-error-code="arg-type,return-value"
# (Numba's integers are NumPy's and Python's alike.)
"""Decimal numbers out of text, exactly, as scaled integers.

| kernel           | shapes and types                                                                      |
|------------------|---------------------------------------------------------------------------------------|
| `round_floats`   | raw float32[n] or float64[n], digits, out int64[n], how uint8[n]                       |
| `parse_decimals` | start int32 or int64[n+1], data uint8[m], digits, out int64[n], how uint8[n]           |

Text i is data[start[i]:start[i+1]]. `how` says how out[i] came about: one of the codes below. Bounds: an integer of
2^62 and more is TOO_LARGE; halves go to the even integer, and a value below what it was rounded to is ROUNDED_UP.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit

__all__ = [
    "EMPTY",
    "EXACT",
    "INEXACT",
    "NEGATIVE",
    "NOT_A_NUMBER",
    "ROUNDED_UP",
    "TOO_LARGE",
    "UNREAD",
    "decimal",
    "parse_decimals",
    "round_floats",
    "short_decimal",
    "trim",
]

EXACT, ROUNDED_UP, INEXACT = 0, 1, 2
"""Usable: equal to the text; below what it was rounded to; above it."""
EMPTY, NOT_A_NUMBER, NEGATIVE, TOO_LARGE = 16, 17, 18, 19
"""Not usable, and why."""
UNREAD = 255
"""Not decided here."""

LIMIT = 1 << 62
ROOM = LIMIT // 10
SPACE, PLUS, MINUS, POINT, ZERO, NINE, UPPER_E, LOWER_E = 32, 43, 45, 46, 48, 57, 69, 101
HALF = 5
LONGEST_EXPONENT = 9999
LONGEST, SINGLE = 18, 4
POWERS = np.array([10**k for k in range(LONGEST + 1)], np.int64)


@jit
def trim(data: np.ndarray, i: int, end: int) -> tuple[int, int]:
    """Leave out spaces (and tabs, carriage returns) at both ends."""
    while i < end and data[i] <= SPACE:
        i += 1
    while end > i and data[end - 1] <= SPACE:
        end -= 1
    return i, end


@jit
def exponent_of(data: np.ndarray, i: int, end: int) -> tuple[int, bool]:
    """Read what follows an `e`: a signed integer, held to +-LONGEST_EXPONENT."""
    negative = i < end and data[i] == MINUS
    if i < end and (data[i] == PLUS or data[i] == MINUS):
        i += 1
    if i == end:
        return 0, False
    value = 0
    while i < end:
        if data[i] < ZERO or data[i] > NINE:
            return 0, False
        value = min(LONGEST_EXPONENT, value * 10 + (data[i] - ZERO))
        i += 1
    return (-value if negative else value), True


@jit
def shape_of(data: np.ndarray, i: int, end: int) -> tuple[int, int, bool]:
    """Find where the digits end and how many of them stand before the decimal point, the exponent counted in."""
    stop, whole, digits, seen_point = end, 0, 0, False
    for j in range(i, end):
        c = data[j]
        if ZERO <= c <= NINE:
            digits += 1
            whole += 0 if seen_point else 1
        elif c == POINT and not seen_point:
            seen_point = True
        elif c in (UPPER_E, LOWER_E) and digits > 0:
            stop = j
            break
        else:
            return end, 0, False
    if stop < end:
        exponent, good = exponent_of(data, stop + 1, end)
        return stop, whole + exponent, good
    return stop, whole, digits > 0


@jit
def decimal(  # noqa: C901 - one walk over the digits; calls per digit would cost
    data: np.ndarray, i: int, end: int, digits: int
) -> tuple[int, int]:
    """Read one unsigned decimal, times 10^digits, a half to the even integer; return it and how it came about."""
    stop, whole, good = shape_of(data, i, end)
    if not good:
        return 0, NOT_A_NUMBER
    keep = whole + digits  # this many digits stand before the rounding point; the rest decide the rounding
    value, seen, next_digit, more = 0, 0, 0, False
    for j in range(i, stop):
        c = data[j]
        if c == POINT:
            continue
        d = c - ZERO
        if seen < keep:
            if value > ROOM:
                return 0, TOO_LARGE
            value = value * 10 + d
        elif seen == keep:
            next_digit = d
        else:
            more = more or d > 0
        seen += 1
    while seen < keep and value > 0:
        if value > ROOM:
            return 0, TOO_LARGE
        value *= 10
        seen += 1
    up = next_digit > HALF or (next_digit == HALF and (more or value % 2 == 1))
    if value >= LIMIT or (up and value + 1 >= LIMIT):
        return 0, TOO_LARGE
    if up:
        return value + 1, ROUNDED_UP
    return value, (INEXACT if next_digit > 0 or more else EXACT)


@jit
def short_decimal(data: np.ndarray, i: int, end: int, digits: int) -> tuple[int, int]:
    """Read the common case, digits with at most one point and no more than 18 bytes; else come back with UNREAD."""
    value, point = 0, end - 1
    for j in range(i, end):
        c = data[j]
        if ZERO <= c <= NINE:
            value = value * 10 + (c - ZERO)
        elif c == POINT and point == end - 1 and i < end - 1:
            point = j
        else:
            return 0, UNREAD
    finer = end - 1 - point - digits
    if finer <= 0:
        if end - i - finer > LONGEST:
            return 0, UNREAD
        return value * POWERS[-finer], EXACT
    power = POWERS[finer]
    whole = value // power
    rest = value - whole * power
    if 2 * rest > power or (2 * rest == power and whole % 2 == 1):
        return whole + 1, ROUNDED_UP
    return whole, (INEXACT if rest > 0 else EXACT)


@jit
def parse_decimals(start: np.ndarray, data: np.ndarray, digits: int, out: np.ndarray, how: np.ndarray) -> None:
    """Read each text as a decimal number (`12`, `+1.5`, `.5`, `1e3`) times 10^digits, to the nearest integer."""
    for n in range(len(out)):
        i, end = trim(data, start[n], start[n + 1])
        if i == end:
            out[n], how[n] = 0, EMPTY
            continue
        if end - i <= LONGEST:
            out[n], how[n] = short_decimal(data, i, end, digits)
            if how[n] != UNREAD:
                continue
        negative = data[i] == MINUS
        if data[i] == MINUS or data[i] == PLUS:
            i += 1
        value, came = decimal(data, i, end, digits)
        if negative and came != NOT_A_NUMBER and (came != EXACT or value > 0):
            value, came = 0, NEGATIVE
        out[n], how[n] = value, came


@jit
def round_floats(raw: np.ndarray, digits: int, out: np.ndarray, how: np.ndarray) -> None:
    """Round each float times 10^digits as its shortest decimal text would be, or say UNREAD where only the text tells.

    The text is within half a unit in the last place of the float, the product within another half: several times that
    away from a tie and from the integer, the product rounds as the text does. Decimals of up to 15 digits (6 in single
    precision) are told apart by their floats: where dividing the integer back gives the float, the text is this one.
    """
    single = raw.itemsize == SINGLE
    power = np.float64(POWERS[digits])
    unsure = 2.0**-22 if single else 2.0**-50
    told_apart = 1e6 if single else 1e15
    for n in range(len(raw)):
        x = np.float64(raw[n])
        scaled = x * power
        out[n] = 0
        if not (x >= 0.0 and scaled < LIMIT):
            how[n] = NEGATIVE if x < 0.0 else TOO_LARGE if x > 0.0 else NOT_A_NUMBER
            continue
        nearest = np.rint(scaled)
        back = nearest / power
        off = abs(scaled - nearest)
        out[n] = np.int64(nearest)
        if nearest < told_apart and (np.float32(back) == raw[n] if single else back == x):
            how[n] = EXACT
        elif unsure * scaled < off < 0.5 - unsure * scaled:
            how[n] = ROUNDED_UP if scaled < nearest else INEXACT
        else:
            how[n] = UNREAD
