# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""The bytes of Parquet pages: headers, levels and indices, text (apache/parquet-format, Encodings and README).

| kernel            | takes                                                              | gives                      |
|-------------------|--------------------------------------------------------------------|----------------------------|
| `read_header`     | address, end; int64[FIELDS] out, int64[DEEPEST, 2] scratch         | where it ends; or < 0      |
| `all_ones`        | address, end, how many levels of one bit                           | whether one run is all     |
| `unpack`          | address, end, bits of a value; uint32[n] out                       | the largest value or WRONG |
| `pick`            | values and out of uint32 or uint64, uint32[out] indices below both | nothing                    |
| `plain_text`      | address, end, how many rows, address of uint8[rows] valid or 0;    | where the next value       |
|                   | int32[>= first + rows + 1] starts, first, uint8[room] data         | begins, or WRONG           |
| `dictionary_text` | uint32[valid rows] indices, how many rows, address of valid or 0;  | bytes written in all, or   |
|                   | int32[entries + 1] and address of the entries; starts, first, data | WRONG                      |

Every length is held against the end of its buffer before it is followed: WRONG means that the bytes are not what they
say, and nobody reads or writes outside. Words are stored whole, so `data` needs WORD bytes more than the text takes.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.words import load8, load32, load64, store64

__all__ = [
    "FIELDS",
    "SHORT",
    "WORD",
    "WRONG",
    "all_ones",
    "dictionary_text",
    "pick",
    "plain_text",
    "read_header",
    "unpack",
]

WRONG, SHORT = -1, -2
"""Bytes that are not what they say; and too few of them yet."""
WORD = 8
KIND, SIZE, PACKED, CHECKSUM = 1, 2, 3, 4
DATA, DICTIONARY, DATA_2 = 5 * WORD, 7 * WORD, 8 * WORD
"""Where the fields of a page's own header stand in `out`, after the field's number."""
FIELDS = 9 * WORD
DEEPEST = 4
ONE = np.uint64(1)
ZERO = np.uint64(0)
MOST_BITS = 64
TRUE, FALSE, BYTE, BINARY, STRUCT = 1, 2, 3, 8, 12
FARTHEST = np.uint64(1 << 40)
LENGTH = 4
"""Bytes of the length before a plain text."""


@inlined
def varint(at: int, end: int) -> tuple[int, np.uint64]:
    """Read a number of seven bits a byte; return where it ends, or SHORT or WRONG, and the number."""
    value, shift = ZERO, 0
    while True:
        if at >= end:
            return SHORT, ZERO
        if shift >= MOST_BITS:
            return WRONG, ZERO
        byte = load8(at)
        at += 1
        value |= (byte & np.uint64(127)) << np.uint64(shift)
        shift += 7
        if byte < np.uint64(128):
            return at, value


@inlined
def signed(value: np.uint64) -> int:
    """Undo the zigzag."""
    return np.int64(value >> ONE) ^ -np.int64(value & ONE)


@inlined
def read_value(at: int, end: int, kind: int) -> tuple[int, int]:
    """Read a value of a header that is no structure; return where it ends, or SHORT or WRONG, and its number."""
    if kind <= FALSE:
        return at, np.int64(kind == TRUE)
    if kind == BYTE:
        return at + 1, -1
    if kind > BINARY:
        return WRONG, 0
    after, word = varint(at, end)
    if kind == BINARY and after >= 0:
        return (WRONG if word > FARTHEST else after + np.int64(word)), -1
    return after, signed(word)


@jit
def read_header(at: int, end: int, out: np.ndarray, stack: np.ndarray) -> int:
    """Read one page header (Thrift, compact protocol): its numbers by field; -1 where a field is missing.

    The numbers of the page's own header within it follow from eight times its field on; statistics are passed over.
    `stack` int64[DEEPEST, 2] is scratch. Returns where the header ends, SHORT where it goes on after `end`, WRONG where
    it is none.
    """
    out[:] = -1
    depth, field, base = 0, 0, 0
    while at < end:
        byte = np.int64(load8(at))
        at += 1
        if byte == 0:
            if depth == 0:
                return at
            depth -= 1
            field, base = stack[depth, 0], stack[depth, 1]
            continue
        kind, step = byte & 15, byte >> 4
        field += step
        if step == 0:
            at, word = varint(at, end)
            field = signed(word)
        if kind == STRUCT and at >= 0 and depth < DEEPEST:
            stack[depth, 0], stack[depth, 1] = field, base
            depth += 1
            base = WORD * field if base == 0 and 0 < field <= WORD else -1
            field = 0
            continue
        if at >= 0:
            at, value = read_value(at, end, kind)
        if at < 0:
            return at
        if base >= 0 and 0 < field < WORD:
            out[base + field] = value
    return SHORT


