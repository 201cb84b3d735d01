# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""Judged rows to partitions: hash both ids, code the artist, add up its facts, append the row where its user belongs.

Where rows name pools, an artist's facts are added up pool by pool later, from the partitions: see `rosters`. A table of
artists by pool would miss the cache at nearly every row.

| array        | shape and type         | meaning                                                                    |
|--------------|------------------------|----------------------------------------------------------------------------|
| user, artist | int64[5]               | columns, see `hashing`                                                     |
| inputs       | int64[5]               | addresses of used (bool), amount, plays, ms (int64), pool (uint32); or 0    |
| keys         | uint64[KEYS]           | of this run's hash                                                         |
| block        | tuple of arrays        | room for BLOCK rows: see `Encoder`                                         |
| slots        | uint64[power of 2, 2]  | artist table: first lane; upper half of the second, and code + 1 (0: free) |
| facts        | int64[artists, 4]      | second lane of each artist code; amount, plays, ms where there is one pool |
| fresh        | int64[n]               | rows where an artist was met first, in code order                          |
| raw          | uint64[parts, rows, w] | rows by partition. w = 3: lanes, amount << 32 + artist;                    |
|              |                        | w = 6: lanes, artist, amount, plays, ms                                    |
| fill         | int64[parts]           | rows in each                                                               |
| state        | int64[STATE]           | see the names below; sums are of this call's rows                          |

All 128 bits are compared: the slot holds 96 of them, the facts' line, which is read anyway, the other 32 again.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.hashing import BLOCK, hash_rows
from fairpay.kernels.words import load8, load32, load64, prefetch

__all__ = ["Block", "encode", "merge_artists", "regrow"]

NEXT, STOP, PART, ARTISTS, FRESH, ROWS, AMOUNT, PLAYS, MS, AMOUNT_BITS, PLAYS_BITS, MS_BITS = range(12)
STATE = 12
DONE, FULL, GROW, DRAIN, WIDEN, POOLS, NEGATIVE = range(7)
NARROW = 3
ONE = np.uint64(1)
HALF = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)
SLOT_BYTES = np.uint64(4)
LINE_BYTES = np.uint64(5)

