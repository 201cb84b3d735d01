"""The rows and the artists of one pool: rows merged into users at the first walk, walked as often as rules need."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa

from fairpay.engine.keys import KeyTable, order_of
from fairpay.kernels import partition as kernel
from fairpay.rules.core.month import Scratch, Usage, Users, totals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from numpy.typing import NDArray

    from fairpay.engine.encoder import Encoder
    from fairpay.engine.partition import Settled
    from fairpay.engine.spool import Kept, Spool
    from fairpay.kernels.arrays import Codes, Ints
    from fairpay.rules.core.month import Totals

__all__ = ["AllArtists", "LocalListening", "Walker", "merge"]

T = TypeVar("T")
MARKS = 2**32
NO_CODES = np.empty(0, dtype=np.uint32)


class AllArtists:
    """The artists of all pools; their ids as text are made when they are first used, for many pools have the same."""

    def __init__(self, ids: pa.Array, codes: tuple[Codes, ...]) -> None:
        """Take large_string[all], sorted by bytes, and for each thread: its artist code -> position in `ids`."""
        self.ids, self.codes = ids, codes
        self.made = np.zeros(len(ids), dtype=np.bool_)
        self.text = np.empty(len(ids), dtype=np.object_)

    def names(self, places: Codes) -> list[str]:
        """Return the ids at some positions. Two threads may make the same text; either is kept."""
        missing = places[~self.made[places]]
        self.text[missing] = np.array(self.ids.take(pa.array(missing)).to_pylist(), dtype=np.object_)
        self.made[missing] = True
        names: list[str] = self.text[places].tolist()
        return names


def merge(encoders: Sequence[Encoder]) -> AllArtists:
    """Merge the threads' artist tables, letting go of each, and sort by id."""
    codes, merged = united(encoders)
    order = order_of(merged)
    place = np.empty(len(order), dtype=np.uint32)
    place[order] = np.arange(len(order), dtype=np.uint32)
    return AllArtists(merged.take(pa.array(order)), tuple(place[codes[thread]] for thread in sorted(codes)))


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

    def merge(self, settled: Settled, remap: Sequence[Codes], listeners: Ints, facts: Ints) -> Usage:
        """Turn rows into users, for the first time; the block's arrays live until the next call.

        Adds to int64[artists] how many listeners each has, and to int64[artists, 3] amount, plays and ms.
        """
        rows = self.spool.load(settled.rows)
        at = np.cumsum(rows) - rows
        self.make_room(int(rows.sum()))
        tables = [self.spool.load(codes) for codes in settled.codes]
        for chunk in settled.chunks:
            kernel.spread(
                chunk.rows.load(self.spool), chunk.detail.load(self.spool), chunk.rows.count,
                tables[chunk.table] if tables else NO_CODES, remap[chunk.thread], at, self.artist, self.amount, facts,
            )  # fmt: skip
        self.mark(len(rows), min(int(rows.max(initial=0)), len(listeners)))
        start = np.empty(settled.payers.users + 1, dtype=np.int64)
        entries = kernel.aggregate(rows, at, self.artist, self.amount, self.places, self.marked, listeners, start)
        self.marked += len(rows)
        return self.usage(settled, start, self.artist[:entries], self.amount[:entries])

    def again(self, settled: Settled, block: tuple[Kept, Kept, Kept]) -> Usage:
        """Return the users of a partition merged before."""
        start, artist, amount = map(self.spool.load, block)
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
        start, artist, amount = usage.start, usage.artist.copy(), usage.amount.astype(np.uint32 if small else np.int64)
        settled.block = start, artist, amount
        if self.spool.charge(start.nbytes + artist.nbytes + amount.nbytes - before):
            settled.block = self.spool.store(start), self.spool.store(artist), self.spool.store(amount)


