# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""Plays to 128-bit keys, by which a play that is told again is known.

A key is two lanes of NH, as in `kernels.hashing`, over the 128-bit hashes of a play's texts and over its numbers, under
keys of its own: two plays that differ in anything agree in both lanes with a chance of about 2^-127.

| kernel     | shapes and types                                                                                      |
|------------|-------------------------------------------------------------------------------------------------------|
| `key_rows` | columns int64[c, 2], rows int64[m], time int64[n], ms, plays, parts int64[n or 1], keys as            |
|            | `hashing.hash_rows` takes them, mix uint64[KEYS], ids uint64[BLOCK, 2], sums uint64[BLOCK, 4]; gives   |
|            | out uint64[m, 2], part uint16[m], and fixed uint64[m], a hash of time and ms without a secret, the     |
|            | same in every run and never 0                                                                         |
| `deal`     | part uint16[m], keys uint64[m, 2], next_ int64[parts]: where the next key of each part belongs, which |
|            | moves on; gives dealt uint64[keys, 2]                                                                 |

Bounds: c + 2 <= 32 pairs of words.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.hashing import BLOCK, fold, hash_rows
from fairpay.kernels.words import add_product

__all__ = ["PARTS", "PART_SHIFT", "deal", "key_rows"]

DAY = 86_400_000_000
PARTS = 256
"""Parts by a key's highest bits; rows at midnight stand in parts of their own, PARTS further on."""
PART_SHIFT = np.uint64(56)
ZERO, ONE, TWO, THREE = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3)
FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9)
HALF, HIGHEST = np.uint64(32), np.uint64(1 << 63)


@inlined
def add_pair(sums: np.ndarray, i: int, mix: np.ndarray, k: np.uint64, x: np.uint64, y: np.uint64) -> None:
    """Add a pair of words to both lanes."""
    sums[i, 0], sums[i, 1] = add_product(sums[i, 0], sums[i, 1], mix[k] + x, mix[k + ONE] + y)
    sums[i, 2], sums[i, 3] = add_product(sums[i, 2], sums[i, 3], mix[k + TWO] + x, mix[k + THREE] + y)


@jit
def key_rows(
    columns: np.ndarray, rows: np.ndarray, time: np.ndarray, ms: np.ndarray, plays: np.ndarray, parts: np.ndarray,
    keys: np.ndarray, mix: np.ndarray, ids: np.ndarray, sums: np.ndarray,
    out: np.ndarray, part: np.ndarray, fixed: np.ndarray,
) -> None:  # fmt: skip
    """Write the key and the part of each of the rows, and the hash that says whether its play is of the sample."""
    all_ms, all_plays, all_parts = len(ms) == len(time), len(plays) == len(time), len(parts) == len(time)
    after = np.uint64(4 * columns.shape[0])
    for first in range(0, len(rows), BLOCK):
        size = min(BLOCK, len(rows) - first)
        some = rows[first : first + size]
        sums[:size] = ZERO
        for j in range(columns.shape[0]):
            hash_rows(columns[j], some, keys, ids[:size])
            for i in range(size):
                add_pair(sums, i, mix, np.uint64(4 * j), ids[i, 0], ids[i, 1])
        for i in range(size):
            row = some[i]
            length = ms[row] if all_ms else ms[0]
            count = plays[row] if all_plays else plays[0]
            several = parts[row] if all_parts else parts[0]
            add_pair(sums, i, mix, after, np.uint64(time[row]), np.uint64(length))
            add_pair(sums, i, mix, after + np.uint64(4), np.uint64(count), np.uint64(several))
            low, high = fold(sums[i, 0], sums[i, 1], sums[i, 2], sums[i, 3], mix)
            out[first + i, 0] = low
            out[first + i, 1] = high
            part[first + i] = np.uint16(high >> PART_SHIFT) + np.uint16(PARTS if time[row] % DAY == 0 else 0)
            word = (np.uint64(time[row]) ^ (np.uint64(length) * SECOND)) * FIRST
            word = (word ^ (word >> HALF)) * SECOND
            fixed[first + i] = (word ^ (word >> HALF)) | HIGHEST


@jit
def deal(part: np.ndarray, keys: np.ndarray, next_: np.ndarray, dealt: np.ndarray) -> None:
    """Put each key where the next of its part belongs."""
    for i in range(len(part)):
        at = next_[part[i]]
        next_[part[i]] = at + 1
        dealt[at, 0], dealt[at, 1] = keys[i, 0], keys[i, 1]
