"""One thread's part of taking in: its artist table, and its raw rows by partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairpay.engine.columns import Column, Hasher, ids_as_text
from fairpay.kernels import encode as kernel
from fairpay.kernels import hashing
from fairpay.kernels.addresses import address_of
from fairpay.kernels.partition import COUNTED, OWN, PLAIN, TIMED
from fairpay.money.currency import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens

__all__ = ["Encoder", "Flush", "Sums"]

FIRST_ARTISTS = 1024
FIRST_ROWS = 64
MOST_ROWS = 1 << 14
FRESH = 1 << 14
WIDE = 6


class Sums:
    """Exact totals of what was taken in; Python integers."""

    def __init__(self) -> None:
        """Begin at nothing."""
        self.rows = self.amount = self.plays = self.ms = 0


class Encoder:
    """Takes in judged batches. Not shared between threads.

    `flush(encoder, part)` empties a partition's raw rows; it may raise whatever storing them raises.
    """

    def __init__(  # noqa: PLR0913 - each is a plain number of its own
        self, flush: Flush, *, thread: int, keys: NDArray[np.uint64], bits: int, parts: int, room: int,
        pooled: bool = False,
    ) -> None:  # fmt: skip
        """Prepare tables for `parts` partitions, 2^bits to a pool; raw rows may take `room` bytes.

        Where rows name pools, `pooled`, what artists add up to is left to the partitions.
        """
        self.flush = flush
        self.thread = thread
        self.hasher = Hasher(keys)
        self.bits, self.parts, self.room = bits, parts, room
        self.slots = np.zeros((2 * FIRST_ARTISTS, 2), dtype=np.uint64)
        self.facts = np.zeros((FIRST_ARTISTS, 4), dtype=np.int64)
        self.fresh = np.empty(FRESH, dtype=np.int64)
        self.block = (
            self.hasher.index,
            self.hasher.room,
            self.hasher.spans,
            np.empty((hashing.BLOCK, 2), dtype=np.uint64),
            np.empty((hashing.BLOCK, 2), dtype=np.uint64),
            np.empty((hashing.BLOCK, 4), dtype=np.int64),
        )
        self.state = np.zeros(kernel.STATE, dtype=np.int64)
        self.artists = 0
        self.ids: list[pa.Array] = []
        self.id_bytes = 0
        self.pooled = pooled
        self.kind: int | None = None
        self.sums = Sums()
        self.has_ms = False
        self.wide = False
        self.make_room(FIRST_ROWS)

    def make_room(self, rows: int) -> None:
        """Make empty room for raw rows, as many per partition as asked for and allowed."""
        width = WIDE if self.wide else kernel.NARROW
        self.most_rows = max(1, min(MOST_ROWS, self.room // (8 * width * self.parts)))
        rows = min(rows, self.most_rows)
        self.raw = np.empty((self.parts, rows, width), dtype=np.uint64)
        self.fill = np.zeros(self.parts, dtype=np.int64)
        self.codes = np.empty(rows, dtype=np.uint32)
        self.flushed = 0

    @property
    def held(self) -> int:
        """Bytes held."""
        return self.raw.nbytes + self.slots.nbytes + self.facts.nbytes + self.id_bytes

    def take_in(self, listens: Listens) -> None:
        """Take in a batch.

        Raises:
            ValueError: a used row has a negative amount, plays or ms: not what judging gives.

        """
        rows = len(listens.used)
        if rows == 0:
            return
        self.has_ms |= listens.ms is not None
        if listens.pool is not None and not self.pooled:
            self.flush_all()
            self.pooled = True
        if listens.plays is not None or not self.derivable(listens):
            self.widen()
        user, artist = Column.of(listens.user, self.hasher), Column.of(listens.artist, self.hasher)
        given: list[NDArray[np.generic] | None] = [
            np.ascontiguousarray(listens.used, dtype=np.bool_),
            *(flat(x) for x in (listens.amount, listens.plays, listens.ms)),
            None if listens.pool is None else np.ascontiguousarray(listens.pool, dtype=np.uint32),
        ]
        inputs = np.array([address_of(x) for x in given], dtype=np.int64)
        state = self.state
        state[:] = 0
        state[kernel.ARTISTS] = self.artists
        while True:
            kernel.encode(
                rows, user.described, artist.described, inputs, self.hasher.keys, self.block, self.slots, self.facts,
                self.fresh, self.raw, self.fill, self.bits, self.pooled, state,
            )  # fmt: skip
            if state[kernel.STOP] == kernel.DONE:
                break
            self.resolve(int(state[kernel.STOP]), int(state[kernel.PART]), listens)
        self.drain(listens)
        self.add_up(listens, given)

    def derivable(self, listens: Listens) -> bool:
        """Whether narrow rows say all that is asked of them: by pool, ms is the amount, or nothing, all through."""
        if not self.pooled or self.wide:
            return True
        amount, ms, used = listens.amount, listens.ms, listens.used
        kind = PLAIN if ms is None else TIMED
        if ms is not None and ms is not amount and (amount is None or not np.array_equal(amount[used], ms[used])):
            return False
        self.kind = kind if self.kind is None else self.kind
        return self.kind == kind

    @property
    def counting(self) -> int:
        """Where the plays and ms of raw rows stand, see `kernels.partition`."""
        if not self.pooled:
            return COUNTED
        return OWN if self.wide or self.kind is None else self.kind

    def resolve(self, stop: int, part: int, listens: Listens) -> None:
        """Make room for what the kernel stopped at."""
        if stop == kernel.FULL:
            self.empty(part)
        elif stop == kernel.GROW:
            self.drain(listens)
            self.grow_artists()
        elif stop == kernel.DRAIN:
            self.drain(listens)
        elif stop == kernel.WIDEN:
            self.widen()
        elif stop == kernel.POOLS:
            self.flush_all()
            self.parts = ((part >> self.bits) + 1) << self.bits
            self.make_room(self.raw.shape[1])
        else:
            message = "a judged row has a negative amount, plays or ms"
            raise ValueError(message)

    def empty(self, part: int) -> None:
        """Empty a full partition; where all of them have been filled once, have larger ones from then on."""
        rows = self.raw.shape[1]
        if rows < self.most_rows and self.flushed > self.raw.shape[0] * rows:
            self.flush_all()
            self.make_room(4 * rows)
            return
        self.flushed += rows
        self.flush(self, part)

    def widen(self) -> None:
        """Go over to raw rows that hold any amount and any number of plays."""
        if not self.wide:
            self.flush_all()
            self.wide = True
            self.make_room(self.raw.shape[1])

    def flush_all(self) -> None:
        """Empty all raw rows."""
        for part in np.flatnonzero(self.fill).tolist():
            self.flush(self, part)

    def close(self) -> None:
        """Empty all raw rows and let go of their room."""
        self.flush_all()
        self.raw, self.room = self.raw[:0], 0

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
            rows = self.fresh[:count]
            self.ids.append(ids_as_text(listens.artist, rows))
            self.id_bytes += self.ids[-1].nbytes
            self.state[kernel.FRESH] = 0
        self.artists = int(self.state[kernel.ARTISTS])

    def add_up(self, listens: Listens, given: list[NDArray[np.generic] | None]) -> None:
        """Add this batch to the exact totals; where its own sums may have wrapped, add it up again in full."""
        state, rows = self.state, int(self.state[kernel.ROWS])
        self.sums.rows += rows
        for i, name in enumerate(("amount", "plays", "ms")):
            total, values = int(state[kernel.AMOUNT + i]), given[1 + i]
            if values is not None and rows * int(state[kernel.AMOUNT_BITS + i]) >= LARGEST:
                total = sum(values[listens.used].tolist())
            setattr(self.sums, name, getattr(self.sums, name) + total)


def flat(values: Ints | None) -> Ints | None:
    """Return values as kernels read them."""
    return None if values is None else np.ascontiguousarray(values, dtype=np.int64)


if TYPE_CHECKING:
    Flush = Callable[[Encoder, int], None]
