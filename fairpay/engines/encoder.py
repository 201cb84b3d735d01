"""One thread's part of taking in: its artist table, and its raw rows by partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairpay.engines.columns import Column, Hasher, address_of, ids_as_text
from fairpay.kernels import encode as kernel
from fairpay.kernels import hashing

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.schema import Listens
    from fairpay.usage import Ints

__all__ = ["Encoder", "Sums"]

FIRST_ARTISTS = 1024
FIRST_ROWS = 256
FRESH = 1 << 14
WIDE = 6
SAFE = 2**62


class Sums:
    """Exact totals of what was taken in; Python integers."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.rows = self.amount = self.plays = self.ms = 0


class Encoder:
    """Takes in judged batches. Not shared between threads."""

    def __init__(self, *, thread: int, keys: NDArray[np.uint64], parts: int, bits: int, rows: int, wide: bool) -> None:
        """Prepare tables; `rows` is the most raw rows kept per partition."""
        self.thread = thread
        self.hasher = Hasher(keys)
        self.parts, self.bits, self.most_rows = parts, bits, rows
        self.slots = np.zeros((2 * FIRST_ARTISTS, 2), dtype=np.uint64)
        self.facts = np.zeros((FIRST_ARTISTS, 4), dtype=np.int64)
        self.fresh = np.empty(FRESH, dtype=np.int64)
        self.who = np.empty((hashing.BLOCK, 2), dtype=np.uint64)
        self.whom = np.empty((hashing.BLOCK, 2), dtype=np.uint64)
        self.fill = np.zeros(parts, dtype=np.int64)
        self.state = np.zeros(kernel.STATE, dtype=np.int64)
        self.artists = 0
        self.ids: list[pa.Array] = []
        self.sums = Sums()
        self.has_ms = False
        self.since_grown = 0
        self.make_room(FIRST_ROWS if rows > FIRST_ROWS else rows, wide=wide)

    def make_room(self, rows: int, *, wide: bool) -> None:
        """Make empty room for raw rows."""
        self.wide = wide
        self.raw = np.empty((self.parts, rows, WIDE if wide else kernel.NARROW), dtype=np.uint64)
        self.codes = np.empty(rows, dtype=np.uint32)
        self.since_grown = 0

    @property
    def held(self) -> int:
        """Bytes held."""
        return self.raw.nbytes + self.slots.nbytes + self.facts.nbytes

    def take_in(self, listens: Listens, flush: Callable[[Encoder, int], None]) -> None:
        """Take in a batch; `flush(self, part)` empties a partition's raw rows."""
        rows = len(listens.used)
        if rows == 0:
            return
        self.has_ms |= listens.ms is not None
        if listens.plays is not None and not self.wide:
            self.widen(flush)
        user, artist = Column.of(listens.user, self.hasher), Column.of(listens.artist, self.hasher)
        given = [
            np.ascontiguousarray(listens.used, dtype=np.bool_),
            *(None if x is None else np.ascontiguousarray(x, dtype=np.int64) for x in (listens.amount, listens.plays, listens.ms)),
            None if listens.pool is None else np.ascontiguousarray(listens.pool, dtype=np.uint32),
        ]  # fmt: skip
        inputs = np.array([address_of(x) for x in given], dtype=np.int64)
        state = self.state
        state[:] = 0
        state[kernel.ARTISTS] = self.artists
        while True:
            kernel.encode(
                rows, user.described, artist.described, inputs, self.hasher.keys, self.hasher.room,
                self.slots, self.facts, self.fresh, self.raw, self.fill, self.bits, self.hasher.index, self.hasher.spans,
                self.who, self.whom, state,
            )  # fmt: skip
            stop = state[kernel.STOP]
            if stop == kernel.DONE:
                break
            self.resolve(int(stop), listens, flush)
        self.drain(listens)
        self.add_up(listens, given)

    def resolve(self, stop: int, listens: Listens, flush: Callable[[Encoder, int], None]) -> None:
        """Make room for what the kernel stopped at."""
        if stop == kernel.FULL:
            if self.since_grown > self.raw.shape[0] * self.raw.shape[1] and self.raw.shape[1] < self.most_rows:
                self.flush_all(flush)
                self.make_room(min(4 * self.raw.shape[1], self.most_rows), wide=self.wide)
            else:
                part = int(self.state[kernel.PART])
                self.since_grown += int(self.fill[part])
                flush(self, part)
        elif stop == kernel.GROW:
            self.drain(listens)
            self.grow_artists()
        elif stop == kernel.DRAIN:
            self.drain(listens)
        elif stop == kernel.WIDEN:
            self.widen(flush)
        else:
            message = "a judged row has a negative amount, plays or ms"
            raise ValueError(message)

    def widen(self, flush: Callable[[Encoder, int], None]) -> None:
        """Go over to raw rows that hold any amount and any number of plays."""
        self.flush_all(flush)
        self.make_room(max(1, self.raw.shape[1] // 2), wide=True)

    def flush_all(self, flush: Callable[[Encoder, int], None]) -> None:
        """Empty all raw rows."""
        for part in np.flatnonzero(self.fill).tolist():
            flush(self, part)

    def grow_artists(self) -> None:
        """Make room for twice the artists."""
        facts = np.empty((2 * len(self.facts), 4), dtype=np.int64)
        facts[: len(self.facts)] = self.facts
        slots = np.zeros((2 * len(self.slots), 2), dtype=np.uint64)
        kernel.regrow(self.slots, slots)
        self.facts, self.slots = facts, slots

    def drain(self, listens: Listens) -> None:
        """Keep the ids of the artists met first in this batch."""
        count = int(self.state[kernel.FRESH])
        if count:
            self.ids.append(ids_as_text(listens.artist, self.fresh[:count]))
            self.state[kernel.FRESH] = 0
        self.artists = int(self.state[kernel.ARTISTS])

    def add_up(self, listens: Listens, given: list[NDArray[np.generic] | None]) -> None:
        """Add this batch to the exact totals; where its own sums may have wrapped, add it up again in full."""
        state, rows = self.state, int(self.state[kernel.ROWS])
        self.sums.rows += rows
        names = ("amount", "plays", "ms")
        for i, name in enumerate(names):
            total = int(state[kernel.AMOUNT + i])
            if rows * int(state[kernel.AMOUNT_BITS + i]) >= SAFE:
                values: Ints = given[1 + i][listens.used]  # type: ignore[index,assignment]
                total = sum(values.tolist())
            setattr(self.sums, name, getattr(self.sums, name) + total)
