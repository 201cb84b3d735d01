"""Giving dense codes to 64-bit hashes in the order they are first met.

| kernel    | shapes and types                                                                              |
|-----------|-----------------------------------------------------------------------------------------------|
| `encode`  | hashes uint64[n], slots uint64[2^k], codes uint32[2^k], count, out uint32[n], fresh int64[n]  |
| `regrow`  | slots, codes, larger empty slots and codes                                                    |

Bounds: no hash is 0, which marks a free slot; count + n is at most half of the slots; codes stay below 2^32.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit

__all__ = ["encode", "regrow"]


@jit
def encode(  # noqa: PLR0913, PLR0917 - a kernel's arrays
    hashes: np.ndarray, slots: np.ndarray, codes: np.ndarray, count: int, out: np.ndarray, fresh: np.ndarray
) -> int:
    """Write the code of each hash; rows that brought a new one are listed in `fresh`. Return the new count."""
    mask = np.uint64(len(slots) - 1)
    first = count
    for i in range(len(hashes)):
        slot = hashes[i] & mask
        while slots[slot] != np.uint64(0) and slots[slot] != hashes[i]:
            slot = (slot + np.uint64(1)) & mask
        if slots[slot] == np.uint64(0):
            slots[slot] = hashes[i]
            codes[slot] = count
            fresh[count - first] = i
            count += 1
        out[i] = codes[slot]
    return count


@jit
def regrow(slots: np.ndarray, codes: np.ndarray, new_slots: np.ndarray, new_codes: np.ndarray) -> None:
    """Move every hash to a larger table."""
    mask = np.uint64(len(new_slots) - 1)
    for i in range(len(slots)):
        if slots[i] != np.uint64(0):
            slot = slots[i] & mask
            while new_slots[slot] != np.uint64(0):
                slot = (slot + np.uint64(1)) & mask
            new_slots[slot] = slots[i]
            new_codes[slot] = codes[i]
