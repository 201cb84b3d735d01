# mypy: disable-error-code="assignment,return-value,arg-type"
# (Numba's integers are NumPy's and Python's alike.)
"""128-bit keys to codes 0, 1, 2, ... in the order they come: users, artists, plays.

| array | shape and type     | meaning                                             |
|-------|--------------------|-----------------------------------------------------|
| slots | uint32[power of 2] | code + 1 (0: free), in the order of the second lane |
| keys  | uint64[n, 2]       | both lanes of each code: all 128 bits are compared  |

Bounds: codes stay below 2^32 - 1; at most half of the slots are taken.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.words import prefetch

__all__ = ["ask_ahead", "enter", "find", "rehash"]

ONE, TWO = np.uint64(1), np.uint64(2)
BLOCK = 64


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
    for first in range(0, len(wanted), BLOCK):
        last = min(first + BLOCK, len(wanted))
        ask_ahead(wanted[first:last], slots, keys)
        for i in range(first, last):
            code = find(wanted[i, 0], wanted[i, 1], slots, keys, count)
            if code < 0:
                return i, count
            count = max(count, code + 1)
            codes[i] = np.uint32(code)
    return len(wanted), count


@jit
def rehash(keys: np.ndarray, slots: np.ndarray) -> None:
    """Enter different keys into empty slots."""
    mask = np.uint64(slots.shape[0] - 1)
    for code in range(len(keys)):
        slot = keys[code, 1] & mask
        while slots[slot] != 0:
            slot = (slot + ONE) & mask
        slots[slot] = np.uint32(code + 1)
