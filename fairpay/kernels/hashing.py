# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""Ids to 128-bit hashes, where Polars' string views say that they lie.

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
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.words import add_product, load32, load64, product

__all__ = ["BLOCK", "KEYS", "digest", "fold", "hash_column", "hash_rows"]

KEYS = 136
CHAIN = 128
FOLD = np.uint64(132)
ZERO = np.uint64(0)
ONE = np.uint64(1)
INLINE = 12
WORD = 8
BLOCK = 128


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
