"""An account's core: the artists it plays far more than the log as a whole would have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairpay.fraud.traces import Pairs
from fairpay.kernels.minhash import mix_all

if TYPE_CHECKING:
    from fairpay.fraud.signal import Floats
    from fairpay.fraud.traces import Traces

__all__ = ["core_of"]

TIMES = 3.0
"""Plays count as far as they exceed so many times what is expected."""
SHARE = 0.25
"""A core artist has at least this part of the account's largest excess."""
LEAST_USER, LEAST_ARTIST = 50, 4
"""Plays of an account, and of an artist by the account, below which there is no telling."""
MOST = 64
"""Artists kept for an account: those with the smallest hashes, the same for accounts with the same core."""


def core_of(traces: Traces, expected: Floats) -> Pairs:
    """Return each user's core artists with their plays; `expected` is each artist's share for an average listener."""
    pairs = traces.pairs
    sizes = np.diff(pairs.start)
    owner = np.repeat(np.arange(traces.users), sizes)
    excess = pairs.plays - TIMES * traces.plays[owner] * expected[pairs.artist]
    excess[(pairs.plays < LEAST_ARTIST) | (traces.plays[owner] < LEAST_USER)] = 0.0
    most = np.maximum.reduceat(excess, pairs.start[:-1])
    held = np.flatnonzero((excess > 0) & (excess >= SHARE * most[owner]))
    held = sample(held, owner[held], pairs.artist[held].astype(np.uint64))
    size = np.bincount(owner[held], minlength=traces.users)
    return Pairs(np.concatenate([[0], np.cumsum(size)]), pairs.artist[held], pairs.plays[held])


def sample(held: np.ndarray, owner: np.ndarray, artist: np.ndarray) -> np.ndarray:
    """Keep at most MOST entries of each user, by the hash of the artist; the order stays that of the artists."""
    order = np.lexsort((mix_all(artist), owner))
    begin = np.searchsorted(owner, owner)
    place = np.empty(len(held), dtype=np.int64)
    place[order] = np.arange(len(held)) - begin
    return held[place < MOST]