Block: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""index int64[BLOCK], room and spans of `hashing`, who and whom uint64[BLOCK, 2], numbers int64[BLOCK, 4]."""


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
def ask_ahead(whom: np.ndarray, count: int, slots: np.ndarray, facts: np.ndarray) -> None:
    """Ask for the lines that `find` will read: all slots first, then the facts those point to."""
    mask = np.uint64(slots.shape[0] - 1)
    table, lines = np.int64(slots.ctypes.data), np.int64(facts.ctypes.data)
    for i in range(count):
        prefetch(table + np.int64((whom[i, 0] & mask) << SLOT_BYTES))
    for i in range(count):
        prefetch(lines + np.int64((slots[whom[i, 0] & mask, 1] & LOW) << LINE_BYTES) - 32)


@inlined
def look_over(numbers: np.ndarray, count: int, state: np.ndarray, narrow: bool, parts: int) -> int:  # noqa: FBT001 - kernels take arguments by position
    """Return what stops a block before its first row, having written the partition that has no place yet."""
    some = np.int64(0)
    amounts = np.int64(0)
    last = np.int64(0)
    for i in range(count):
        some |= numbers[i, 0] | numbers[i, 1] | numbers[i, 2]
        amounts |= numbers[i, 0]
        last = max(last, numbers[i, 3])
    state[PART] = last
    if some < 0:
        return NEGATIVE
    if last >= parts:
        return POOLS
    return WIDEN if narrow and amounts >> 32 != 0 else DONE


@inlined
def find(first: np.uint64, second: np.uint64, slots: np.ndarray, facts: np.ndarray, count: int) -> int:
    """Return the code of an artist, or `count` after giving it that code, or -1 where the table must grow first."""
    mask = np.uint64(slots.shape[0] - 1)
    slot = first & mask
    while True:
        word = slots[slot, 1]
        if word == np.uint64(0):
            break
        if slots[slot, 0] == first and word >> HALF == second >> HALF:
            code = np.int64(word & LOW) - 1
            if facts[code, 0] == np.int64(second):
                return code
        slot = (slot + ONE) & mask
    if 8 * (count + 1) > 5 * slots.shape[0] or count == facts.shape[0]:
        return -1
    slots[slot, 0] = first
    slots[slot, 1] = (second >> HALF << HALF) | np.uint64(count + 1)
    facts[count, 0] = np.int64(second)
    facts[count, 1] = 0
    facts[count, 2] = 0
    facts[count, 3] = 0
    return count


@inlined
def take_rows(
    count: int, block: Block, slots: np.ndarray, facts: np.ndarray, fresh: np.ndarray, raw: np.ndarray,
    fill: np.ndarray, pooled: bool, state: np.ndarray,  # noqa: FBT001 - kernels take arguments by position
) -> int:  # fmt: skip
    """Take in the rows of a block, until one does not find its place; return how many are in."""
    index, _, _, who, whom, numbers = block
    narrow = raw.shape[2] == NARROW
    for i in range(count):
        part = numbers[i, 3]
        at = fill[part]
        if at == raw.shape[1]:
            state[STOP], state[PART] = FULL, part
            return i
        if state[FRESH] == fresh.shape[0]:
            state[STOP] = DRAIN
            return i
        code = find(whom[i, 0], whom[i, 1], slots, facts, state[ARTISTS])
        if code < 0:
            state[STOP] = GROW
            return i
        if code == state[ARTISTS]:
            fresh[state[FRESH]] = index[i]
            state[FRESH] += 1
            state[ARTISTS] += 1
        if not pooled:
            facts[code, 1] += numbers[i, 0]
            facts[code, 2] += numbers[i, 1]
            facts[code, 3] += numbers[i, 2]
        fill[part] = at + 1
        raw[part, at, 0] = who[i, 0]
        raw[part, at, 1] = who[i, 1]
        if narrow:
            raw[part, at, 2] = (np.uint64(numbers[i, 0]) << HALF) | np.uint64(code)
        else:
            raw[part, at, 2] = np.uint64(code)
            raw[part, at, 3] = np.uint64(numbers[i, 0])
            raw[part, at, 4] = np.uint64(numbers[i, 1])
            raw[part, at, 5] = np.uint64(numbers[i, 2])
    return count


@jit
def encode(
    rows: int, user: np.ndarray, artist: np.ndarray, inputs: np.ndarray, keys: np.ndarray, block: Block,
    slots: np.ndarray, facts: np.ndarray, fresh: np.ndarray, raw: np.ndarray, fill: np.ndarray, bits: int,
    pooled: bool, state: np.ndarray,  # noqa: FBT001 - kernels take arguments by position
) -> None:  # fmt: skip
    """Take in rows from state[NEXT] on until all are in or something must be made room for: state[STOP] says what."""
    index, room, spans, who, whom, numbers = block
    state[STOP] = DONE
    while state[NEXT] < rows:
        count = used_rows(state[NEXT], rows, inputs[0], index)
        hash_rows(user, index[:count], keys, room, spans, who)
        hash_rows(artist, index[:count], keys, room, spans, whom)
        read_numbers(index[:count], inputs, who, bits, numbers)
        state[STOP] = look_over(numbers, count, state, raw.shape[2] == NARROW, len(fill))
        if state[STOP] != DONE:
            return
        ask_ahead(whom, count, slots, facts)
        done = take_rows(count, block, slots, facts, fresh, raw, fill, pooled, state)
        for k in range(3):
            for i in range(done):
                state[AMOUNT + k] += numbers[i, k]
                state[AMOUNT_BITS + k] |= numbers[i, k]
        state[ROWS] += done
        if done < count:
            state[NEXT] = index[done]
            return
        state[NEXT] = min(state[NEXT] + BLOCK, rows)


@jit
def regrow(old: np.ndarray, new: np.ndarray) -> None:
    """Move every artist of a table to a larger, empty one."""
    mask = np.uint64(new.shape[0] - 1)
    for i in range(old.shape[0]):
        if old[i, 1] != np.uint64(0):
            slot = old[i, 0] & mask
            while new[slot, 1] != np.uint64(0):
                slot = (slot + ONE) & mask
            new[slot, 0] = old[i, 0]
            new[slot, 1] = old[i, 1]


@jit
def merge_artists(
    other: np.ndarray, other_facts: np.ndarray, base: int, slots: np.ndarray, facts: np.ndarray, count: int,
    codes: np.ndarray, source: np.ndarray,
) -> int:  # fmt: skip
    """Add one thread's artists to the table of all, large enough beforehand; return how many it then holds.

    codes uint32[artists of the thread] becomes their codes there; source int64[n] keeps, for each new one, `base` plus
    the thread's code, so that its id can be found.
    """
    for i in range(other.shape[0]):
        if other[i, 1] != np.uint64(0):
            mine = np.int64(other[i, 1] & LOW) - 1
            code = find(other[i, 0], np.uint64(other_facts[mine, 0]), slots, facts, count)
            if code == count:
                source[code] = base + mine
                count += 1
            codes[mine] = code
            for k in range(1, 4):
                facts[code, k] += other_facts[mine, k]
    return count
