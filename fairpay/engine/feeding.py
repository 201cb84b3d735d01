"""Sharing the work of taking in among threads: whole units first, then the batches of those that are left."""

from __future__ import annotations

import os
from collections import deque
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["feed", "usable_processors"]


def feed(units: Sequence[Callable[[], Iterator[Any]]], consumers: Sequence[Callable[[Any], None]]) -> None:
    """Run through every batch of every unit, one consumer per thread.

    A thread reads a unit by itself while there are units enough; when threads have nothing to read, the others hand
    them batches, at most one waiting for each, so that reading and encoding one large file keep all threads busy.

    Raises:
        Exception: the first that any unit or consumer raised; the other threads stop at their next batch.

    """
    shared = Feeder(units, len(consumers))
    threads = [Thread(target=shared.work, args=(consume,), daemon=True) for consume in consumers[1:]]
    for thread in threads:
        thread.start()
    try:
        shared.work(consumers[0])
    except BaseException as stop:  # an interrupt reaches this thread only
        shared.fail(stop)
        raise
    finally:
        for thread in threads:
            thread.join()
    if shared.failure is not None:
        raise shared.failure


class Feeder:
    """What the threads share."""

    def __init__(self, units: Sequence[Callable[[], Iterator[Any]]], threads: int) -> None:
        """Nothing has been read."""
        self.changed = Condition()
        self.units = deque(units)
        self.waiting: deque[Any] = deque()
        self.reading = 0
        self.threads = threads
        self.failure: BaseException | None = None

    def fail(self, failure: BaseException) -> None:
        """Keep the first failure and wake everybody."""
        with self.changed:
            self.failure = self.failure or failure
            self.changed.notify_all()

    def work(self, consume: Callable[[Any], None]) -> None:
        """Take batches and units until there are none."""
        try:
            while True:
                kind, task = self.next_task()
                if kind == "batch":
                    consume(task)
                elif kind == "unit":
                    self.read(task, consume)
                else:
                    return
        except Exception as failure:  # noqa: BLE001 - handed on to the thread that asked
            self.fail(failure)

    def next_task(self) -> tuple[str, Any]:
        """Wait for a batch or a unit; batches first, for they hold memory."""
        with self.changed:
            while self.failure is None:
                if self.waiting:
                    return "batch", self.waiting.popleft()
                if self.units:
                    self.reading += 1
                    return "unit", self.units.popleft()
                if not self.reading:
                    break
                self.changed.wait()
            return "end", None

    def read(self, unit: Callable[[], Iterator[Any]], consume: Callable[[Any], None]) -> None:
        """Read a unit, handing batches to threads that have nothing to do."""
        try:
            for batch in unit():
                if self.failure is not None:
                    return
                if not self.handed(batch):
                    consume(batch)
        finally:
            with self.changed:
                self.reading -= 1
                self.changed.notify_all()

    def handed(self, batch: Any) -> bool:  # noqa: ANN401 - whatever units yield
        """Hand a batch on if a thread without a unit has none waiting."""
        if self.units or self.reading == self.threads:
            return False
        with self.changed:
            if len(self.waiting) >= self.threads - self.reading:
                return False
            self.waiting.append(batch)
            self.changed.notify()
            return True


def usable_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
