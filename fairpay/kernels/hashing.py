# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""Ids to 128-bit hashes, whatever column they stand in.

A hash is two lanes of 64 bits. Each lane is NH (Black, Halevi, Krawczyk, Krovetz, Rogaway, "UMAC", CRYPTO 1999) over
64-bit words under keys of its own, folded by one more keyed product: the length of the id and its bytes are read as
pairs of words (x, y), and the lane is the sum of (key + x)(key' + y) modulo 2^128. For keys drawn at random two
different ids agree in one lane's sum with a chance of at most 2^-64 (the theorem of NH), and the fold adds about as
much again; the lanes have independent keys. So n ids have a chance of about n^2 / 2^127 of any collision: 2^-67 for a
thousand million ids. Keys are drawn anew in every run and never leave it, so nobody can make ids that collide; and
because an id's hash only decides where it is kept, never what it is paid, a result does not depend on the keys. Ids
longer than about 500 bytes use the keys a second time, chained through both lanes; the theorem then no longer speaks,
the folding still does.

| kernel        | takes                                                                   | gives                |
|---------------|-------------------------------------------------------------------------|----------------------|
| `digest`      | address, length, end of the buffer; uint64[KEYS] keys                   | two uint64           |
| `hash_rows`   | int64[5] column, int64[n <= BLOCK] rows, keys, room, spans              | uint64[n, 2] out     |
| `hash_column` | column, how many rows, keys, room, spans, int64[BLOCK] scratch for rows | uint64[count, 2] out |

`room` is uint8[BLOCK, ROOM] for decimal text, `spans` int64[BLOCK, 2] for addresses and lengths. A column is int64[5]:
its kind; the address of row 0 (offsets, views, values or int32 codes); the address of its bytes, or of the table of its
buffers' addresses for views, or of the entries' hashes that codes stand for; the end of that buffer; the address of
`room`. Loads stay inside: an id of 8 bytes or more
is read by whole words that end where it ends, a shorter one by one word if eight bytes are left in the buffer, else by
bytes.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.words import add_product, load8, load32, load64, product

__all__ = [
    "BLOCK",
    "CODED",
    "KEYS",
    "ROOM",
    "SIGNED",
    "TEXT32",
    "TEXT64",
    "UNSIGNED",
    "VIEWS",
    "digest",
    "hash_column",
    "hash_rows",
]

TEXT32, TEXT64, VIEWS, SIGNED, UNSIGNED, CODED = range(6)
KEYS = 136
CHAIN = 128
FOLD = np.uint64(132)
ZERO = np.uint64(0)
ONE = np.uint64(1)
TEN = np.uint64(10)
INLINE = 12
WORD = 8
BLOCK = 128
ROOM = 32
DIGITS = 24


@inlined
def short_word(pos: int, length: int, end: int) -> np.uint64:
    """Read the 1 to 7 bytes of a short id into one word, zeros above."""
    if pos + 8 <= end:
        return load64(pos) & ((ONE << np.uint64(8 * length)) - ONE)
    word = ZERO
    for i in range(length):
        word |= load8(pos + i) << np.uint64(8 * i)
    return word


@inlined
def digest(pos: int, length: int, end: int, keys: np.ndarray) -> tuple[np.uint64, np.uint64]:
    """Hash the bytes from `pos`: pairs (length, first word), (second, last), then those between."""
    x = np.uint64(length)
    y, z, w = ZERO, ZERO, ZERO
    last = pos + length - 8
    if length >= WORD:
        y = load64(pos)
        z = load64(min(pos + 8, last))
        w = load64(last)
    elif length > 0:
        y = short_word(pos, length, end)
    a0, a1 = product(keys[np.uint64(0)] + x, keys[np.uint64(1)] + y)
    b0, b1 = product(keys[np.uint64(2)] + x, keys[np.uint64(3)] + y)
    a0, a1 = add_product(a0, a1, keys[np.uint64(4)] + z, keys[np.uint64(5)] + w)
    b0, b1 = add_product(b0, b1, keys[np.uint64(6)] + z, keys[np.uint64(7)] + w)
    if length > 3 * WORD:
        a0, a1, b0, b1 = middle(pos + 16, last, keys, a0, a1, b0, b1)
    return fold(a0, a1, b0, b1, keys)


@inlined
def fold(a0: np.uint64, a1: np.uint64, b0: np.uint64, b1: np.uint64, keys: np.ndarray) -> tuple[np.uint64, np.uint64]:
    """Fold each lane's two words into one."""
    c0, c1 = product(a0 ^ keys[FOLD], a1 ^ keys[FOLD + ONE])
    d0, d1 = product(b0 ^ keys[FOLD + np.uint64(2)], b1 ^ keys[FOLD + np.uint64(3)])
    return c0 ^ c1, d0 ^ d1


@jit
def middle(
    pos: int, last: int, keys: np.ndarray, a0: np.uint64, a1: np.uint64, b0: np.uint64, b1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Add the pairs between the first 16 bytes and the last word of a long id."""
    k = np.uint64(8)
    while pos < last:
        if k == np.uint64(CHAIN):
            x, y = fold(a0, a1, b0, b1, keys)
            a0, a1 = product(keys[np.uint64(128)] + x, keys[np.uint64(129)] + y)
            b0, b1 = product(keys[np.uint64(130)] + x, keys[np.uint64(131)] + y)
            k = np.uint64(8)
        z = load64(pos)
        w = load64(min(pos + 8, last))
        a0, a1 = add_product(a0, a1, keys[k] + z, keys[k + ONE] + w)
        b0, b1 = add_product(b0, b1, keys[k + np.uint64(2)] + z, keys[k + np.uint64(3)] + w)
        k += np.uint64(4)
        pos += 16
    return a0, a1, b0, b1


@inlined
def write_decimal(value: np.uint64, negative: bool, text: np.ndarray) -> int:  # noqa: FBT001 - kernels take arguments by position
    """Write an integer as decimal text that ends with `text`; return its length."""
    at = len(text)
    while True:
        at -= 1
        rest = value // TEN
        text[at] = np.uint8(48) + np.uint8(value - rest * TEN)
        value = rest
        if value == ZERO:
            break
    if negative:
        at -= 1
        text[at] = np.uint8(45)
    return len(text) - at


@inlined
def find_ids(column: np.ndarray, rows: np.ndarray, room: np.ndarray, spans: np.ndarray) -> None:
    """Write where the id of each row lies and its length; integers are written out as text first."""
    kind, base = column[0], column[1]
    count = len(rows)
    if kind == TEXT32:
        for i in range(count):
            start = load32(base + 4 * rows[i])
            spans[i, 0] = column[2] + start
            spans[i, 1] = load32(base + 4 * rows[i] + 4) - start
    elif kind == TEXT64:
        for i in range(count):
            start = np.int64(load64(base + 8 * rows[i]))
            spans[i, 0] = column[2] + start
            spans[i, 1] = np.int64(load64(base + 8 * rows[i] + 8)) - start
    elif kind == VIEWS:
        for i in range(count):
            view = base + 16 * rows[i]
            spans[i, 0] = view + 4
            spans[i, 1] = load32(view)
            if spans[i, 1] > INLINE:
                spans[i, 0] = np.int64(load64(column[2] + 8 * load32(view + 8))) + load32(view + 12)
    else:
        for i in range(count):
            value = load64(base + 8 * rows[i])
            negative = kind == SIGNED and np.int64(value) < 0
            spans[i, 1] = write_decimal(ZERO - value if negative else value, negative, room[i, :DIGITS])
            spans[i, 0] = column[4] + ROOM * i + DIGITS - spans[i, 1]


@inlined
def hash_rows(
    column: np.ndarray, rows: np.ndarray, keys: np.ndarray, room: np.ndarray, spans: np.ndarray, out: np.ndarray
) -> None:
    """Hash the ids of at most BLOCK rows; an integer stands for its decimal text."""
    if column[0] == CODED:
        for i in range(len(rows)):
            entry = column[2] + 16 * load32(column[1] + 4 * rows[i])
            out[i, 0] = load64(entry)
            out[i, 1] = load64(entry + 8)
        return
    find_ids(column, rows, room, spans)
    for i in range(len(rows)):
        out[i, 0], out[i, 1] = digest(spans[i, 0], spans[i, 1], column[3], keys)


@jit
def hash_column(
    column: np.ndarray, count: int, keys: np.ndarray, room: np.ndarray, spans: np.ndarray, rows: np.ndarray,
    out: np.ndarray,
) -> None:  # fmt: skip
    """Hash every row of a column, a dictionary's as a rule."""
    for first in range(0, count, BLOCK):
        size = min(BLOCK, count - first)
        for i in range(size):
            rows[i] = first + i
        hash_rows(column, rows[:size], keys, room, spans, out[first : first + size])
