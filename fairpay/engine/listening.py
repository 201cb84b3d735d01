"""The rows and the artists of one pool: rows merged into users at the first walk, walked as often as rules need."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from fairpay.engine.keys import Artists, KeyTable, order_of
from fairpay.engine.partition import Block
from fairpay.kernels import partition as kernel
from fairpay.rules.core.month import Scratch, Usage, Users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from fairpay.engine.encoder import Encoder
    from fairpay.engine.partition import Settled
    from fairpay.engine.protocol import Facts
    from fairpay.engine.spool import Spool
    from fairpay.kernels.arrays import Codes, Ints

__all__ = ["AllArtists", "ArtistTable", "LocalListening", "Walker", "merge"]

T = TypeVar("T")
MARKS = 2**32
NO_CODES = np.empty(0, dtype=np.uint32)


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


class ArtistTable(Artists):
    """The artists of one pool, found in its own rows when they are first needed. A smaller code is a smaller id."""

    def __init__(self, everybody: AllArtists, parts: Sequence[Settled], spool: Spool) -> None:
        """Take the pool's partitions; they must not be walked before `places` is known."""
        super().__init__(everybody.ids)
        self.everybody, self.parts, self.spool = everybody, parts, spool

    @cached_property
    def places(self) -> Codes:
        """uint32[artists]: positions among the artists of all pools, ascending."""
        codes = self.everybody.codes
        seen = [np.zeros(len(mine), dtype=np.bool_) for mine in codes]
        for chunk in (chunk for part in self.parts for chunk in part.chunks):
            kernel.mark_artists(chunk.rows.load(self.spool), chunk.rows.count, seen[chunk.thread])
        found: NDArray[np.bool_] = np.zeros(len(self.everybody.ids), dtype=np.bool_)
        for mine, marked in zip(codes, seen, strict=True):
            found[mine[marked]] = True
        return np.flatnonzero(found).astype(np.uint32)

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
        if self.count == len(self.everybody.ids):
            return self.everybody.codes
        place = np.zeros(len(self.everybody.ids), dtype=np.uint32)
        place[self.places] = np.arange(self.count, dtype=np.uint32)
        return tuple(place[mine] for mine in self.everybody.codes)


def merge(encoders: Sequence[Encoder]) -> AllArtists:
    """Merge the threads' artist tables, letting go of each, and sort by id."""
    codes, merged = united(encoders)
    order = order_of(merged)
    place = np.empty(len(order), dtype=np.uint32)
    place[order] = np.arange(len(order), dtype=np.uint32)
    merged = merged.take(pa.array(order))
    return AllArtists(merged, tuple(place[codes[thread]] for thread in sorted(codes)), Names(merged))


def united(encoders: Sequence[Encoder]) -> tuple[dict[int, Codes], pa.Array]:
    """Enter all artists into the largest table; return each thread's codes in it, and the ids, large_string[all]."""
    table = KeyTable()
    codes: dict[int, Codes] = {}
    ids: list[pa.Array] = []
    for encoder in sorted(encoders, key=lambda encoder: -encoder.table.count):
        mine, named = encoder.let_go()
        if codes:
            before = table.count
            codes[encoder.thread] = table.enter(mine.keys[: mine.count])
            named = pa.chunked_array(named, pa.large_string()).filter(pa.array(codes[encoder.thread] >= before)).chunks
        else:
            table, codes[encoder.thread] = mine, np.arange(mine.count, dtype=np.uint32)
        ids += named
    return codes, pa.chunked_array(ids, pa.large_string()).combine_chunks()


class ArtistTally(NamedTuple):
    """What one thread counts of a pool's artists while it merges rows."""

    listeners: Ints
    """int64[artists]."""
    facts: Ints
    """int64[artists, 3]: amount, plays, ms."""

    @classmethod
    def of(cls, artists: int) -> ArtistTally:
        """Begin at nothing."""
        return cls(np.zeros(artists, dtype=np.int64), np.zeros((artists, 3), dtype=np.int64))


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
        fee, total, plays, *groups = self.spool.load(settled.facts)
        return Usage(start, artist, amount, fee, total, plays, groups=tuple(groups))

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

    def __init__(
        self, parts: Sequence[Settled], artists: ArtistTable, spool: Spool, walkers: Scratch[Walker], *, threads: int
    ) -> None:
        """Take over settled partitions."""
        self.parts = [part for part in parts if part.payers.users]
        self.bare = [part for part in parts if part.chunks and not part.payers.users]
        """Those with rows, but none with listening: rules do not see them."""
        self.artists = artists
        self.spool, self.walkers = spool, walkers
        self.threads = max(1, min(threads, len(self.parts)))
        self.tallies = Scratch(lambda: ArtistTally.of(artists.count))
        self.counted: tuple[Ints, Facts] | None = None
        self.remap: tuple[Codes, ...] | None = None
        self.lock = Lock()

    def visit(self, part: Settled, function: Callable[[Usage], T]) -> T:
        """Bring one partition's users up and hand them over."""
        with self.walkers.one() as walker:
            with part.lock:
                usage = None
                if part.block is None:
                    with self.tallies.one() as tally:
                        usage = walker.merge(part, self.positions(), tally)
                    walker.keep(part, usage)
            assert part.block is not None
            return function(usage or walker.again(part, part.block))

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
        self.counts()

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
            fee, total, plays, *_ = self.spool.load(part.facts)
            yield Users(fee, total, plays)

    def merge(self) -> None:
        """Walk what has not been walked yet, for what is counted on the way."""
        if self.bare or any(part.block is None for part in self.parts):
            deque(self.walk(lambda _: None), maxlen=0)

    def listeners(self) -> Ints:
        """Count distinct users of each artist."""
        return self.counts()[0]

    @property
    def facts(self) -> Facts:
        """Amount, plays and ms of each artist."""
        return self.counts()[1]

    def counts(self) -> tuple[Ints, Facts]:
        """Add up what threads counted while they merged rows, and let go of it."""
        self.merge()
        with self.lock:
            if self.counted is None:
                tallies = self.tallies.all or [ArtistTally.of(self.artists.count)]
                self.tallies.all, self.tallies.idle = [], []
                listeners, facts = tallies.pop()
                while tallies:
                    more = tallies.pop()
                    listeners += more.listeners
                    facts += more.facts
                    del more  # not held while columns are copied
                amount, plays, ms = (np.ascontiguousarray(facts[:, k]) for k in range(3))
                self.counted = listeners, (amount, plays, ms)
            return self.counted

    def release(self) -> None:
        """Let go of everything."""
        self.spool.charge(-sum(part.held for part in self.parts))
        self.parts, self.tallies.all, self.tallies.idle, self.counted = [], [], [], None
