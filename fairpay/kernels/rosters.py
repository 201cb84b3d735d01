# ruff: noqa: PLR0913, PLR0917 - kernels take flat arrays by position
# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""The artists of one pool among several, found in the pool's own rows: who they are, their codes, their facts.

Sets of codes are bitmaps: 300,000 artists take 38 kB, which stays in the processor's cache, and walking one costs a
step per 64 codes and one per member.

| array    | shape and type         | meaning                                                                      |
|----------|------------------------|------------------------------------------------------------------------------|
| packed   | uint64[words]          | rows as `partition.pack` leaves them, with its bits                          |
| seen     | uint64[codes / 64]     | which of a thread's artist codes a pool has                                  |
| place    | uint32[codes]          | thread's artist code -> place among the artists of all pools                 |
| everyone | uint64[artists / 64]   | which of these places a pool has                                             |
| before   | uint32[artists / 64]   | how many members stand in the words before each                              |
| remap    | uint32[codes]          | thread's artist code -> artist of the pool; nothing where the pool lacks it  |
| facts    | int64[members, 3]      | amount, plays, ms of each artist of the pool                                 |
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.partition import OWN, TIMED, row_of
from fairpay.kernels.words import lowest, population

__all__ = ["add_facts", "enroll", "members", "number", "positions", "see", "see_rows"]

ONE = np.uint64(1)
LAST = np.uint64(63)
WORD = np.uint64(6)


@inlined
def enter(code: np.uint64, seen: np.ndarray) -> None:
    """Add a member; words that have it already are not written again, for most rows meet an artist that is in."""
    word = code >> WORD
    bit = ONE << (code & LAST)
    if seen[word] & bit == np.uint64(0):
        seen[word] |= bit


@jit
def see_rows(packed: np.ndarray, count: int, bits: tuple[int, int, int], seen: np.ndarray) -> None:
    """Add the artists of rows."""
    for i in range(count):
        enter(row_of(packed, i, bits)[1], seen)


@jit
def see(codes: np.ndarray, seen: np.ndarray) -> None:
    """Add artists by their codes, int64[n]."""
    for i in range(len(codes)):
        enter(np.uint64(codes[i]), seen)


@jit
def enroll(seen: np.ndarray, place: np.ndarray, everyone: np.ndarray) -> None:
    """Add a thread's artists to those of all threads."""
    for k in range(len(seen)):
        word = seen[k]
        while word != np.uint64(0):
            enter(np.uint64(place[(np.uint64(k) << WORD) + np.uint64(lowest(word))]), everyone)
            word &= word - ONE


@jit
def number(everyone: np.ndarray, before: np.ndarray) -> int:
    """Fill `before`; return how many members there are."""
    count = np.int64(0)
    for k in range(len(everyone)):
        before[k] = np.uint32(count)
        count += population(everyone[k])
    return count


@jit
def members(everyone: np.ndarray, who: np.ndarray) -> None:
    """Write the members in ascending order into uint32[members]."""
    at = 0
    for k in range(len(everyone)):
        word = everyone[k]
        while word != np.uint64(0):
            who[at] = np.uint32((np.uint64(k) << WORD) + np.uint64(lowest(word)))
            at += 1
            word &= word - ONE


@jit
def positions(seen: np.ndarray, place: np.ndarray, everyone: np.ndarray, before: np.ndarray, remap: np.ndarray) -> None:
    """Write, for each artist code that was seen, which artist of the pool it is."""
    for k in range(len(seen)):
        word = seen[k]
        while word != np.uint64(0):
            code = (np.uint64(k) << WORD) + np.uint64(lowest(word))
            at = np.uint64(place[code])
            below = everyone[at >> WORD] & ((ONE << (at & LAST)) - ONE)
            remap[code] = before[at >> WORD] + np.uint32(population(below))
            word &= word - ONE


@jit
def add_facts(
    packed: np.ndarray, count: int, bits: tuple[int, int, int], remap: np.ndarray, kind: int, own: np.ndarray,
    facts: np.ndarray,
) -> None:  # fmt: skip
    """Add rows to the facts of their artists; own int64[rows, 2] has their plays and ms where `kind` is OWN."""
    for i in range(count):
        _, whom, much = row_of(packed, i, bits)
        artist, amount = remap[whom], np.int64(much)
        facts[artist, 0] += amount
        if kind == OWN:
            facts[artist, 1] += own[i, 0]
            facts[artist, 2] += own[i, 1]
        else:
            facts[artist, 1] += 1
            if kind == TIMED:
                facts[artist, 2] += amount
