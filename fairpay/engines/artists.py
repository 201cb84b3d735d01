"""The artists of all threads, in byte order of their ids; and of each pool."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.engines.ordering import order_of
from fairpay.kernels import encode as kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.engines.encoder import Encoder
    from fairpay.usage import Codes, Ints

__all__ = ["Artists", "merge"]

NOWHERE = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Everybody:
    """The artists of all pools."""

    ids: pa.Array
    """large_string[all], sorted by bytes."""
    codes: tuple[Codes, ...]
    """For each thread: its artist code -> position in `ids`."""


@dataclass(frozen=True, slots=True)
class Artists:
    """The artists of one pool with a qualified listen; position is the artist's code from here on."""

    everybody: Everybody
    who: Ints
    """int64[artists]: positions among everybody, ascending, so that a smaller code is a smaller id."""
    amount: Ints
    plays: Ints
    ms: Ints

    @property
    def ids(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        everybody = self.everybody.ids
        return everybody if len(self.who) == len(everybody) else everybody.take(pa.array(self.who))

    def remap(self) -> tuple[Codes, ...]:
        """Return for each thread: its artist code -> artist of this pool."""
        place: NDArray[np.uint32] = np.full(len(self.everybody.ids), NOWHERE, dtype=np.uint32)
        place[self.who] = np.arange(len(self.who), dtype=np.uint32)
        return tuple(place[mine] for mine in self.everybody.codes)


def merge(encoders: Sequence[Encoder], *, pools: int) -> list[Artists]:
    """Merge the threads' artist tables, sort by id, and leave out artists whose every row was taken back."""
    most = sum(encoder.artists for encoder in encoders)
    facts = np.zeros((most, 4), dtype=np.int64)
    source = np.empty(most, dtype=np.int64)
    codes = [np.empty(encoder.artists, dtype=np.uint32) for encoder in encoders]
    slots = np.zeros((2 ** (2 * most + 2).bit_length(), 2), dtype=np.uint64)
    count = base = 0
    for encoder, mine in zip(encoders, codes, strict=True):
        count = kernel.merge_artists(encoder.slots, encoder.facts, base, slots, facts, count, mine, source)
        base += encoder.artists
    del slots
    ids = pa.chunked_array([x for e in encoders for x in e.ids], pa.large_string()).combine_chunks()
    ids = ids.take(pa.array(source[:count]))
    order = order_of(ids)
    place = np.empty(count, dtype=np.uint32)
    place[order] = np.arange(count, dtype=np.uint32)
    everybody = Everybody(ids.take(pa.array(order)), tuple(place[mine] for mine in codes))
    if any(encoder.pooled for encoder in encoders):
        return by_pool(encoders, everybody, pools)
    return [of_pool(everybody, np.arange(count), facts[order, 1:])]


def of_pool(everybody: Everybody, who: Ints, facts: Ints) -> Artists:
    """Make the artists of a pool from int64[n] positions and int64[n, 3] facts."""
    kept = (facts != 0).any(axis=1)
    amount, plays, ms = (np.ascontiguousarray(facts[kept, k]) for k in range(3))
    return Artists(everybody, who[kept], amount, plays, ms)


def by_pool(encoders: Sequence[Encoder], everybody: Everybody, pools: int) -> list[Artists]:
    """Add up the threads' artists by pool. A thread that met no pools has all of its artists in pool 0."""
    keys, facts = [], []
    for encoder, place in zip(encoders, everybody.codes, strict=True):
        if encoder.pair_count:
            mine = encoder.pairs[1][: encoder.pair_count]
            keys.append((mine & ~np.uint64(NOWHERE)) | place[mine & np.uint64(NOWHERE)])
            facts.append(encoder.pairs[2][: encoder.pair_count])
        alone = encoder.facts[: encoder.artists, 1:]
        used = alone.any(axis=1)
        keys.append(place[used].astype(np.uint64))
        facts.append(alone[used])
    every = np.concatenate(keys)
    order = np.argsort(every)
    every = every[order]
    starts = np.flatnonzero(np.diff(every, prepend=~every[:1]))
    total = np.add.reduceat(np.concatenate(facts)[order], starts, axis=0) if len(starts) else np.zeros((0, 3), np.int64)
    every = every[starts]
    who = (every & np.uint64(NOWHERE)).astype(np.int64)
    cuts = np.searchsorted(every, np.arange(pools + 1, dtype=np.uint64) << np.uint64(32))
    return [of_pool(everybody, who[a:b], total[a:b]) for a, b in pairwise(cuts)]
