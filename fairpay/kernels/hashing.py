# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""Ids to 128-bit hashes, where Polars' string views say that they lie; and hashes to codes 0, 1, 2, ... as they come.

A hash is two lanes of 64 bits. Each lane is NH (Black, Halevi, Krawczyk, Krovetz, Rogaway, "UMAC", CRYPTO 1999) over
64-bit words under keys of its own, folded by one more keyed product: the length of the id and its bytes are read as
pairs of words (x, y), and the lane is the sum of (key + x)(key' + y) modulo 2^128. For keys drawn at random two
different ids agree in one lane's sum with a chance of at most 2^-64 (the theorem of NH), and the fold adds about as
much again; the lanes have independent keys. So n ids have a chance of about n^2 / 2^127 of any collision: 2^-67 for a
thousand million ids. Keys are drawn anew in every run and never leave it, so nobody can make ids that collide; and
because an id's hash only decides where it is kept, never what it is paid, a result does not depend on the keys. Ids
longer than about 500 bytes use the keys a second time, chained through both lanes; the theorem then no longer speaks,
the folding still does.

| kernel        | takes                                        | gives                |
|---------------|----------------------------------------------|----------------------|
| `digest`      | address, length; uint64[KEYS] keys           | two uint64           |
| `hash_rows`   | int64[2] column, int64[n] rows, keys         | uint64[n, 2] out     |
| `hash_column` | column, keys                                 | uint64[rows, 2] out  |

A column is the address of its views, sixteen bytes a row, and that of a table of its buffers' addresses. A view holds
the length in four bytes, then up to twelve bytes of text, or four bytes that are passed over, the buffer and the place
there. Loads stay inside: an id of 8 bytes or more is read by whole words that end where it ends, a shorter one lies in
its view, eight bytes from its first on.

| kernel, part | takes                                        | gives                                                |
|--------------|----------------------------------------------|------------------------------------------------------|
| `find`       | both lanes, slots, keys, count               | int: the code, `count` if it is new, -1 without room |
| `ask_ahead`  | uint64[n, 2] wanted, slots, keys             | asks for the cache lines that `find` will touch      |
| `enter`      | wanted, slots, keys, count, uint32[n] codes  | how many have codes, and the new count               |
| `look_up`    | wanted, slots, keys, int64[n] codes          | codes, -1 for a key that has none                    |
| `rehash`     | keys, empty slots                            | slots                                                |

A table is slots uint32[power of 2], code + 1 or 0 where free, in the order of the second lane, and keys uint64[n, 2],
both lanes of each code: all 128 bits are compared. Bounds: codes stay below 2^32 - 1; at most half of the slots are
taken.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.words import add_product, load32, load64, prefetch, product

__all__ = [
    "BLOCK",
    "KEYS",
    "ask_ahead",
    "digest",
    "enter",
    "find",
    "fold",
    "hash_column",
    "hash_rows",
    "look_up",
    "rehash",
]

KEYS = 136
CHAIN = 128
FOLD = np.uint64(132)
ZERO = np.uint64(0)
ONE, TWO = np.uint64(1), np.uint64(2)
INLINE = 12
WORD = 8
BLOCK = 128
AHEAD = 64
"""Keys whose lines are asked for together."""


@inlined
def digest(pos: int, length: int, keys: np.ndarray) -> tuple[np.uint64, np.uint64]:
    """Hash the bytes from `pos`: pairs (length, first word), (second, last), then those between."""
    x = np.uint64(length)
    y, z, w = ZERO, ZERO, ZERO
    last = pos + length - 8
    if length >= WORD:
        y = load64(pos)
        z = load64(min(pos + 8, last))
        w = load64(last)
    elif length > 0:
        y = load64(pos) & ((ONE << np.uint64(8 * length)) - ONE)
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
def hash_rows(column: np.ndarray, rows: np.ndarray, keys: np.ndarray, out: np.ndarray) -> None:
    """Hash the ids of some rows."""
    for i in range(len(rows)):
        view = column[0] + 16 * rows[i]
        length = load32(view)
        at = view + 4
        if length > INLINE:
            at = np.int64(load64(column[1] + 8 * load32(view + 8))) + load32(view + 12)
        out[i, 0], out[i, 1] = digest(at, length, keys)


@jit
def hash_column(column: np.ndarray, keys: np.ndarray, out: np.ndarray) -> None:
    """Hash every row of a column."""
    hash_rows(column, np.arange(len(out)), keys, out)


@inlined
def find(first: np.uint64, second: np.uint64, slots: np.ndarray, keys: np.ndarray, count: int) -> int:
    """Return the code of a key, or `count` after giving it that code, or -1 where the table must grow first."""
    mask = np.uint64(slots.shape[0] - 1)
    slot = second & mask
    while slots[slot] != 0:
        code = np.int64(slots[slot]) - 1
        if keys[code, 1] == second and keys[code, 0] == first:
            return code
        slot = (slot + ONE) & mask
    if count == keys.shape[0]:
        return -1
    slots[slot] = np.uint32(count + 1)
    keys[count, 0] = first
    keys[count, 1] = second
    return count


@inlined
def ask_ahead(wanted: np.ndarray, slots: np.ndarray, keys: np.ndarray) -> None:
    """Ask for the lines that `find` will touch: all slots first, then the keys those point to."""
    mask = np.uint64(slots.shape[0] - 1)
    for i in range(len(wanted)):
        prefetch(slots.ctypes.data + np.int64((wanted[i, 1] & mask) << TWO))
    for i in range(len(wanted)):
        prefetch(keys.ctypes.data + 16 * (np.int64(slots[wanted[i, 1] & mask]) - 1))


@jit
def enter(wanted: np.ndarray, slots: np.ndarray, keys: np.ndarray, count: int, codes: np.ndarray) -> tuple[int, int]:
    """Write the codes uint32[n] of keys uint64[n, 2] until the table must grow; return how many, and the new count."""
    for first in range(0, len(wanted), AHEAD):
        last = min(first + AHEAD, len(wanted))
        ask_ahead(wanted[first:last], slots, keys)
        for i in range(first, last):
            code = find(wanted[i, 0], wanted[i, 1], slots, keys, count)
            if code < 0:
                return i, count
            count = max(count, code + 1)
            codes[i] = np.uint32(code)
    return len(wanted), count


@jit
def look_up(wanted: np.ndarray, slots: np.ndarray, keys: np.ndarray, codes: np.ndarray) -> None:
    """Write the code of each key, -1 where there is none: a table without room takes nothing in."""
    for i in range(len(wanted)):
        codes[i] = find(wanted[i, 0], wanted[i, 1], slots, keys, len(keys))


@jit
def rehash(keys: np.ndarray, slots: np.ndarray) -> None:
    """Enter different keys into empty slots."""
    mask = np.uint64(slots.shape[0] - 1)
    for code in range(len(keys)):
        slot = keys[code, 1] & mask
        while slots[slot] != 0:
            slot = (slot + ONE) & mask
        slots[slot] = np.uint32(code + 1)
