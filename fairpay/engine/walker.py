"""One thread's room for turning a partition's rows into a block of users, and what it counts on the way."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.kernels import partition as kernel
from fairpay.rules.core.usage import Usage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fairpay.engine.partition import Chunk
    from fairpay.engine.settled import Settled
    from fairpay.engine.spool import Kept, Spool
    from fairpay.kernels.arrays import Codes, Ints

__all__ = ["Block", "Desk", "Tally", "Walker"]

MARKS = 2**32
NO_CODES = np.empty(0, dtype=np.uint32)
NO_DETAIL = np.empty((0, 2), dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Block:
    """A partition whose rows have been merged, as it is kept between walks."""

    start: Kept
    """int64[users + 1]."""
    artist: Kept
    """uint32[entries]."""
    amount: Kept
    """uint32[entries] where every amount fits, else int64."""


class Tally:
    """What one thread counts of a pool's artists while it merges rows."""

    def __init__(self, artists: int, *, facts: bool) -> None:
        """Begin at nothing; `facts`: whether amount, plays and ms are to be added up too."""
        self.listeners: Ints = np.zeros(artists, dtype=np.int64)
        self.facts: Ints | None = np.zeros((artists, 3), dtype=np.int64) if facts else None

    def add(self, chunk: Chunk, packed: NDArray[np.uint64], remap: Codes, spool: Spool) -> None:
        """Add the rows of a chunk, unless they were added up while they were taken in."""
        if self.facts is not None and chunk.kind != kernel.COUNTED:
            from fairpay.kernels import rosters  # noqa: PLC0415 - of several pools only

            own = NO_DETAIL if chunk.own is None else spool.load(chunk.own)
            rosters.add_facts(packed, chunk.rows, chunk.bits, remap, chunk.kind, own, self.facts)


class Desk:
    """Where threads find a walker, whatever pool they walk."""

    def __init__(self, spool: Spool) -> None:
        """Nobody has walked yet."""
        self.spool = spool
        self.idle: list[Walker] = []
        self.lock = Lock()

    @contextmanager
    def walker(self) -> Iterator[Walker]:
        """Lend a thread its scratch."""
        with self.lock:
            walker = self.idle.pop() if self.idle else Walker(self.spool)
        try:
            yield walker
        finally:
            with self.lock:
                self.idle.append(walker)


class Walker:
    """Scratch that is used again for every partition. Not shared between threads."""

    def __init__(self, spool: Spool) -> None:
        """Prepare."""
        self.spool = spool
        self.artist: Codes = np.empty(0, dtype=np.uint32)
        self.amount: Ints = np.empty(0, dtype=np.int64)
        self.places = np.zeros(4, dtype=np.uint64)
        self.marked = 0

    def make_room(self, rows: int) -> None:
        """Have room for that many rows."""
        if rows > len(self.artist):
            self.artist = np.empty(rows + rows // 4, dtype=np.uint32)
            self.amount = np.empty(rows + rows // 4, dtype=np.int64)

    def mark(self, users: int, most_entries: int) -> None:
        """Have a place table large enough, and marks that were not used before."""
        size: int = 2 ** max(2, (2 * most_entries - 1).bit_length())
        if size > len(self.places) or self.marked + users >= MARKS - 1:
            self.places = np.zeros(max(size, len(self.places)), dtype=np.uint64)
            self.marked = 0

    def merge(self, settled: Settled, remap: Sequence[Codes], tally: Tally) -> Usage:
        """Turn rows into users, for the first time; the block's arrays live until the next call."""
        rows = self.spool.load(settled.rows)
        at = np.cumsum(rows) - rows
        self.make_room(int(rows.sum()))
        tables = [self.spool.load(codes) for codes in settled.codes] or [NO_CODES]
        for chunk in settled.chunks:
            whose = tables[chunk.table] if settled.codes else NO_CODES
            packed = self.spool.load(chunk.packed)
            kernel.spread(packed, chunk.rows, chunk.bits, whose, remap[chunk.thread], at, self.artist, self.amount)
            tally.add(chunk, packed, remap[chunk.thread], self.spool)
        self.mark(len(rows), min(int(rows.max(initial=0)), len(tally.listeners)))
        start = np.empty(settled.payers.users + 1, dtype=np.int64)
        entries = kernel.aggregate(rows, at, self.artist, self.amount, self.places, self.marked, tally.listeners, start)
        self.marked += len(rows)
        return self.usage(settled, start, self.artist[:entries], self.amount[:entries])

    def again(self, settled: Settled, block: Block) -> Usage:
        """Return the users of a partition merged before."""
        start, artist, amount = (self.spool.load(x) for x in (block.start, block.artist, block.amount))
        if amount.dtype != np.int64:
            self.make_room(len(amount))
            wide = self.amount[: len(amount)]
            wide[:] = amount
            amount = wide
        return self.usage(settled, start, artist, amount)

    def usage(self, settled: Settled, start: Ints, artist: Codes, amount: Ints) -> Usage:
        """Put a block together."""
        fee, total, plays = self.spool.load(settled.facts)
        return Usage(start, artist, amount, fee, total, plays)

    def keep(self, settled: Settled, usage: Usage) -> None:
        """Keep a block's entries in place of its rows, in as few bytes as they need."""
        before = sum(chunk.held for chunk in settled.chunks)
        settled.chunks, settled.codes = [], []
        small = usage.amount.max(initial=0) < MARKS
        kept: list[NDArray[Any]] = [
            usage.start,
            usage.artist.copy(),
            usage.amount.astype(np.uint32) if small else usage.amount.copy(),
        ]
        if self.spool.charge(sum(x.nbytes for x in kept) - before):
            settled.block = Block(*(self.spool.store(x) for x in kept))
        else:
            settled.block = Block(*kept)