@jit
def all_ones(at: int, end: int, count: int) -> bool:
    """Whether the first run says that all of `count` levels of one bit are 1."""
    at, header = varint(at, end)
    if at < 0 or at >= end or header & ONE != ZERO:
        return False
    return np.int64(header >> ONE) >= count and load8(at) == ONE


@inlined
def small_word(at: int, end: int) -> np.uint64:
    """Load up to eight bytes, zeros after the end."""
    if at + WORD <= end:
        return load64(at)
    word = ZERO
    for i in range(max(0, end - at)):
        word |= load8(at + i) << np.uint64(8 * i)
    return word


@jit
def unpack(at: int, end: int, width: int, out: np.ndarray) -> int:
    """Read runs and packed groups of values of `width` <= 32 bits until `out` is full; return the largest value."""
    done, largest, count = 0, ZERO, len(out)
    mask = (ONE << np.uint64(width)) - ONE
    while done < count:
        at, header = varint(at, end)
        if at < 0:
            return WRONG
        length = np.int64(header >> ONE) if header >> ONE < np.uint64(count) else count
        if header & ONE:
            take = min(8 * length, count - done)
            if at + (take * width + 7) // 8 > end:
                return WRONG
            for i in range(take):
                bit = i * width
                word = (small_word(at + (bit >> 3), end) >> np.uint64(bit & 7)) & mask
                out[done + i] = word
                largest = max(largest, word)
            at = min(end, at + length * width)
        else:
            bytes_ = (width + 7) // 8
            if at + bytes_ > end:
                return WRONG
            word = small_word(at, at + bytes_) & mask
            at += bytes_
            take = min(length, count - done)
            if take == 0:
                return WRONG
            for i in range(take):
                out[done + i] = word
            largest = max(largest, word)
        done += take
    return np.int64(largest)


@jit
def pick(values: np.ndarray, indices: np.ndarray, out: np.ndarray) -> None:
    """Look values up."""
    for i in range(len(indices)):
        out[i] = values[indices[i]]


@inlined
def copy_text(source: int, length: int, end: int, target: int) -> None:
    """Copy bytes, by whole words where the source's buffer has them."""
    if source + length + WORD <= end:
        for i in range(0, length, WORD):
            store64(target + i, load64(source + i))
        return
    i = 0
    while i < length:
        store64(target + i, small_word(source + i, source + length))
        i += WORD


@jit
def plain_text(
    at: int, end: int, count: int, valid: int, starts: np.ndarray, first: int, data: np.ndarray
) -> int:  # fmt: skip
    """Copy values that follow their lengths; rows that are not valid are empty."""
    place = np.int64(starts[first])
    room = len(data) - WORD
    target = data.ctypes.data
    for i in range(count):
        if valid == 0 or load8(valid + i):
            if end - at < LENGTH:
                return WRONG
            length = load32(at)
            at += LENGTH
            if length < 0 or length > end - at or place + length > room:
                return WRONG
            copy_text(at, length, end, target + place)
            at += length
            place += length
        starts[first + i + 1] = place
    return at


@jit
def dictionary_text(
    indices: np.ndarray, count: int, valid: int, entries: np.ndarray, text: int, starts: np.ndarray, first: int,
    data: np.ndarray,
) -> int:  # fmt: skip
    """Copy the entries that indices, all of them below len(entries) - 1, name; rows that are not valid are empty."""
    place = np.int64(starts[first])
    room = len(data) - WORD
    target = data.ctypes.data
    end = text + np.int64(entries[len(entries) - 1])
    k = 0
    for i in range(count):
        if valid == 0 or load8(valid + i):
            begin = np.int64(entries[indices[k]])
            length = np.int64(entries[indices[k] + 1]) - begin
            k += 1
            if place + length > room:
                return WRONG
            copy_text(text + begin, length, end, target + place)
            place += length
        starts[first + i + 1] = place
    return place
