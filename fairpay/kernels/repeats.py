# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""Plays to 128-bit keys, and which keys come more than once.

A key is two lanes of NH, as in `kernels.hashing`, over the 128-bit hashes of a play's texts and over its numbers, under
keys of its own: two plays that differ in anything agree in both lanes with a chance of about 2^-127.

| kernel     | shapes and types                                                                                      |
|------------|-------------------------------------------------------------------------------------------------------|
| `key_rows` | columns int64[c, 2], rows int64[m], time int64[n], ms, plays, parts int64[n or 1], hasher = keys,      |
|            | room, spans, as `hashing.hash_rows` takes them; mix uint64[KEYS], ids uint64[BLOCK, 2], sums            |
|            | uint64[BLOCK, 4], pick: a mask; gives out uint64[m, 2], part uint16[m], picked int64[m]                |
| `fixed_hashes` | time, ms int64[n]; gives out uint64[n]                                                            |
| `build`    | keys uint64[m, 2], free table uint64[s, 2]                                                            |
| `look_up`  | keys uint64[m, 2], table uint64[s, 2]; gives place int64[m], -1 where there is none                   |
| `claim`    | place int64[m], seen bool[s]; gives again bool[m]                                                     |

Bounds: c + 2 <= 32 pairs of words; a table has more places than
keys, and no key is (0, 0), which marks a free place.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.hashing import BLOCK, fold, hash_rows
from fairpay.kernels.words import add_product, product

__all__ = ["DAY", "PARTS", "build", "claim", "fixed_hashes", "key_rows", "look_up"]

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


@inlined
def fixed_hash(time: np.int64, ms: np.int64) -> np.uint64:
    """Hash a play's numbers without a secret, never to 0."""
    word = (np.uint64(time) ^ (np.uint64(ms) * SECOND)) * FIRST
    word = (word ^ (word >> HALF)) * SECOND
    return (word ^ (word >> HALF)) | HIGHEST


@jit
def fixed_hashes(time: np.ndarray, ms: np.ndarray, out: np.ndarray) -> None:
    """Write the hash by which a play is of the sample or not, the same in every run."""
    for i in range(len(out)):
        out[i] = fixed_hash(time[i], ms[i])


@jit
def key_rows(
    columns: np.ndarray, rows: np.ndarray, time: np.ndarray, ms: np.ndarray, plays: np.ndarray, parts: np.ndarray,
    keys: np.ndarray, mix: np.ndarray, ids: np.ndarray, sums: np.ndarray,
    pick: np.uint64, out: np.ndarray, part: np.ndarray, picked: np.ndarray,
) -> int:  # fmt: skip
    """Write the key and the part of each of the rows; list the places of the sampled ones, return their number."""
    found = 0
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
            if fixed_hash(time[row], length) & pick == ZERO:
                picked[found] = first + i
                found += 1
    return found


@inlined
def place_of(key: np.uint64, size: np.uint64) -> np.int64:
    """Spread a key's word over so many places."""
    _, high = product(key, size)
    return np.int64(high)


@jit
def build(keys: np.ndarray, table: np.ndarray) -> None:
    """Put different keys into a table."""
    size = len(table)
    for i in range(len(keys)):
        at = place_of(keys[i, 0], np.uint64(size))
        while table[at, 0] != ZERO or table[at, 1] != ZERO:
            at = at + 1 if at + 1 < size else 0
        table[at, 0] = keys[i, 0]
        table[at, 1] = keys[i, 1]


@jit
def look_up(keys: np.ndarray, table: np.ndarray, place: np.ndarray) -> None:
    """Write where each key stands in a table."""
    size = len(table)
    for i in range(len(keys)):
        at = place_of(keys[i, 0], np.uint64(size))
        place[i] = -1
        while table[at, 0] != ZERO or table[at, 1] != ZERO:
            if table[at, 0] == keys[i, 0] and table[at, 1] == keys[i, 1]:
                place[i] = at
                break
            at = at + 1 if at + 1 < size else 0


@jit
def claim(place: np.ndarray, seen: np.ndarray, again: np.ndarray) -> None:
    """Say which keys were met before, and note that all of them were met now."""
    for i in range(len(place)):
        again[i] = place[i] >= 0 and seen[place[i]]
        if place[i] >= 0:
            seen[place[i]] = True
