"""Parts of texts as numbers that sort as the bytes do.

| kernel  | takes                                                                  | gives                       |
|---------|------------------------------------------------------------------------|-----------------------------|
| `parts` | int64[n + 1] starts, address of the text, int64[m] rows, bytes to skip | uint64[m] out, eight bytes, |
|         |                                                                        | zeros after the text's end  |

Reads stay within each text.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit
from fairpay.kernels.words import load8

__all__ = ["WORD", "parts"]

WORD = 8


@jit
def parts(starts: np.ndarray, text: int, rows: np.ndarray, skip: int, out: np.ndarray) -> None:
    """Write eight bytes of each text, the first one the highest."""
    for i in range(len(rows)):
        begin, end = starts[rows[i]] + skip, starts[rows[i] + 1]
        word = np.uint64(0)
        for k in range(WORD):
            word <<= np.uint64(8)
            if begin + k < end:
                word |= load8(text + begin + k)
        out[i] = word
