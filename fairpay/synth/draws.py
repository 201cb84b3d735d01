"""Draws that depend on nothing but the seed and what is drawn for: the same on every machine and in any order.

A draw is a hash of a stream (seed and purpose) and one or two keys, such as a user and the number of a play. There is
no generator state, so a month can be made by user or by time, in blocks of any size, and every play comes out alike.
The hash is the finaliser of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number generators").
"""

from __future__ import annotations

import math
from hashlib import blake2b
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["below", "draw", "lognormal_steps", "pick_table", "stream"]

FIRST_KEY = np.uint64(0x9E3779B97F4A7C15)
SECOND_KEY = np.uint64(0xD1B54A32D192ED03)
MIX = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))


def stream(seed: int, purpose: str) -> np.uint64:
    """Return where the draws of one purpose begin."""
    return np.uint64(int.from_bytes(blake2b(f"{seed}:{purpose}".encode(), digest_size=8).digest(), "little"))


def draw(
    start: np.uint64, first: NDArray[np.integer], second: NDArray[np.integer] | int | None = None
) -> NDArray[np.uint64]:
    """Draw 64 bits for each key, uint64[n]; `first` and `second` are non-negative integers[n]."""
    bits = first.astype(np.uint64) * FIRST_KEY
    bits += start
    if second is not None:
        bits += np.asarray(second).astype(np.uint64) * SECOND_KEY
    for shift, factor in MIX:
        bits ^= bits >> np.uint64(shift)
        bits *= np.uint64(factor)
    bits ^= bits >> np.uint64(31)
    return bits


def below(bits: NDArray[np.uint64], limit: NDArray[np.integer] | int, *, offset: int = 0) -> NDArray[np.int64]:
    """Scale the 16 bits of each draw that begin at bit `offset` to integers from 0 to below `limit` (< 2^46)."""
    piece = ((bits >> np.uint64(offset)) & np.uint64(0xFFFF)).astype(np.int64)
    return (piece * limit) >> 16


def lognormal_steps(steps: int, *, median: float, sigma: float) -> NDArray[np.int64]:
    """Quantiles of a log-normal at the middles of `steps` equal parts, rounded to integers: int64[steps]."""
    normal = NormalDist()
    values = [median * math.exp(sigma * normal.inv_cdf((k + 0.5) / steps)) for k in range(steps)]
    return np.rint(values).astype(np.int64)


def pick_table(weights: Sequence[float] | NDArray[np.float64], size: int) -> NDArray[np.int32]:
    """Return int32[size] in which each index stands about in proportion to its weight, and at least once.

    A uniform draw of a place in it is a draw by weight at the cost of one look-up. `size` exceeds the weights' number.
    """
    share = np.asarray(weights, dtype=np.float64)
    spare = size - len(share)
    edges = np.floor(np.cumsum(share) / share.sum() * spare + 1e-6).astype(np.int64)
    edges[-1] = spare
    counts = np.diff(edges, prepend=0) + 1
    return np.repeat(np.arange(len(share), dtype=np.int32), counts)
