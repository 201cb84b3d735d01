# mypy: disable-error-code="assignment,return-value,arg-type,operator"
# (Numba's integers are NumPy's and Python's alike.)
"""What JSON values are made of (RFC 8259): where strings and numbers end, and what escapes stand for.

| part             | takes                       | gives                                                              |
|------------------|-----------------------------|--------------------------------------------------------------------|
| `string_end`     | address, start, end         | place of the closing quote, or -1; and whether there are escapes   |
| `number_end`     | address, start, end         | where the number ends, or -1                                       |
| `plain_length`   | address, start, end         | how many bytes of UTF-8 a string with escapes stands for, or -1    |
| `gather_escaped` | address, spans, offsets, to | the text of a column, as `gather.gather`, but with escapes of JSON |

Text lies from `address + start` to `address + end`; 64 bytes behind it can be read. A string with half a surrogate pair
has no UTF-8: its length is -1.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.masks import below64, copy32, lowest, match64, store8
from fairpay.kernels.words import load8

__all__ = ["byte_at", "gather_escaped", "number_end", "plain_length", "string_end"]

LANES, HALF = 64, 32
ONE, ZERO = np.uint64(1), np.uint64(0)
QUOTE, ESCAPE, CONTROL = 34, 92, 32
SLASH, B, F, N, R, T, U = 47, 98, 102, 110, 114, 116, 117
DIGIT_0, DIGIT_9, MINUS, PLUS, POINT, UPPER_E, LOWER_E = 48, 57, 45, 43, 46, 69, 101
HIGH_FIRST, LOW_FIRST, LOW_LAST = 0xD800, 0xDC00, 0xDFFF
SHORT = 2
LONG = 6


@inlined
def byte_at(address: int, at: int) -> int:
    """Read one byte."""
    return np.int64(load8(address + at))


@inlined
def hex_at(address: int, at: int) -> int:
    """Read four hexadecimal digits; -1: they are none."""
    value = 0
    for i in range(4):
        byte = byte_at(address, at + i)
        if DIGIT_0 <= byte <= DIGIT_9:
            digit = byte - DIGIT_0
        elif 97 <= byte <= 102:  # noqa: PLR2004 - a to f
            digit = byte - 87
        elif 65 <= byte <= 70:  # noqa: PLR2004 - A to F
            digit = byte - 55
        else:
            return -1
        value = value * 16 + digit
    return value


@inlined
def escape_length(address: int, at: int) -> int:
    """Return how long the escape is that begins with the backslash at a place; 0: it is none."""
    kind = byte_at(address, at + 1)
    if kind == U:
        return LONG if hex_at(address, at + 2) >= 0 else 0
    letter = kind in (QUOTE, ESCAPE, SLASH, B, F, N, R, T)
    return SHORT if letter else 0


@inlined
def string_end(address: int, start: int, end: int) -> tuple[int, bool]:
    """Find the closing quote of the string whose first character is at `start`."""
    at, escaped = start, False
    while at < end:
        left = end - at
        found = match64(address + at, QUOTE) | match64(address + at, ESCAPE) | below64(address + at, CONTROL)
        if left < LANES:
            found &= (ONE << np.uint64(left)) - ONE
        if found == ZERO:
            at += LANES
            continue
        at += lowest(found)
        byte = byte_at(address, at)
        if byte == QUOTE:
            return at, escaped
        length = escape_length(address, at) if byte == ESCAPE else 0
        if length == 0:
            return -1, escaped
        escaped = True
        at += length
    return -1, escaped


@inlined
def digits_end(address: int, at: int, end: int) -> int:
    """Pass over digits."""
    while at < end and DIGIT_0 <= byte_at(address, at) <= DIGIT_9:
        at += 1
    return at


@inlined
def number_end(address: int, start: int, end: int) -> int:
    """Find where the number ends that begins at `start`."""
    at = start + 1 if byte_at(address, start) == MINUS else start
    whole = digits_end(address, at, end)
    if whole == at or (byte_at(address, at) == DIGIT_0 and whole > at + 1):
        return -1
    at = whole
    if at < end and byte_at(address, at) == POINT:
        stop = digits_end(address, at + 1, end)
        if stop == at + 1:
            return -1
        at = stop
    if at < end and (byte_at(address, at) == LOWER_E or byte_at(address, at) == UPPER_E):
        at += 1
        if at < end and (byte_at(address, at) == PLUS or byte_at(address, at) == MINUS):
            at += 1
        stop = digits_end(address, at, end)
        if stop == at:
            return -1
        at = stop
    return at


@inlined
def code_point(address: int, at: int) -> int:
    """Read what the escape at a place stands for; one above all of 16 bits took two escapes; -1: half a pair."""
    kind = byte_at(address, at + 1)
    if kind != U:
        return (
            8 if kind == B else 12 if kind == F else 10 if kind == N else 13 if kind == R else 9 if kind == T else kind
        )
    first = hex_at(address, at + 2)
    if first < HIGH_FIRST or first > LOW_LAST:
        return first
    if first >= LOW_FIRST or byte_at(address, at + LONG) != ESCAPE or byte_at(address, at + LONG + 1) != U:
        return -1
    second = hex_at(address, at + LONG + 2)
    if second < LOW_FIRST or second > LOW_LAST:
        return -1
    return 0x10000 + ((first - HIGH_FIRST) << 10) + (second - LOW_FIRST)


@inlined
def taken(address: int, at: int, point: int) -> int:
    """Return how many bytes of escapes a code point was written in."""
    if point > 0xFFFF:  # noqa: PLR2004 - what a pair stands for
        return 2 * LONG
    return LONG if byte_at(address, at + 1) == U else SHORT


@inlined
def width_of(point: int) -> int:
    """Return how many bytes of UTF-8 a code point takes."""
    return 1 + (point > 0x7F) + (point > 0x7FF) + (point > 0xFFFF)  # noqa: PLR2004 - the bounds of UTF-8


@jit
def plain_length(address: int, start: int, end: int) -> int:
    """Count the bytes that a string with escapes, known to be sound, stands for."""
    count, at = 0, start
    while at < end:
        if byte_at(address, at) != ESCAPE:
            count += 1
            at += 1
            continue
        point = code_point(address, at)
        if point < 0:
            return -1
        count += width_of(point)
        at += taken(address, at, point)
    return count


@inlined
def write_point(to: int, point: int) -> int:
    """Write a code point in UTF-8; return its width."""
    width = width_of(point)
    if width == 1:
        store8(to, np.uint64(point))
        return 1
    for i in range(width - 1, 0, -1):
        store8(to + i, np.uint64(0x80 | (point & 0x3F)))
        point >>= 6
    store8(to, np.uint64(((0xF00 >> width) & 0xFF) | point))
    return width


@inlined
def write_plain(source: int, length: int, to: int) -> None:
    """Write a string with escapes until it has its length."""
    stop = to + length
    while to < stop:
        byte = byte_at(source, 0)
        if byte != ESCAPE:
            store8(to, np.uint64(byte))
            to += 1
            source += 1
            continue
        point = code_point(source, 0)
        source += taken(source, 0, point)
        to += write_point(to, point)


@jit
def gather_escaped(address: int, spans: np.ndarray, offsets: np.ndarray, out: int) -> None:
    """Write the text of a column; up to 31 bytes behind it are written too."""
    for row in range(len(offsets) - 1):
        place, length, to = spans[row, 0], spans[row, 1], out + offsets[row]
        if place >= 0:
            for at in range(0, length, HALF):
                copy32(to + at, address + place + at)
        else:
            write_plain(address - 1 - place, length, to)
