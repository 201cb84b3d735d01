"""Where each listener's share of an artist lies: selection by digits for medians, curves of fans for markets.

| kernel       | shapes and types                                                                                   |
|--------------|----------------------------------------------------------------------------------------------------|
| `add_fees`   | start int64[u+1], artist uint32[e], fee int64[u], out int64[artists]                               |
| `share_keys` | start int64[u+1], amount int64[e], total int64[u], out int64[e]: floor(amount / total * 2^61)      |
| `add_digits` | as above; key int64[e]; slot int64[artists], or -1; prefix int64[2, slots]; out int64[2, slots, 256] |
| `cumulate`   | bound int64[a+1], mass int64[e]: running sums within each artist, in place                         |
| `levels`     | bound int64[a+1]; key, mass int64[e], keys falling within an artist; t <= 2^61, fees; out int64[a] |
| `pieces`     | the same; out int64[a]: entry whose key is the level, or -1 - the entry whose mass makes it        |

`pieces` wants an entry of every artist. Bounds: fees add up below 2^62; keys at most 2^61.
"""

from __future__ import annotations

import numpy as np

from fairpay.kernels._jit import inlined, jit
from fairpay.kernels.wide import muldiv

__all__ = ["ONE", "add_digits", "add_fees", "cumulate", "levels", "pieces", "share_keys"]

ONE = 1 << 61
"""The share of a listener who plays nothing else."""


@jit
def add_fees(start: np.ndarray, artist: np.ndarray, fee: np.ndarray, out: np.ndarray) -> None:
    """Add each user's whole fee to every artist played."""
    for u in range(len(fee)):
        for e in range(start[u], start[u + 1]):
            out[artist[e]] += fee[u]


@jit
def share_keys(start: np.ndarray, amount: np.ndarray, total: np.ndarray, out: np.ndarray) -> None:
    """Write each entry's share of its user's listening in units of 2^-61; equal shares give equal keys."""
    for u in range(len(total)):
        for e in range(start[u], start[u + 1]):
            quotient, _ = muldiv(np.uint64(amount[e]), np.uint64(ONE), np.uint64(total[u]))
            out[e] = np.int64(quotient)


@jit
def add_digits(  # noqa: PLR0913, PLR0917 - a kernel takes flat arguments
    start: np.ndarray,
    artist: np.ndarray,
    fee: np.ndarray,
    key: np.ndarray,
    slot: np.ndarray,
    prefix: np.ndarray,
    shift: int,
    out: np.ndarray,
) -> None:
    """Add up fees by the next eight bits of the keys that agree with a prefix, for two prefixes of each artist."""
    for u in range(len(fee)):
        for e in range(start[u], start[u + 1]):
            place = slot[artist[e]]
            if place >= 0:
                head = key[e] >> shift
                for which in range(2):
                    if head >> 8 == prefix[which, place]:
                        out[which, place, head & 255] += fee[u]


@jit
def cumulate(bound: np.ndarray, mass: np.ndarray) -> None:
    """Turn the fees of each artist's listeners into running sums."""
    for a in range(len(bound) - 1):
        for e in range(bound[a] + 1, bound[a + 1]):
            mass[e] += mass[e - 1]


@inlined
def crossing(first: int, end: int, key: np.ndarray, mass: np.ndarray, t: int, fees: int) -> int:  # noqa: PLR0913, PLR0917 - as above
    """Return the first of an artist's entries whose mass is worth its key or more; `end` if there is none."""
    low, high = first, end
    while low < high:
        middle = (low + high) // 2
        worth, _ = muldiv(np.uint64(t), np.uint64(mass[middle]), np.uint64(fees))
        if np.int64(worth) >= key[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@jit
def levels(bound: np.ndarray, key: np.ndarray, mass: np.ndarray, t: int, fees: int, out: np.ndarray) -> None:  # noqa: PLR0913, PLR0917 - a kernel takes flat arguments
    """Write max over the top l fans of min(their least share, t times their part of all fees).

    Shares fall and fees grow along the fans, so the best l is where the two cross: found by bisection.
    """
    for a in range(len(bound) - 1):
        low = crossing(bound[a], bound[a + 1], key, mass, t, fees)
        best = key[low] if low < bound[a + 1] else np.int64(0)
        if low > bound[a]:
            worth, _ = muldiv(np.uint64(t), np.uint64(mass[low - 1]), np.uint64(fees))
            best = max(best, np.int64(worth))
        out[a] = best


@jit
def pieces(bound: np.ndarray, key: np.ndarray, mass: np.ndarray, t: int, fees: int, out: np.ndarray) -> None:  # noqa: PLR0913, PLR0917 - a kernel takes flat arguments
    """Write on which piece of its curve each artist is: a fan's share, or t times a part of all fees."""
    for a in range(len(bound) - 1):
        low = crossing(bound[a], bound[a + 1], key, mass, t, fees)
        out[a] = low
        if low > bound[a]:
            worth, _ = muldiv(np.uint64(t), np.uint64(mass[low - 1]), np.uint64(fees))
            if low == bound[a + 1] or np.int64(worth) > key[low]:
                out[a] = -low
