"""The month of one pool, held by the local engine: what rules see of it."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fairpay.engine.walker import Tally
from fairpay.rules.core.month import Users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from fairpay.engine.artists import Artists, Facts
    from fairpay.engine.redivided import Redivided
    from fairpay.engine.settled import Settled
    from fairpay.engine.walker import Desk
    from fairpay.kernels.arrays import Codes, Ints
    from fairpay.rules.core.month import Facts as MonthFacts
    from fairpay.rules.core.usage import Usage

__all__ = ["Listening", "LocalMonth"]

T = TypeVar("T")


class Listening:
    """The rows of one pool, merged into users at the first walk and kept so for the next ones."""

    redivided = False
    more_dropped = 0
    """Rows left out that nobody took in; see `Redivided`."""

    def __init__(self, parts: Sequence[Settled], artists: Artists, desk: Desk, *, threads: int) -> None:
        """Take over settled partitions."""
        self.parts = [part for part in parts if part.payers.users]
        self.artists = artists
        self.desk = desk
        self.threads = max(1, min(threads, len(self.parts)))
        self.tallies: list[Tally] = []
        self.idle: list[Tally] = []
        self.remap: tuple[Codes, ...] | None = None
        self.lock = Lock()

    def visit(self, part: Settled, function: Callable[[Usage], T]) -> T:
        """Bring one partition's users up and hand them over."""
        with self.desk.walker() as walker:
            with part.lock:
                usage = None
                if part.block is None:
                    with self.tally() as tally:
                        usage = walker.merge(part, self.positions(), tally)
                    walker.keep(part, usage)
            assert part.block is not None
            return function(usage or walker.again(part, part.block))

    @contextmanager
    def tally(self) -> Iterator[Tally]:
        """Lend a thread what it counts in."""
        with self.lock:
            if not self.idle:
                self.idle.append(Tally(self.artists.count, facts=self.artists.facts is None))
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
        yield from self.on_threads(function)
        with self.lock:
            self.remap = None
            if self.merged:
                self.artists.forget()

    def on_threads(self, function: Callable[[Usage], T]) -> Iterator[T]:
        """Visit the partitions, a few ahead of whoever takes the results."""
        if self.threads == 1:
            for part in self.parts:
                yield self.visit(part, function)
            return
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

    @property
    def merged(self) -> bool:
        """Whether every row has been walked."""
        return all(part.block is not None for part in self.parts)

    def merge(self) -> None:
        """Walk what has not been walked yet, for what is counted on the way."""
        if not self.merged:
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
        if self.artists.facts is not None:
            return self.artists.facts
        self.merge()
        total = self.artists.besides()
        for tally in self.tallies:
            assert tally.facts is not None
            total += tally.facts
        amount, plays, ms = (np.ascontiguousarray(total[:, k]) for k in range(3))
        return amount, plays, ms

    def release(self) -> None:
        """Let go of everything."""
        spool = self.desk.spool
        spool.charge(-sum(part.held for part in self.parts))
        self.parts, self.tallies, self.idle = [], [], []
        self.artists.forget()


class LocalMonth:
    """A `month.Month` over the local engine's partitions."""

    def __init__(self, listening: Listening | Redivided, facts: MonthFacts) -> None:
        """Bind the listening to what is known of the money."""
        self.listening = listening
        self.known = facts

    @property
    def facts(self) -> MonthFacts:
        """Totals of the whole month."""
        return self.known

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]: listening of each artist, in the measure."""
        return self.listening.facts[0]

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]: distinct users of each artist."""
        return self.listening.listeners()

    def each(self, visit: Callable[[Usage], T]) -> Iterator[T]:
        """Call `visit` with each block, on threads; yield the results. A block's arrays live only during the call."""
        return self.listening.walk(visit)

    def each_users(self, visit: Callable[[Users], T]) -> Iterator[T]:
        """The same without artists."""
        for part in self.listening.parts:
            fee, total, plays = self.listening.desk.spool.load(part.facts)
            yield visit(Users(fee, total, plays))

    def gather(self, visit: Callable[[Usage, Ints], None], *, rows: int) -> Ints:
        """Call `visit(block, out)` with each block, `out` being the thread's int64[rows, artists]; return the sum."""
        total = np.zeros((rows, self.known.artists), dtype=np.int64)
        idle = [total]
        others: list[Ints] = []
        lock = Lock()

        def add(usage: Usage) -> None:
            with lock:
                out = idle.pop() if idle else None
            if out is None:
                out = np.zeros_like(total)
                others.append(out)
            visit(usage, out)
            with lock:
                idle.append(out)

        deque(self.listening.walk(add), maxlen=0)
        for other in others:
            total += other
        return total
