"""Dealing rows out to parts, and the rows of a part to its users.

| kernel    | shapes and types                                                                             |
|-----------|----------------------------------------------------------------------------------------------|
| `deal`    | part uint8[n], rows uint64[n, w], next int64[parts], out uint64[n, w]                         |
| `tally`   | rows uint64[n, 4], user_of int64[codes], size int64[users]                                    |
| `regroup` | rows uint64[n, 4], user_of, artist_of int64[codes], next int64[users], whole int64[3, n],      |
|           | parts uint32[3, n]                                                                           |

`next` holds where the rows of each part or user begin in the result, and is used up: then it holds where they end.
The words of a row: user and artist codes, time and milliseconds, track and plays (32 bits each), amount. `whole` takes
artist, plays and amount, `parts` takes time, milliseconds and track.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import jit

__all__ = ["deal", "regroup", "tally"]

HIGH = np.uint64(32)
LOW = np.uint64(0xFFFFFFFF)


@jit
def deal(part: np.ndarray, rows: np.ndarray, next_: np.ndarray, out: np.ndarray) -> None:
    """Copy each row to the next place of its part."""
    for i in range(len(part)):
        at = next_[part[i]]
        next_[part[i]] = at + 1
        for k in range(rows.shape[1]):
            out[at, k] = rows[i, k]


@jit
def tally(rows: np.ndarray, user_of: np.ndarray, size: np.ndarray) -> None:
    """Count the rows of each user."""
    for i in range(len(rows)):
        size[user_of[rows[i, 0] >> HIGH]] += 1


@jit
def regroup(  # noqa: PLR0913, PLR0917 - a kernel's arrays
    rows: np.ndarray,
    user_of: np.ndarray,
    artist_of: np.ndarray,
    next_: np.ndarray,
    whole: np.ndarray,
    parts: np.ndarray,
) -> None:
    """Put the rows of each user together, a column each."""
    for i in range(len(rows)):
        user = user_of[rows[i, 0] >> HIGH]
        at = next_[user]
        next_[user] = at + 1
        whole[0, at] = artist_of[rows[i, 0] & LOW]
        whole[1, at] = np.int64(rows[i, 2] & LOW)
        whole[2, at] = np.int64(rows[i, 3])
        parts[0, at] = np.uint32(rows[i, 1] >> HIGH)
        parts[1, at] = np.uint32(rows[i, 1] & LOW)
        parts[2, at] = np.uint32(rows[i, 2] >> HIGH)