class LocalListening:
    """The plays of one pool, as `pool.Listening`. Its artists are found in its own rows, when they are first needed."""

    redivided = False
    more_dropped = 0

    def __init__(
        self, parts: Sequence[Settled], everybody: AllArtists, spool: Spool, walkers: Scratch[Walker], *, threads: int
    ) -> None:
        """Take over settled partitions."""
        self.all = parts
        self.parts = [part for part in parts if part.payers.users]
        self.bare = [part for part in parts if part.chunks and not part.payers.users]
        """Those with rows, but none with listening: rules do not see them."""
        self.everybody = everybody
        self.spool, self.walkers = spool, walkers
        self.threads = max(1, min(threads, len(self.parts)))
        self.tallies = Scratch(self.nothing)
        self.counted: tuple[Ints, tuple[Ints, Ints, Ints]] | None = None
        self.remap: tuple[Codes, ...] | None = None
        self.lock = Lock()

    def nothing(self) -> tuple[Ints, Ints]:
        """Begin what one thread counts of artists while it merges rows, see `Walker.merge`."""
        return np.zeros(self.artists, dtype=np.int64), np.zeros((self.artists, 3), dtype=np.int64)

    @cached_property
    def places(self) -> Codes:
        """uint32[artists]: positions among the artists of all pools, ascending; to be known before any walk."""
        codes = self.everybody.codes
        seen = [np.zeros(len(mine), dtype=np.bool_) for mine in codes]
        for chunk in (chunk for part in self.all for chunk in part.chunks):
            kernel.mark_artists(chunk.rows.load(self.spool), chunk.rows.count, seen[chunk.thread])
        self.all = ()
        found: NDArray[np.bool_] = np.zeros(len(self.everybody.ids), dtype=np.bool_)
        for mine, marked in zip(codes, seen, strict=True):
            found[mine[marked]] = True
        return np.flatnonzero(found).astype(np.uint32)

    @property
    def artists(self) -> int:
        """How many there are."""
        return len(self.places)

    @property
    def artist(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        ids = self.everybody.ids
        return ids if self.artists == len(ids) else ids.take(pa.array(self.places))

    def names(self, places: Ints) -> list[str]:
        """Ids of some artists: int64[n] positions."""
        return self.everybody.names(self.places[places])

    def visit(self, part: Settled, function: Callable[[Usage], T]) -> T:
        """Bring one partition's users up and hand them over."""
        with self.walkers.one() as walker:
            with part.lock:
                usage = None
                if part.block is None:
                    with self.tallies.one() as tally:
                        usage = walker.merge(part, self.positions(), *tally)
                    walker.keep(part, usage)
            assert part.block is not None
            return function(usage or walker.again(part, part.block))

    def positions(self) -> tuple[Codes, ...]:
        """Return for each thread: its artist code -> artist of this pool, for codes that it has; once for a walk."""
        with self.lock:
            if self.remap is None:
                everybody, place = self.everybody, np.zeros(len(self.everybody.ids), dtype=np.uint32)
                place[self.places] = np.arange(self.artists, dtype=np.uint32)
                every = self.artists == len(place)
                self.remap = everybody.codes if every else tuple(place[mine] for mine in everybody.codes)
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

    def gather(self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int) -> tuple[Ints, Totals]:
        """Call `visit(block, out)` with each block, `out` being the thread's int64[rows, columns]; return the sums."""
        scratch = Scratch(lambda: np.zeros((rows, columns), dtype=np.int64))

        def add(usage: Usage) -> Totals | None:
            with scratch.one() as out:
                return visit(usage, out)

        totals = totals_of(self.walk(add))
        total, *others = scratch.all or [scratch.make()]
        for other in others:
            total += other
        return total, totals

    def users(self) -> Iterator[Users]:
        """Yield the users of every block without their artists."""
        for part in self.parts:
            fee, total, plays, *_ = self.spool.load(part.facts)
            yield Users(fee, total, plays)

    @property
    def listeners(self) -> Ints:
        """int64[artists]: distinct users."""
        return self.counts()[0]

    @property
    def facts(self) -> tuple[Ints, Ints, Ints]:
        """int64[artists] each: amount, plays, ms."""
        return self.counts()[1]

    def counts(self) -> tuple[Ints, tuple[Ints, Ints, Ints]]:
        """Add up what threads counted while they merged rows, and let go of it; walk what has not been walked yet."""
        if self.bare or any(part.block is None for part in self.parts):
            deque(self.walk(lambda _: None), maxlen=0)
        with self.lock:
            if self.counted is None:
                tallies = self.tallies.all or [self.nothing()]
                self.tallies.all, self.tallies.idle = [], []
                listeners, facts = tallies.pop()
                while tallies:
                    more = tallies.pop()
                    listeners += more[0]
                    facts += more[1]
                    del more  # not held while columns are copied
                amount, plays, ms = (np.ascontiguousarray(facts[:, k]) for k in range(3))
                self.counted = listeners, (amount, plays, ms)
            return self.counted

    def release(self) -> None:
        """Let go of everything."""
        self.spool.charge(-sum(part.held for part in self.parts))
        self.parts, self.tallies.all, self.tallies.idle, self.counted = [], [], [], None
