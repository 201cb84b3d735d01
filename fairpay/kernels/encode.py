# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""Judged rows to partitions: hash both ids, code the artist, append the row where its user belongs.

| array        | shape and type         | meaning                                                                 |
|--------------|------------------------|-------------------------------------------------------------------------|
| user, artist | int64[2]               | columns, see `hashing`                                                  |
| inputs       | int64[5]               | addresses of used (bool), amount, plays, ms (int64), pool (uint32); or 0 |
| secret       | uint64[KEYS]           | keys of this run's hash                                                 |
| block        | tuple of arrays        | room for BLOCK rows: see `Block`                                        |
| slots, keys  | see `hashing`            | artist table                                                            |
| fresh        | int64[rows]            | rows where an artist was met first, in code order                       |
| raw          | uint64[parts, rows, 6] | rows by partition: both lanes of the user, artist, amount, plays, ms    |
| fill         | int64[parts]           | rows in each                                                            |
| state        | int64[STATE]           | see the names below; sums are of this call's rows                       |
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.hashing import BLOCK, ask_ahead, find, hash_rows
from fairpay.kernels.words import load8, load32, load64

__all__ = ["Block", "encode"]

NEXT, STOP, PART, ARTISTS, FRESH, ROWS, AMOUNT, PLAYS, MS, AMOUNT_BITS, PLAYS_BITS, MS_BITS = range(12)
STATE = 12
DONE, FULL, GROW = range(3)
ONE = np.uint64(1)

Block: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""index int64[BLOCK], who and whom uint64[BLOCK, 2], numbers int64[BLOCK, 4]."""


@inlined
def used_rows(first: int, rows: int, used: int, index: np.ndarray) -> int:
    """Write the used rows among the next BLOCK; return how many there are."""
    count = 0
    for row in range(first, min(first + BLOCK, rows)):
        index[count] = row
        count += np.int64(load8(used + row))
    return count


@inlined
def read_numbers(rows: np.ndarray, inputs: np.ndarray, who: np.ndarray, bits: int, numbers: np.ndarray) -> None:
    """Write amount, plays, ms and partition of each row."""
    shift = np.uint64(63 - bits)
    for i in range(len(rows)):
        row = rows[i]
        numbers[i, 0] = np.int64(load64(inputs[1] + 8 * row)) if inputs[1] else 1
        numbers[i, 1] = np.int64(load64(inputs[2] + 8 * row)) if inputs[2] else 1
        numbers[i, 2] = np.int64(load64(inputs[3] + 8 * row)) if inputs[3] else 0
        pool = load32(inputs[4] + 4 * row) & 0xFFFFFFFF if inputs[4] else 0
        numbers[i, 3] = (pool << bits) + np.int64((who[i, 0] >> ONE) >> shift)


@inlined
def take_rows(
    count: int, block: Block, slots: np.ndarray, keys: np.ndarray, fresh: np.ndarray, raw: np.ndarray,
    fill: np.ndarray, state: np.ndarray,
) -> int:  # fmt: skip
    """Take in the rows of a block, until one does not find its place; return how many are in."""
    index, who, whom, numbers = block
    for i in range(count):
        part = numbers[i, 3]
        at = fill[part]
        if at == raw.shape[1]:
            state[STOP], state[PART] = FULL, part
            return i
        code = find(whom[i, 0], whom[i, 1], slots, keys, state[ARTISTS])
        if code < 0:
            state[STOP] = GROW
            return i
        if code == state[ARTISTS]:
            fresh[state[FRESH]] = index[i]
            state[FRESH] += 1
            state[ARTISTS] += 1
        fill[part] = at + 1
        raw[part, at, 0] = who[i, 0]
        raw[part, at, 1] = who[i, 1]
        raw[part, at, 2] = np.uint64(code)
        raw[part, at, 3] = np.uint64(numbers[i, 0])
        raw[part, at, 4] = np.uint64(numbers[i, 1])
        raw[part, at, 5] = np.uint64(numbers[i, 2])
    return count


@jit
def encode(
    rows: int, user: np.ndarray, artist: np.ndarray, inputs: np.ndarray, secret: np.ndarray, block: Block,
    slots: np.ndarray, keys: np.ndarray, fresh: np.ndarray, raw: np.ndarray, fill: np.ndarray, bits: int,
    state: np.ndarray,
) -> None:  # fmt: skip
    """Take in rows from state[NEXT] on until all are in or something must be made room for: state[STOP] says what."""
    index, who, whom, numbers = block
    state[STOP] = DONE
    while state[NEXT] < rows:
        count = used_rows(state[NEXT], rows, inputs[0], index)
        hash_rows(user, index[:count], secret, who)
        hash_rows(artist, index[:count], secret, whom)
        read_numbers(index[:count], inputs, who, bits, numbers)
        ask_ahead(whom[:count], slots, keys)
        done = take_rows(count, block, slots, keys, fresh, raw, fill, state)
        for k in range(3):
            for i in range(done):
                state[AMOUNT + k] += numbers[i, k]
                state[AMOUNT_BITS + k] |= numbers[i, k]
        state[ROWS] += done
        if done < count:
            state[NEXT] = index[done]
            return
        state[NEXT] = min(state[NEXT] + BLOCK, rows)
