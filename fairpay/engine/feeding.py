"""Sharing the work of taking in among threads: whole units while there are enough, then the batches of one together."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor, as_completed
from threading import Condition
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["feed", "usable_processors"]

END = object()
"""Comes after the last batch of a unit."""


def feed(units: Sequence[Callable[[], Iterator[Any]]], consumers: Sequence[Callable[[Any], None]]) -> None:
    """Run through every batch of every unit, one consumer per thread.

    A thread takes the next batch of the unit that was read last, so that it reads a unit by itself while there are
    units enough; then threads take turns in reading, and reading and encoding one large file keep all of them busy.

    Raises:
        Exception: the first that any unit or consumer raised; the other threads stop at their next batch.

    """
    shared = Feeder(units)
    with ThreadPoolExecutor(len(consumers)) as threads:
        running = [threads.submit(shared.work, consume) for consume in consumers]
        try:
            for one in as_completed(running):
                one.result()
        finally:  # this thread may have been interrupted
            shared.stop()


class Feeder:
    """What the threads share."""

    def __init__(self, units: Sequence[Callable[[], Iterator[Any]]]) -> None:
        """Nothing has been read."""
        self.changed = Condition()
        self.idle = [batches_of(unit) for unit in reversed(units)]
        """Units that nobody reads at this moment; those that were begun come last, and are taken first."""
        self.reading = 0
        self.stopped = False

    def work(self, consume: Callable[[Any], None]) -> None:
        """Read and consume batches until there are none."""
        try:
            while (unit := self.taken()) is not None:
                batch = next(unit, END)
                self.give_back([] if batch is END else [unit])
                if batch is not END:
                    consume(batch)
        except BaseException:
            self.stop()
            raise

    def taken(self) -> Iterator[Any] | None:
        """Wait for a unit that nobody reads, and take it; None: there is none left, or all is to stop."""
        with self.changed:
            self.changed.wait_for(lambda: self.idle or not self.reading or self.stopped)
            if not self.idle or self.stopped:
                return None
            self.reading += 1
            return self.idle.pop()

    def give_back(self, units: Sequence[Iterator[Any]]) -> None:
        """Let others read a unit, where there is more of it."""
        with self.changed:
            self.reading -= 1
            self.idle += units
            self.changed.notify_all()

    def stop(self) -> None:
        """Let nobody take a unit any more."""
        with self.changed:
            self.stopped = True
            self.changed.notify_all()


def batches_of(unit: Callable[[], Iterator[Any]]) -> Iterator[Any]:
    """Begin a unit when its first batch is asked for."""
    yield from unit()


def usable_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
