"""The month of one pool, held by the local engine: what rules see of it."""

from __future__ import annotations

from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from fairpay.engines.walker import Walker
from fairpay.month import Users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from fairpay.engines.artists import Artists
    from fairpay.engines.settled import Settled
    from fairpay.engines.spool import Spool
    from fairpay.month import Facts
    from fairpay.usage import Codes, Ints, Usage

__all__ = ["Listening", "LocalMonth"]

T = TypeVar("T")


class Listening:
    """The rows of one pool, merged into users at the first walk and kept so for the next ones."""

    def __init__(self, parts: Sequence[Settled], artists: Artists, spool: Spool, *, threads: int) -> None:
        """Take over settled partitions."""
        self.parts = [part for part in parts if part.payers.users]
        self.artists = artists
        self.spool = spool
        self.threads = max(1, min(threads, len(self.parts)))
        self.walkers: list[Walker] = []
        self.idle: list[Walker] = []
        self.remap: tuple[Codes, ...] | None = None
        self.lock = Lock()

    @contextmanager
    def walker(self) -> Iterator[Walker]:
        """Lend a thread its scratch."""
        with self.lock:
            if not self.idle:
                self.idle.append(Walker(self.spool, len(self.artists.amount)))
                self.walkers.append(self.idle[-1])
            walker = self.idle.pop()
        try:
            yield walker
        finally:
            with self.lock:
                self.idle.append(walker)

    def visit(self, part: Settled, function: Callable[[Usage], T]) -> T:
        """Bring one partition's users up and hand them over."""
        with self.walker() as walker:
            with part.lock:
                usage = None
                if part.block is None:
                    usage = walker.merge(part, self.positions())
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
        yield from self.on_threads(function)
        with self.lock:
            self.remap = None

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

    def listeners(self) -> Ints:
        """Count distinct users of each artist; merges what has not been walked yet."""
        if any(part.block is None for part in self.parts):
            deque(self.walk(lambda _: None), maxlen=0)
        total = np.zeros(len(self.artists.amount), dtype=np.int64)
        for walker in self.walkers:
            total += walker.listeners
        return total


class LocalMonth:
    """A `month.Month` over the local engine's partitions."""

    def __init__(self, listening: Listening, facts: Facts) -> None:
        """Bind the listening to what is known of the money."""
        self.listening = listening
        self.known = facts

    @property
    def facts(self) -> Facts:
        """Totals of the whole month."""
        return self.known

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]: listening of each artist, in the measure."""
        return self.listening.artists.amount

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
            fee, total, plays = self.listening.spool.load(part.facts)
            yield visit(Users(fee, total, plays))

    def gather(self, visit: Callable[[Usage, Ints], None], *, rows: int) -> Ints:
        """Call `visit(block, out)` with each block, `out` being the thread's int64[rows, artists]; return the sum."""
        total = np.zeros((rows, len(self.artist_amount)), dtype=np.int64)
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
