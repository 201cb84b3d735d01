"""The artists of all threads, in byte order of their ids; and those of one pool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np
import pyarrow as pa

from fairpay.engine.ordering import order_of
from fairpay.kernels import encode as kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.engine.encoder import Encoder
    from fairpay.kernels.arrays import Codes, Ints

__all__ = ["Artists", "Everybody", "Facts", "Known", "merge"]

NOWHERE = np.uint32(0xFFFFFFFF)
Facts: TypeAlias = "tuple[Ints, Ints, Ints]"
"""int64[artists] each: amount, plays, ms."""


class Names:
    """Ids as Python text, made when they are asked for, and shared: many pools have the same artists."""

    def __init__(self, ids: pa.Array) -> None:
        """Take large_string[all]; nothing is held yet."""
        self.ids = ids
        self.known = np.zeros(len(ids), dtype=np.bool_)
        self.text = np.empty(len(ids), dtype=np.object_)

    def at(self, places: Codes | Ints) -> list[str]:
        """Return the ids at some positions. Two threads may make the same text; either is kept."""
        missing = places[~self.known[places]]
        self.text[missing] = np.array(self.ids.take(pa.array(missing)).to_pylist(), dtype=np.object_)
        self.known[missing] = True
        names: list[str] = self.text[places].tolist()
        return names


@dataclass(frozen=True, slots=True)
class Everybody:
    """The artists of all pools."""

    ids: pa.Array
    """large_string[all], sorted by bytes."""
    codes: tuple[Codes, ...]
    """For each thread: its artist code -> position in `ids`."""
    names: Names


class Artists(Protocol):
    """The artists of one pool. A smaller code is a smaller id."""

    @property
    def count(self) -> int:
        """How many there are."""
        ...

    @property
    def ids(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        ...

    def some(self, places: Ints) -> list[str]:
        """Return the ids of int64[n] artists."""
        ...

    @property
    def facts(self) -> Facts | None:
        """What each adds up to; None where that is known from a walk only."""
        ...

    def remap(self) -> tuple[Codes, ...]:
        """Return for each thread: its artist code -> artist of this pool."""
        ...

    def besides(self) -> Ints:
        """int64[artists, 3]: amount, plays and ms that no walk meets, where only a walk tells `facts`."""
        ...

    def forget(self) -> None:
        """Let go of what only `remap` needs: every row has been walked."""
        ...


@dataclass(frozen=True, slots=True)
class Known:
    """The artists of an intake without pools: what they add up to was added up on the way."""

    everybody: Everybody
    who: Ints
    """int64[artists]: positions among everybody, ascending."""
    facts: Facts

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.who)

    @property
    def ids(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        everybody = self.everybody.ids
        return everybody if len(self.who) == len(everybody) else everybody.take(pa.array(self.who))

    def some(self, places: Ints) -> list[str]:
        """Return the ids of int64[n] artists."""
        return self.everybody.names.at(self.who[places])

    def remap(self) -> tuple[Codes, ...]:
        """Return for each thread: its artist code -> artist of this pool."""
        place: Codes = np.full(len(self.everybody.ids), NOWHERE, dtype=np.uint32)
        place[self.who] = np.arange(len(self.who), dtype=np.uint32)
        return tuple(place[mine] for mine in self.everybody.codes)

    def besides(self) -> Ints:
        """Nothing: all of it is in `facts`."""
        return np.zeros((self.count, 3), dtype=np.int64)

    def forget(self) -> None:
        """Nothing is kept for it."""

    @classmethod
    def of(cls, everybody: Everybody, facts: Ints) -> Known:
        """Take int64[everybody, 3] facts; artists whose every row was taken back are left out."""
        kept = (facts != 0).any(axis=1)
        amount, plays, ms = (np.ascontiguousarray(facts[kept, k]) for k in range(3))
        return cls(everybody, np.flatnonzero(kept), (amount, plays, ms))


def merge(encoders: Sequence[Encoder]) -> tuple[Everybody, Ints]:
    """Merge the threads' artist tables and sort by id; return int64[everybody, 3] too, what the encoders added up."""
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
    ids = ids.take(pa.array(order))
    return Everybody(ids, tuple(place[mine] for mine in codes), Names(ids)), facts[order, 1:]
