# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type,operator"
# (Numba's integers are NumPy's and Python's alike.)
"""Lines and fields of separated text: bytes in, places of fields out.

| kernel         | takes                                                             | gives                          |
|----------------|-------------------------------------------------------------------|--------------------------------|
| `survey`       | address, size, state                                              | state[QUOTES, NEWLINES, HIGH]  |
| `line_end`     | address, start, size, whether quotes quote, if start is in one    | place of the line break, or -1 |
| `split_plain`  | address, places, separator, slots, spans, broken, state           | spans, broken, state           |
| `split_quoted` | the same, text in which `"` quotes                                | the same                       |

Text is `size` bytes from `address`; 64 more can be read behind it, whatever they are. Rows are split from places[0],
where a line begins, until a line has ended at places[1] or later, or the text ends: state[NEXT] is where the first line
that is not in begins, state[STOP] says which of the two, or that quotes do not fit, in row state[ROWS].

slots int64[n], n > 1, says what becomes of each field of a line: k >= 0, it is column k of the spans; LOOKED_AT, it
only counts for whether the line is blank; EXTRA, the line has too many fields if this one is there; IGNORED. A line
with more fields ends in IGNORED. spans int32[columns, rows, 2] has room for one row more than the text has line breaks:
where the field begins and its length; -1 instead of a length is null, an empty field without quotes. A field with
doubled quotes begins at -1 - place, and its length is what remains of it. broken uint8[rows] marks lines with too many
fields. Lines whose fields with a slot are all null are no rows.

Quotes are those of RFC 4180: a field that begins with one ends with one, and has two for each that belongs to it. In a
field that does not begin with one they are letters, as long as the number of them before each separator and line break
that counts as such is even: this is what makes it enough to know the parity of quotes to know where lines end.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.masks import high64, inside, lowest, match64, population
from fairpay.kernels.words import load8

__all__ = [
    "BROKEN",
    "DONE",
    "EXTRA",
    "HIGH",
    "IGNORED",
    "LOOKED_AT",
    "MISQUOTED",
    "MORE",
    "NEWLINES",
    "NEXT",
    "PAD",
    "QUOTES",
    "ROWS",
    "STATE",
    "STOP",
    "line_end",
    "split_plain",
    "split_quoted",
    "survey",
]

PAD = 64
"""Bytes that can be read behind any text."""
IGNORED, LOOKED_AT, EXTRA = -1, -2, -3
ROWS, NEXT, STOP, BROKEN, QUOTES, NEWLINES, HIGH = range(7)
STATE = 7
DONE, MORE, MISQUOTED = range(3)
NEWLINE, RETURN, QUOTE = 10, 13, 34
LANES = 64
ONE = np.uint64(1)
ZERO = np.uint64(0)
TOP = np.uint64(63)


@inlined
def kept(word: np.uint64, left: int) -> np.uint64:
    """Drop the bits of bytes behind the end, when `left` are left."""
    return word & ((ONE << np.uint64(left)) - ONE) if left < LANES else word


@jit
def survey(address: int, size: int, state: np.ndarray) -> None:
    """Count quotes, line breaks and bytes that are not ASCII."""
    quotes, newlines, high = 0, 0, 0
    for base in range(0, size, LANES):
        left = size - base
        quotes += population(kept(match64(address + base, QUOTE), left))
        newlines += population(kept(match64(address + base, NEWLINE), left))
        high += population(kept(high64(address + base), left))
    state[QUOTES], state[NEWLINES], state[HIGH] = quotes, newlines, high


@jit
def line_end(address: int, start: int, size: int, quoting: bool, odd: bool) -> int:  # noqa: FBT001 - kernels take arguments by position
    """Find the first line break that ends a line; `odd` says that the text before `start` leaves a quote open."""
    carry = ~ZERO if odd and quoting else ZERO
    for base in range(start, size, LANES):
        breaks = kept(match64(address + base, NEWLINE), size - base)
        if quoting:
            within = inside(match64(address + base, QUOTE)) ^ carry
            breaks &= ~within
            carry = ZERO - (within >> TOP)
        if breaks != ZERO:
            return base + lowest(breaks)
    return -1


@inlined
def without_return(address: int, start: int, end: int) -> int:
    """Leave out the carriage return before a line break."""
    return end - 1 if end > start and load8(address + end - 1) == np.uint64(RETURN) else end


@inlined
def leave_empty(slots: np.ndarray, first: int, spans: np.ndarray, row: int) -> None:
    """Make the fields null that a short line does not have."""
    for field in range(first, len(slots)):
        slot = slots[field]
        if slot >= 0:
            spans[slot, row, 0] = 0
            spans[slot, row, 1] = -1


@jit
def split_plain(
    address: int, places: tuple[int, int, int], separator: int, slots: np.ndarray, spans: np.ndarray,
    broken: np.ndarray, state: np.ndarray,
) -> None:  # fmt: skip
    """Split lines in which no quote quotes."""
    start, stop, size = places
    begin, field, row, last = start, 0, 0, len(slots) - 1
    some, extra, many = 0, 0, 0
    state[NEXT], state[STOP] = start, MORE
    for base in range(start, size, LANES):
        breaks = match64(address + base, NEWLINE)
        ends = kept(breaks | match64(address + base, separator), size - base)
        while ends != ZERO:
            bit = lowest(ends)
            ends &= ends - ONE
            at = base + bit
            broke = breaks >> np.uint64(bit) & ONE != ZERO
            length = (without_return(address, begin, at) if broke else at) - begin
            slot = slots[field]
            if slot != IGNORED:
                some |= length
                if slot >= 0:
                    spans[slot, row, 0] = begin
                    spans[slot, row, 1] = length or -1
                elif slot == EXTRA:
                    extra = length
            begin = at + 1
            field = min(field + 1, last)
            if broke:
                leave_empty(slots, field, spans, row)
                broken[row] = extra != 0
                many += extra != 0
                row += some != 0
                field, some, extra = 0, 0, 0
                state[NEXT] = begin
                if at >= stop:
                    state[ROWS], state[BROKEN], state[STOP] = row, many, DONE
                    return
    state[ROWS], state[BROKEN] = row, many


@inlined
def has_quote(address: int, start: int, end: int) -> bool:
    """Whether there is a quote in a field."""
    for at in range(start, end, LANES):  # noqa: SIM110 - Numba inlines no generators
        if kept(match64(address + at, QUOTE), end - at) != ZERO:
            return True
    return False


@inlined
def first_end(address: int, start: int, end: int, separator: int) -> int:
    """Find the first separator or line break in a field without opening quote; `end` if none is there."""
    for at in range(start, end):
        byte = np.int64(load8(address + at))
        if byte == separator or byte == NEWLINE:  # noqa: PLR1714, SIM109 - a tuple of them would be made each time
            return at
    return end


@inlined
def doubled(address: int, start: int, end: int) -> int:
    """Count the quotes in a field that are written twice; -1: one stands alone."""
    count = 0
    at = start
    while at < end:
        found = kept(match64(address + at, QUOTE), end - at)
        if found == ZERO:
            at += LANES
            continue
        at += lowest(found)
        if at + 1 >= end or load8(address + at + 1) != np.uint64(QUOTE):
            return -1
        count += 1
        at += 2
    return count


@inlined
def read_quoted(address: int, begin: int, end: int, separator: int) -> tuple[int, int, int, int]:
    """Read a field: where it really ends, or -1 if its quotes are wrong; its place, length and whether it is null."""
    length = end - begin
    if length and load8(address + begin) == np.uint64(QUOTE):
        twice = doubled(address, begin + 1, end - 1)
        if length == 1 or load8(address + end - 1) != np.uint64(QUOTE) or twice < 0:
            return -1, 0, 0, 0
        return end, -2 - begin if twice else begin + 1, length - 2 - twice, 0
    cut = first_end(address, begin, end, separator) if length and has_quote(address, begin, end) else end
    return cut, begin, cut - begin, 1 if cut == begin else 0


@jit
def split_quoted(  # noqa: C901 - one walk over the text; calls per field would cost
    address: int, places: tuple[int, int, int], separator: int, slots: np.ndarray, spans: np.ndarray,
    broken: np.ndarray, state: np.ndarray,
) -> None:  # fmt: skip
    """Split lines in which quotes quote."""
    start, stop, size = places
    begin, field, row, last = start, 0, 0, len(slots) - 1
    some, extra, many = 0, 0, 0
    carry = ZERO
    state[NEXT], state[STOP] = start, MORE
    for base in range(start, size, LANES):
        breaks = match64(address + base, NEWLINE)
        within = inside(match64(address + base, QUOTE)) ^ carry
        carry = ZERO - (within >> TOP)
        ends = kept(breaks | match64(address + base, separator), size - base) & ~within
        while ends != ZERO:
            bit = lowest(ends)
            ends &= ends - ONE
            at = base + bit
            broke = breaks >> np.uint64(bit) & ONE != ZERO
            end = without_return(address, begin, at) if broke else at
            while True:
                cut, place, length, null = read_quoted(address, begin, end, separator)
                if cut < 0:
                    state[ROWS], state[BROKEN], state[STOP] = row, many, MISQUOTED
                    return
                slot = slots[field]
                if slot != IGNORED:
                    some |= 1 - null
                    if slot >= 0:
                        spans[slot, row, 0] = place
                        spans[slot, row, 1] = length - null
                    elif slot == EXTRA:
                        extra = 1 - null
                field = min(field + 1, last)
                if cut == end:
                    break
                begin = cut + 1  # a separator between letters that happen to be two quotes
                quoted = begin < end and load8(address + begin) == np.uint64(QUOTE)
                if quoted or load8(address + cut) == np.uint64(NEWLINE):
                    state[ROWS], state[BROKEN], state[STOP] = row, many, MISQUOTED
                    return
            begin = at + 1
            if broke:
                leave_empty(slots, field, spans, row)
                broken[row] = extra != 0
                many += extra != 0
                row += some != 0
                field, some, extra = 0, 0, 0
                state[NEXT] = begin
                if at >= stop:
                    state[ROWS], state[BROKEN], state[STOP] = row, many, DONE
                    return
    state[ROWS], state[BROKEN] = row, many
