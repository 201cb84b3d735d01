"""Sharing the work of taking in among threads: whole units while there are enough, then the batches of one together."""

from __future__ import annotations

import os
from threading import Condition, Thread
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

__all__ = ["feed", "usable_processors"]


def feed(units: Sequence[Callable[[], Iterator[Any]]], consumers: Sequence[Callable[[Any], None]]) -> None:
    """Run through every batch of every unit, one consumer per thread.

    A thread takes the next batch of the unit that was read last, so that it reads a unit by itself while there are
    units enough; then threads take turns in reading, and reading and encoding one large file keep all of them busy.

    Raises:
        Exception: the first that any unit or consumer raised; the other threads stop at their next batch.

    """
    shared = Feeder(units)
    threads = [Thread(target=shared.work, args=(consume,), daemon=True) for consume in consumers[1:]]
    for thread in threads:
        thread.start()
    try:
        shared.work(consumers[0])
    except BaseException as stop:  # an interrupt reaches this thread only
        shared.end(stop)
        raise
    finally:
        for thread in threads:
            thread.join()
    if shared.failure is not None:
        raise shared.failure


class Feeder:
    """What the threads share."""

    def __init__(self, units: Sequence[Callable[[], Iterator[Any]]]) -> None:
        """Nothing has been read."""
        self.changed = Condition()
        self.idle: list[Callable[[], Iterator[Any]] | Iterator[Any]] = [*reversed(units)]
        """Units that nobody reads at this moment: behind those that were not begun, those that were."""
        self.reading = 0
        self.failure: BaseException | None = None

    def work(self, consume: Callable[[Any], None]) -> None:
        """Read and consume batches until there are none."""
        try:
            while (batch := self.next_batch()) is not None:
                consume(batch[0])
        except Exception as failure:  # noqa: BLE001 - handed on to the thread that asked
            self.end(failure)

    def next_batch(self) -> tuple[Any] | None:
        """Wait for a unit that nobody reads, and read a batch of it; None: there is none left, or something failed."""
        while True:
            with self.changed:
                self.changed.wait_for(lambda: self.idle or not self.reading or self.failure)
                if not self.idle or self.failure:
                    return None
                unit = self.idle.pop()
                self.reading += 1
            batches = unit() if callable(unit) else unit
            for batch in batches:
                self.end(None, batches)
                return (batch,)
            self.end(None)

    def end(self, failure: BaseException | None, unit: Iterator[Any] | None = None) -> None:
        """Have read a batch of a unit, of which there is more, or have failed; the first failure is kept."""
        with self.changed:
            self.failure = self.failure or failure
            self.reading -= failure is None
            self.idle += [] if unit is None else [unit]
            self.changed.notify_all()


def usable_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
