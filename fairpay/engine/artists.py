"""The artists of all threads, in byte order of their ids; and those of one pool."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.engine.keys import KeyTable, order_of
from fairpay.kernels import partition as kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.engine.encoder import Encoder
    from fairpay.engine.partition import Settled
    from fairpay.engine.spool import Spool
    from fairpay.kernels.arrays import Codes, Ints

__all__ = ["AllArtists", "ArtistTable", "merge"]


class Names:
    """Ids as Python text, made when they are first used, and shared: many pools have the same artists."""

    def __init__(self, ids: pa.Array) -> None:
        """Take large_string[all]; nothing is held yet."""
        self.ids = ids
        self.made = np.zeros(len(ids), dtype=np.bool_)
        self.text = np.empty(len(ids), dtype=np.object_)

    def at(self, places: Codes | Ints) -> list[str]:
        """Return the ids at some positions. Two threads may make the same text; either is kept."""
        missing = places[~self.made[places]]
        self.text[missing] = np.array(self.ids.take(pa.array(missing)).to_pylist(), dtype=np.object_)
        self.made[missing] = True
        names: list[str] = self.text[places].tolist()
        return names


@dataclass(frozen=True, slots=True)
class AllArtists:
    """The artists of all pools."""

    ids: pa.Array
    """large_string[all], sorted by bytes."""
    codes: tuple[Codes, ...]
    """For each thread: its artist code -> position in `ids`."""
    names: Names


class ArtistTable:
    """The artists of one pool, found in its own rows when they are first needed. A smaller code is a smaller id."""

    def __init__(self, everybody: AllArtists, parts: Sequence[Settled], spool: Spool) -> None:
        """Take the pool's partitions; they must not be walked before `places` is known."""
        self.everybody, self.parts, self.spool = everybody, parts, spool

    @cached_property
    def places(self) -> Ints:
        """int64[artists]: positions among the artists of all pools, ascending."""
        codes = self.everybody.codes
        seen = [np.zeros(len(mine), dtype=np.bool_) for mine in codes]
        for chunk in (chunk for part in self.parts for chunk in part.chunks):
            kernel.mark_artists(chunk.rows.load(self.spool), chunk.rows.count, seen[chunk.thread])
        found: NDArray[np.bool_] = np.zeros(len(self.everybody.ids), dtype=np.bool_)
        for mine, marked in zip(codes, seen, strict=True):
            found[mine[marked]] = True
        return np.flatnonzero(found)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.places)

    @property
    def ids(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        ids = self.everybody.ids
        return ids if len(self.places) == len(ids) else ids.take(pa.array(self.places))

    def some(self, places: Ints) -> list[str]:
        """Return the ids of int64[n] artists."""
        return self.everybody.names.at(self.places[places])

    def remap(self) -> tuple[Codes, ...]:
        """Return for each thread: its artist code -> artist of this pool; anything for codes the pool does not have."""
        place = np.zeros(len(self.everybody.ids), dtype=np.uint32)
        place[self.places] = np.arange(self.count, dtype=np.uint32)
        return tuple(place[mine] for mine in self.everybody.codes)


def merge(encoders: Sequence[Encoder]) -> AllArtists:
    """Merge the threads' artist tables and sort by id."""
    table = KeyTable()
    codes, ids = [], []
    for encoder in encoders:
        before = table.count
        mine = table.enter(encoder.table.keys[: encoder.table.count])
        codes.append(mine)
        ids += [pa.chunked_array(encoder.ids, pa.large_string()).filter(pa.array(mine >= before))]
    merged = pa.chunked_array([chunk for one in ids for chunk in one.chunks], pa.large_string()).combine_chunks()
    order = order_of(merged)
    place = np.empty(len(order), dtype=np.uint32)
    place[order] = np.arange(len(order), dtype=np.uint32)
    merged = merged.take(pa.array(order))
    return AllArtists(merged, tuple(place[mine] for mine in codes), Names(merged))
