"""One thread's part of taking in: its artist table, and its raw rows by partition."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairpay.engine.keys import Column, KeyTable, ids_as_text
from fairpay.kernels import encode as kernel
from fairpay.kernels import hashing
from fairpay.money.currency import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens

__all__ = ["Encoder", "Flush"]

FIRST_ARTISTS = 1024
MOST_ROWS = 1 << 13
WIDTH = 6


class Encoder:
    """Takes in judged batches. Not shared between threads.

    `flush(encoder, part)` empties a partition's raw rows; it may raise whatever storing them raises.
    """

    def __init__(  # noqa: PLR0913 - each is a plain number of its own
        self, flush: Flush, *, thread: int, secret: NDArray[np.uint64], bits: int, parts: int, room: int
    ) -> None:
        """Prepare tables for `parts` partitions, 2^bits to a pool; raw rows may take `room` bytes."""
        self.flush = flush
        self.thread = thread
        self.secret = secret
        self.bits, self.room = bits, room
        self.table = KeyTable(FIRST_ARTISTS)
        self.block = (
            np.empty(hashing.BLOCK, dtype=np.int64),
            np.empty((hashing.BLOCK, 2), dtype=np.uint64),
            np.empty((hashing.BLOCK, 2), dtype=np.uint64),
            np.empty((hashing.BLOCK, 4), dtype=np.int64),
        )
        self.ids: list[pa.Array] = []
        self.id_bytes = 0
        self.sums = [0, 0, 0]
        """Amount, plays and ms of what was taken in, exactly."""
        self.has_ms = False
        self.make_room(parts)

    def make_room(self, parts: int) -> None:
        """Make empty room for raw rows, as many per partition as allowed."""
        rows = max(1, min(MOST_ROWS, self.room // (8 * WIDTH * parts)))
        self.raw = np.empty((parts, rows, WIDTH), dtype=np.uint64)
        self.fill = np.zeros(parts, dtype=np.int64)

    @property
    def held(self) -> int:
        """Bytes held."""
        return int(self.raw.nbytes + self.table.nbytes + self.id_bytes)

    def take_in(self, listens: Listens) -> None:
        """Take in a batch.

        Raises:
            ValueError: a used row has a negative amount, plays or ms: not what judging gives.

        """
        rows = len(listens.used)
        if rows == 0:
            return
        self.has_ms |= listens.ms is not None
        if listens.pool is not None:
            pools = int(listens.pool.max()) + 1
            if pools << self.bits > len(self.fill):
                self.flush_all()
                self.make_room(pools << self.bits)
        user, artist = Column.of(listens.user), Column.of(listens.artist)
        arrays: list[NDArray[np.generic] | None] = [
            np.ascontiguousarray(listens.used, dtype=np.bool_),
            *(flat(x) for x in (listens.amount, listens.plays, listens.ms)),
            None if listens.pool is None else np.ascontiguousarray(listens.pool, dtype=np.uint32),
        ]
        inputs = np.array([0 if x is None else x.ctypes.data for x in arrays], dtype=np.int64)
        fresh = np.empty(rows, dtype=np.int64)
        state = np.zeros(kernel.STATE, dtype=np.int64)
        state[kernel.ARTISTS] = self.table.count
        while True:
            kernel.encode(
                rows, user.described, artist.described, inputs, self.secret, self.block, self.table.slots,
                self.table.keys, fresh, self.raw, self.fill, self.bits, state,
            )  # fmt: skip
            self.table.count = int(state[kernel.ARTISTS])
            if state[kernel.STOP] == kernel.DONE:
                break
            if state[kernel.STOP] == kernel.FULL:
                self.flush(self, int(state[kernel.PART]))
            else:
                self.table.grow()
        if state[kernel.FRESH]:
            self.ids.append(ids_as_text(listens.artist, fresh[: state[kernel.FRESH]]))
            self.id_bytes += self.ids[-1].nbytes
        self.add_up(listens.used, arrays[1:4], state)

    def add_up(self, used: NDArray[np.bool_], arrays: list[NDArray[np.generic] | None], state: Ints) -> None:
        """Add this batch to the exact totals; where its own sums may have wrapped, add it up again in full."""
        for i, values in enumerate(arrays):
            total, bits = int(state[kernel.AMOUNT + i]), int(state[kernel.AMOUNT_BITS + i])
            if bits < 0:
                message = "a judged row has a negative amount, plays or ms"
                raise ValueError(message)
            if values is not None and int(state[kernel.ROWS]) * bits >= LARGEST:
                total = sum(values[used].tolist())
            self.sums[i] += total

    def flush_all(self) -> None:
        """Empty all raw rows."""
        for part in np.flatnonzero(self.fill).tolist():
            self.flush(self, part)

    def let_go(self) -> tuple[KeyTable, list[pa.Array]]:
        """Hand over the artist table and the ids in it, large_string, in code order; nothing is held any more."""
        table, ids = self.table, self.ids
        self.table, self.ids, self.id_bytes = KeyTable(), [], 0
        return table, ids

    def close(self) -> None:
        """Empty all raw rows and let go of their room."""
        self.flush_all()
        self.raw = self.raw[:0]


def flat(values: Ints | None) -> Ints | None:
    """Return values as kernels read them."""
    return None if values is None else np.ascontiguousarray(values, dtype=np.int64)


if TYPE_CHECKING:
    Flush = Callable[[Encoder, int], None]
