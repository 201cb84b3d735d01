# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type,operator"
# (Numba's integers are NumPy's and Python's alike.)
"""Lines of JSON objects to the places of the values wanted.

`split_objects(address, places, tree, spans, state)` reads lines as `fields.split_plain` does: from places[0], where a
line begins, until a line has ended at places[1] or later, or the text, places[2] bytes, ends. state[NEXT] is where the
first line begins that is not in, state[STOP] says which of the two; or IRREGULAR: a line is not one sound object, or
has in it what is left to a slower reader: an array where a value is wanted, a key twice, a key with escapes, half a
surrogate pair, values deeper than DEEPEST.

tree = (names uint8[m], keys int64[n, 4]): what is wanted, as keys within keys. Key k is names[keys[k, 0] : keys[k, 1]]
in an object of key keys[k, 2], -1 being the row itself; its value is column keys[k, 3], -1: none, only what is in it.
There are at most 64 keys. spans int32[columns, rows, 2] is as for `fields`: null where there is no value, or an object,
or null; strings without their quotes; numbers, true and false as they are written. A string with escapes begins at
-1 - place, and its length is that of what it stands for.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.fields import DONE, MORE, NEWLINE, NEXT, ROWS, STOP
from fairpay.kernels.json_text import byte_at, number_end, plain_length, string_end
from fairpay.kernels.masks import lowest, match64

__all__ = ["DEEPEST", "IRREGULAR", "MOST_KEYS", "split_objects"]

IRREGULAR = 3
DEEPEST = 60
MOST_KEYS = 64
LANES = 64
ONE, ZERO = np.uint64(1), np.uint64(0)
SPACE, TAB, RETURN = 32, 9, 13
QUOTE, COMMA, COLON, MINUS, DIGIT_0, DIGIT_9 = 34, 44, 58, 45, 48, 57
OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY = 123, 125, 91, 93
TRUE = np.frombuffer(b"true", np.uint8)
FALSE = np.frombuffer(b"false", np.uint8)
NULL = np.frombuffer(b"null", np.uint8)
FIRST_KEY, KEY, FIRST_VALUE, VALUE, AFTER = range(5)
OUTSIDE = -2
"""Stands for a key, or an object of one, that nothing is wanted of."""


@inlined
def break_at(address: int, at: int, size: int) -> int:
    """Find the next line break; -1: none is there."""
    while at < size:
        found = match64(address + at, NEWLINE)
        if size - at < LANES:
            found &= (ONE << np.uint64(size - at)) - ONE
        if found != ZERO:
            return at + lowest(found)
        at += LANES
    return -1


@inlined
def skip_space(address: int, at: int, end: int) -> int:
    """Pass over white space."""
    while at < end:
        byte = byte_at(address, at)
        if byte > SPACE or not (byte == SPACE or byte == TAB or byte == RETURN):  # noqa: PLR1714, SIM109 - faster
            break
        at += 1
    return at


@inlined
def is_word(address: int, at: int, end: int, word: np.ndarray) -> bool:
    """Whether a word stands at a place."""
    if end - at < len(word):
        return False
    for i in range(len(word)):  # noqa: SIM110 - Numba inlines no generators
        if byte_at(address, at + i) != word[i]:
            return False
    return True


@inlined
def find_key(address: int, start: int, end: int, within: int, names: np.ndarray, keys: np.ndarray) -> int:
    """Return which key is wanted of an object; OUTSIDE: none."""
    for key in range(len(keys)):
        first = keys[key, 0]
        if keys[key, 2] != within or keys[key, 1] - first != end - start:
            continue
        if is_word(address, start, end, names[first : keys[key, 1]]):
            return key
    return OUTSIDE


@inlined
def value_end(address: int, at: int, end: int) -> tuple[int, bool]:
    """Find where a value that is no object, array or string ends, or -1; and whether it is null."""
    byte = byte_at(address, at)
    if byte == MINUS or DIGIT_0 <= byte <= DIGIT_9:
        return number_end(address, at, end), False
    if is_word(address, at, end, NULL):
        return at + len(NULL), True
    if is_word(address, at, end, TRUE):
        return at + len(TRUE), False
    if is_word(address, at, end, FALSE):
        return at + len(FALSE), False
    return -1, False


@inlined
def place_string(address: int, start: int, end: int, escaped: bool, span: np.ndarray) -> bool:  # noqa: FBT001 - kernels take arguments by position
    """Write where a string is; False: it has no UTF-8."""
    if not escaped:
        span[0], span[1] = start, end - start
        return True
    length = plain_length(address, start, end)
    span[0], span[1] = -1 - start, length
    return length >= 0


@inlined
def read_key(address: int, at: int, end: int, within: int, names: np.ndarray, keys: np.ndarray) -> tuple[int, int]:
    """Read a key and its colon in the object `within`: where they end, or -1; and which key is wanted, or OUTSIDE."""
    stop, escaped = string_end(address, at + 1, end) if byte_at(address, at) == QUOTE else (-1, False)
    if stop < 0 or (escaped and within != OUTSIDE):
        return -1, OUTSIDE
    key = OUTSIDE if within == OUTSIDE else find_key(address, at + 1, stop, within, names, keys)
    at = skip_space(address, stop + 1, end)
    return (at + 1 if at < end and byte_at(address, at) == COLON else -1), key


@inlined
def read_value(address: int, at: int, end: int, slot: int, spans: np.ndarray, row: int) -> int:
    """Read a value that is no object or array, into a slot where it is wanted (>= 0); return where it ends, or -1."""
    if byte_at(address, at) == QUOTE:
        stop, escaped = string_end(address, at + 1, end)
        wrong = stop < 0 or (slot >= 0 and not place_string(address, at + 1, stop, escaped, spans[slot, row]))
        return -1 if wrong else stop + 1
    stop, null = value_end(address, at, end)
    if slot >= 0 and stop >= 0 and not null:
        spans[slot, row, 0] = at
        spans[slot, row, 1] = stop - at
    return stop


@jit
def read_object(  # noqa: C901, PLR0911, PLR0912 - one automaton; calls per token would cost
    address: int, at: int, end: int, names: np.ndarray, keys: np.ndarray, path: np.ndarray, spans: np.ndarray, row: int
) -> bool:
    """Read the object that is a line; False: it is left to a slower reader."""
    arrays, seen = ZERO, ZERO  # bit d: depth d is an array; bit k: key k was there
    depth, current, state = 0, OUTSIDE, FIRST_KEY
    path[0] = -1
    if byte_at(address, at) != OPEN_OBJECT:
        return False
    at += 1
    while True:
        at = skip_space(address, at, end)
        if at >= end:
            return False
        byte = byte_at(address, at)
        if state == AFTER:
            at += 1
            in_array = (arrays >> np.uint64(depth)) & ONE != ZERO
            if byte == COMMA:
                state = VALUE if in_array else KEY
                current = OUTSIDE
                continue
            if byte != (CLOSE_ARRAY if in_array else CLOSE_OBJECT):
                return False
        elif (state == FIRST_KEY and byte == CLOSE_OBJECT) or (state == FIRST_VALUE and byte == CLOSE_ARRAY):
            at += 1
        elif state in (FIRST_KEY, KEY):
            at, current = read_key(address, at, end, path[depth], names, keys)
            bit = ONE << np.uint64(current) if current >= 0 else ZERO
            if at < 0 or seen & bit != ZERO:
                return False
            seen |= bit
            state = VALUE
            continue
        elif byte == OPEN_OBJECT or byte == OPEN_ARRAY:  # noqa: PLR1714, SIM109 - faster
            depth += 1
            if depth > DEEPEST or (byte == OPEN_ARRAY and current >= 0):
                return False
            path[depth] = current
            bit = ONE << np.uint64(depth)
            arrays = arrays | bit if byte == OPEN_ARRAY else arrays & ~bit
            state = FIRST_VALUE if byte == OPEN_ARRAY else FIRST_KEY
            current = OUTSIDE
            at += 1
            continue
        else:
            at = read_value(address, at, end, keys[current, 3] if current >= 0 else -1, spans, row)
            if at < 0:
                return False
            state = AFTER
            continue
        depth -= 1
        if depth < 0:
            return skip_space(address, at, end) == end
        state = AFTER


@jit
def split_objects(
    address: int, places: tuple[int, int, int], tree: tuple[np.ndarray, np.ndarray], spans: np.ndarray,
    path: np.ndarray, state: np.ndarray,
) -> None:  # fmt: skip
    """Read lines, blank ones left out. `path` int64[DEEPEST + 1] is room."""
    at, stop, size = places
    names, keys = tree
    row = 0
    state[NEXT], state[STOP] = at, MORE
    while True:
        end = break_at(address, at, size)
        if end < 0:
            break
        first = skip_space(address, at, end)
        if first < end:
            for slot in range(spans.shape[0]):
                spans[slot, row, 0] = 0
                spans[slot, row, 1] = -1
            if not read_object(address, first, end, names, keys, path, spans, row):
                state[STOP] = IRREGULAR
                break
            row += 1
        at = end + 1
        state[NEXT] = at
        if end >= stop:
            state[STOP] = DONE
            break
    state[ROWS] = row
