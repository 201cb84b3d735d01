# mypy: disable-error-code="assignment,return-value,arg-type,operator"
# (Numba's integers are NumPy's and Python's alike.)
"""Fields that lie here and there in a text, copied together into a column.

| kernel    | takes                                                                   | gives                         |
|-----------|-------------------------------------------------------------------------|-------------------------------|
| `measure` | int32[n, 2] spans of a column, see `fields`; rows <= n, int32[rows + 1] | offsets, bytes, how many null |
| `gather`  | address of the text, spans, offsets, address to write to                | the text of the column        |

Behind the text 64 bytes can be read, and behind the column as many can be written.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.masks import copy32, store8
from fairpay.kernels.words import load8

__all__ = ["gather", "measure"]

HALF = 32
QUOTE = np.uint64(34)


@jit
def measure(spans: np.ndarray, rows: int, offsets: np.ndarray) -> tuple[int, int]:
    """Write where the text of each row begins in its column; return how long that is and how many rows are null."""
    total, nulls = 0, 0
    offsets[0] = 0
    for row in range(rows):
        length = spans[row, 1]
        nulls += length < 0
        total += max(length, 0)
        offsets[row + 1] = total
    return total, nulls


@inlined
def copy_once(source: int, length: int, to: int) -> None:
    """Copy a field until it has its length, one of every two quotes."""
    for at in range(length):
        byte = load8(source)
        store8(to + at, byte)
        source += 2 if byte == QUOTE else 1


@jit
def gather(address: int, spans: np.ndarray, offsets: np.ndarray, out: int) -> None:
    """Write the text of a column; up to 31 bytes behind it are written too."""
    for row in range(len(offsets) - 1):
        place, length, to = spans[row, 0], spans[row, 1], out + offsets[row]
        if place >= 0:
            for at in range(0, length, HALF):
                copy32(to + at, address + place + at)
        else:
            copy_once(address - 1 - place, length, to)
