"""The artists of all threads, by pool, in byte order of their ids."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.kernels import encode as kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.engines.encoder import Encoder
    from fairpay.usage import Codes, Ints

__all__ = ["Artists", "merge"]

NOWHERE = np.uint32(0xFFFFFFFF)


@dataclass(frozen=True, slots=True)
class Artists:
    """The artists of one pool with a qualified listen; position is the artist's code from here on."""

    ids: pa.Array
    """large_string[artists], sorted by bytes."""
    amount: Ints
    plays: Ints
    ms: Ints
    remap: tuple[Codes, ...]
    """For each thread: its artist code -> position. The same for all pools, for a code is of one pool."""


def merge(encoders: Sequence[Encoder], *, pools: int) -> list[Artists]:
    """Merge the threads' artist tables, leave out artists whose every row was taken back, and sort by pool and id."""
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
    kept = np.flatnonzero((facts[:count, 1:] != 0).any(axis=1))
    ids = pa.chunked_array([x for e in encoders for x in e.ids], pa.large_string()).combine_chunks()
    ids = ids.take(pa.array(source[kept]))
    order = pc.sort_indices(ids).to_numpy().astype(np.int64)
    ends = [len(kept)]
    if pools > 1:
        pool = np.concatenate([*(x for e in encoders for x in e.pools), np.empty(0, np.uint32)])[source[kept]][order]
        order = order[np.argsort(pool, kind="stable")]
        ends = np.cumsum(np.bincount(pool, minlength=pools)).tolist()
    return divide(facts[kept[order]], ids.take(pa.array(order)), ends, renumber(kept[order], ends, codes, count))


def renumber(kept: Ints, ends: Sequence[int], codes: Sequence[Codes], count: int) -> tuple[Codes, ...]:
    """Return each thread's codes as positions within their pool."""
    place: NDArray[np.uint32] = np.full(count, NOWHERE, dtype=np.uint32)
    begin = 0
    for end in ends:
        place[kept[begin:end]] = np.arange(end - begin, dtype=np.uint32)
        begin = end
    return tuple(place[mine] for mine in codes)


def divide(facts: Ints, ids: pa.Array, ends: Sequence[int], remap: tuple[Codes, ...]) -> list[Artists]:
    """Cut sorted artists into pools."""
    cut, begin = [], 0
    for end in ends:
        amount, plays, ms = (np.ascontiguousarray(facts[begin:end, k]) for k in (1, 2, 3))
        cut.append(Artists(ids[begin:end], amount, plays, ms, remap))
        begin = end
    return cut
