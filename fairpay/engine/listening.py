"""The rows of one pool: merged into users at the first walk, walked by threads as often as rules need."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from fairpay.engine.partition import Block
from fairpay.kernels import partition as kernel
from fairpay.rules.core.month import Usage, Users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from fairpay.engine.artists import ArtistTable
    from fairpay.engine.partition import Settled
    from fairpay.engine.protocol import Facts
    from fairpay.engine.spool import Spool
    from fairpay.kernels.arrays import Codes, Ints

__all__ = ["LocalListening", "Walkers"]

T = TypeVar("T")
MARKS = 2**32
NO_CODES = np.empty(0, dtype=np.uint32)


class ArtistTally:
    """What one thread counts of a pool's artists while it merges rows."""

    def __init__(self, artists: int) -> None:
        """Begin at nothing."""
        self.listeners: Ints = np.zeros(artists, dtype=np.int64)
        self.facts: Ints = np.zeros((artists, 3), dtype=np.int64)


class Walkers:
    """The walkers of an engine, one for each thread that walks, whatever pool."""

    def __init__(self, spool: Spool) -> None:
        """Nobody has walked yet."""
        self.spool = spool
        self.idle: list[Walker] = []

    @contextmanager
    def walker(self) -> Iterator[Walker]:
        """Give a thread its scratch; `append` and `pop` of a list cannot be cut in two."""
        try:
            walker = self.idle.pop()
        except IndexError:
            walker = Walker(self.spool)
        try:
            yield walker
        finally:
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

    def merge(self, settled: Settled, remap: Sequence[Codes], tally: ArtistTally) -> Usage:
        """Turn rows into users, for the first time; the block's arrays live until the next call."""
        rows = self.spool.load(settled.rows)
        at = np.cumsum(rows) - rows
        self.make_room(int(rows.sum()))
        tables = [self.spool.load(codes) for codes in settled.codes]
        for chunk in settled.chunks:
            kernel.spread(
                chunk.rows.load(self.spool), chunk.detail.load(self.spool), chunk.rows.count,
                tables[chunk.table] if tables else NO_CODES, remap[chunk.thread], at, self.artist, self.amount,
                tally.facts,
            )  # fmt: skip
        self.mark(len(rows), min(int(rows.max(initial=0)), len(tally.listeners)))
        start = np.empty(settled.payers.users + 1, dtype=np.int64)
        entries = kernel.aggregate(rows, at, self.artist, self.amount, self.places, self.marked, tally.listeners, start)
        self.marked += len(rows)
        return self.usage(settled, start, self.artist[:entries], self.amount[:entries])

    def again(self, settled: Settled, block: Block) -> Usage:
        """Return the users of a partition merged before."""
        start, artist, amount = (self.spool.load(x) for x in (block.start, block.artist, block.amount))
        return self.usage(settled, start, artist, amount.astype(np.int64, copy=False))

    def usage(self, settled: Settled, start: Ints, artist: Codes, amount: Ints) -> Usage:
        """Put a block together."""
        fee, total, plays = self.spool.load(settled.facts)
        return Usage(start, artist, amount, fee, total, plays)

    def keep(self, settled: Settled, usage: Usage) -> None:
        """Keep a block's entries in place of its rows, in as few bytes as they need."""
        before = sum(chunk.held for chunk in settled.chunks)
        settled.chunks, settled.codes = [], []
        small = usage.amount.max(initial=0) < MARKS
        kept: list[NDArray[Any]] = [usage.start, usage.artist.copy(), usage.amount.astype(np.uint32 if small else int)]
        if self.spool.charge(sum(x.nbytes for x in kept) - before):
            settled.block = Block(*(self.spool.store(x) for x in kept))
        else:
            settled.block = Block(*kept)


class LocalListening:
    """The plays of one pool, as `protocol.Listening`."""

    redivided = False
    more_dropped = 0

    def __init__(self, parts: Sequence[Settled], artists: ArtistTable, walkers: Walkers, *, threads: int) -> None:
        """Take over settled partitions."""
        self.parts = [part for part in parts if part.payers.users]
        self.bare = [part for part in parts if part.chunks and not part.payers.users]
        """Those with rows, but none with listening: rules do not see them."""
        self.artists = artists
        self.walkers = walkers
        self.threads = max(1, min(threads, len(self.parts)))
        self.tallies: list[ArtistTally] = []
        self.idle: list[ArtistTally] = []
        self.remap: tuple[Codes, ...] | None = None
        self.lock = Lock()

    def visit(self, part: Settled, function: Callable[[Usage], T]) -> T:
        """Bring one partition's users up and hand them over."""
        with self.walkers.walker() as walker:
            with part.lock:
                usage = None
                if part.block is None:
                    with self.tally() as tally:
                        usage = walker.merge(part, self.positions(), tally)
                    walker.keep(part, usage)
            assert part.block is not None
            return function(usage or walker.again(part, part.block))

    @contextmanager
    def tally(self) -> Iterator[ArtistTally]:
        """Give a thread what it counts in."""
        with self.lock:
            if not self.idle:
                self.idle.append(ArtistTally(self.artists.count))
                self.tallies.append(self.idle[-1])
            tally = self.idle.pop()
        try:
            yield tally
        finally:
            with self.lock:
                self.idle.append(tally)

    def positions(self) -> tuple[Codes, ...]:
        """Return how the threads' artist codes read in this pool; worked out once for a walk."""
        with self.lock:
            if self.remap is None:
                self.remap = self.artists.remap()
            return self.remap

    def walk(self, function: Callable[[Usage], T]) -> Iterator[T]:
        """Hand every block over, on threads; yield the results as they come."""
        while self.bare:
            self.visit(self.bare.pop(), lambda _: None)
        if self.threads == 1:
            for part in self.parts:
                yield self.visit(part, function)
        else:
            yield from self.on_threads(function)
        self.remap = None

    def on_threads(self, function: Callable[[Usage], T]) -> Iterator[T]:
        """Visit the partitions, a few ahead of whoever takes the results."""
        pool = ThreadPoolExecutor(self.threads)
        try:
            running: deque[Future[T]] = deque()
            for part in self.parts:
                running.append(pool.submit(self.visit, part, function))
                if len(running) > 2 * self.threads:
                    yield running.popleft().result()
            while running:
                yield running.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def users(self) -> Iterator[Users]:
        """Yield the users of every block without their artists."""
        for part in self.parts:
            fee, total, plays = self.walkers.spool.load(part.facts)
            yield Users(fee, total, plays)

    def merge(self) -> None:
        """Walk what has not been walked yet, for what is counted on the way."""
        if self.bare or any(part.block is None for part in self.parts):
            deque(self.walk(lambda _: None), maxlen=0)

    def listeners(self) -> Ints:
        """Count distinct users of each artist."""
        self.merge()
        total = np.zeros(self.artists.count, dtype=np.int64)
        for tally in self.tallies:
            total += tally.listeners
        return total

    @cached_property
    def facts(self) -> Facts:
        """Amount, plays and ms of each artist."""
        self.merge()
        total = np.zeros((self.artists.count, 3), dtype=np.int64)
        for tally in self.tallies:
            total += tally.facts
        amount, plays, ms = (np.ascontiguousarray(total[:, k]) for k in range(3))
        return amount, plays, ms

    def release(self) -> None:
        """Let go of everything."""
        self.walkers.spool.charge(-sum(part.held for part in self.parts))
        self.parts, self.tallies, self.idle = [], [], []
