"""The artists of one pool among several: found in the pool's own rows, when somebody asks."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.kernels import rosters as kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.engine.artists import Everybody
    from fairpay.engine.partition import Chunk
    from fairpay.engine.settled import Settled
    from fairpay.engine.spool import Spool
    from fairpay.kernels.arrays import Codes, Ints

__all__ = ["Roster"]

WORD_BITS = 64


class Roster:
    """Who is in a pool, as `artists.Artists`. What they add up to is known once the rows have been walked.

    Nothing here is as large as the artists of all pools but three bitmaps, until `forget`, and what `remap` returns.
    """

    def __init__(self, everybody: Everybody, parts: Sequence[Settled], spool: Spool, *, counted: Ints | None) -> None:
        """Take the pool's partitions, and int64[everybody, 3] of rows that were added up on the way, if any were."""
        self.everybody = everybody
        self.parts = parts
        self.spool = spool
        self.counted = counted
        self.idle = [(chunk.thread, chunk.idle) for part in parts for chunk in part.chunks if chunk.idle is not None]
        self.who: Codes | None = None
        self.seen: tuple[NDArray[np.uint64], ...] = ()
        self.everyone: NDArray[np.uint64] = bitmap(0)
        self.before: Codes = np.empty(0, dtype=np.uint32)
        self.lock = Lock()

    @property
    def facts(self) -> None:
        """Not known before a walk."""
        return

    @property
    def count(self) -> int:
        """How many artists there are."""
        return len(self.found())

    @property
    def ids(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        return self.everybody.ids.take(pa.array(self.found()))

    def some(self, places: Ints) -> list[str]:
        """Return the ids of int64[n] artists."""
        return self.everybody.names.at(self.found()[places])

    def found(self) -> Codes:
        """uint32[artists]: positions among everybody, ascending; looked for once."""
        with self.lock:
            if self.who is None:
                self.who = self.look()
            return self.who

    def look(self) -> Codes:
        """Go through the pool's rows."""
        seen = tuple(bitmap(len(place)) for place in self.everybody.codes)
        for part in self.parts:
            for chunk in part.chunks:
                self.look_at(chunk, seen[chunk.thread])
        everyone = bitmap(len(self.everybody.ids))
        for mine, place in zip(seen, self.everybody.codes, strict=True):
            kernel.enroll(mine, place, everyone)
        if self.counted is not None:
            kernel.see(np.flatnonzero(self.counted.any(axis=1)), everyone)
        before = np.empty(len(everyone), dtype=np.uint32)
        who = np.empty(kernel.number(everyone, before), dtype=np.uint32)
        kernel.members(everyone, who)
        self.seen, self.everyone, self.before = seen, everyone, before
        return who

    def look_at(self, chunk: Chunk, seen: NDArray[np.uint64]) -> None:
        """Add the artists of a chunk."""
        kernel.see_rows(self.spool.load(chunk.packed), chunk.rows, chunk.bits, seen)
        if chunk.idle is not None:
            kernel.see(self.spool.load(chunk.idle)[:, 0].copy(), seen)

    def remap(self) -> tuple[Codes, ...]:
        """Return for each thread: its artist code -> artist of this pool; anything for codes the pool does not have."""
        self.found()
        tables = tuple(np.empty(len(place), dtype=np.uint32) for place in self.everybody.codes)
        for seen, place, table in zip(self.seen, self.everybody.codes, tables, strict=True):
            kernel.positions(seen, place, self.everyone, self.before, table)
        return tables

    def besides(self) -> Ints:
        """int64[artists, 3]: what no walk meets: added up on the way, or plays and ms of rows without listening."""
        who = self.found()
        facts = np.zeros((len(who), 3), dtype=np.int64) if self.counted is None else self.counted[who]
        for thread, kept in self.idle:
            idle = self.spool.load(kept)
            np.add.at(facts[:, 1:], np.searchsorted(who, self.everybody.codes[thread][idle[:, 0]]), idle[:, 1:])
        return facts

    def forget(self) -> None:
        """Let go of the bitmaps: every row has been walked."""
        self.found()
        self.seen, self.everyone, self.before = (), bitmap(0), self.before[:0]


def bitmap(size: int) -> NDArray[np.uint64]:
    """Make a set with room for codes below `size`, empty."""
    return np.zeros(-(-size // WORD_BITS), dtype=np.uint64)
