"""Walks over plays that are on a cluster: what several pools ask for at the same time is one walk, which is one job."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Condition
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from fairpay.engine.partial import Answer
from fairpay.engine.spark import TaskRow, blocks_of, packed_arrays, unpacked_arrays
from fairpay.errors import InputError
from fairpay.rules.core.month import totals_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from fairpay.engine.partial import PoolPart
    from fairpay.engine.spark import Kept
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Totals, Usage

__all__ = ["SparkWalks"]

T = TypeVar("T")
AT_ONCE, ARTISTS = 64, 1 << 21
"""Pools that are worked on together, and the artists that these have in all: their ids go to every task."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """What one pool wants of its users, see `month.Month.gather`."""

    visit: Callable[[Usage, Ints], Totals | None]
    rows: int
    columns: int


@dataclass(slots=True)
class SparkWalks:
    """Walks over blocks on executors, as `partial.Walks`; pools that are worked on at once wait for each other."""

    held: Kept
    parts: Sequence[PoolPart]
    tasks: Sequence[Sequence[str]]
    """The tasks that each pool's part was added up from."""
    expected: int = 1
    """How many pools may still ask."""
    asked: dict[int, Gathering] = field(default_factory=dict)
    found: dict[int, tuple[Ints, Totals] | BaseException] = field(default_factory=dict)
    turn: Condition = field(default_factory=Condition)

    def over(self, work: Sequence[Callable[[], T]]) -> list[T]:
        """Do the work of each pool, some pools at once; what they ask for is then asked for in one walk."""
        found: list[T] = []
        while len(found) < len(work):
            first = len(found)
            artists = np.cumsum([len(part.artist) for part in self.parts[first : first + AT_ONCE]])
            some = work[first : first + max(1, int(np.searchsorted(artists, ARTISTS, side="right")))]
            self.expected = len(some)
            with ThreadPoolExecutor(len(some)) as threads:
                found += [one.result() for one in [threads.submit(self.alone, one) for one in some]]
            self.expected = 1
        return found

    def alone(self, work: Callable[[], T]) -> T:
        """Do the work of one pool; nobody waits for it afterwards."""
        try:
            return work()
        finally:
            with self.turn:
                self.expected -= 1
                self.answer()

    def gather(
        self, pool: int, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int
    ) -> tuple[Ints, Totals]:
        """Ask for what a visit of every block of a pool comes to, and wait until all who may ask have asked."""
        with self.turn:
            self.asked[pool] = Gathering(visit, rows, columns)
            self.answer()
            self.turn.wait_for(lambda: pool in self.found)
            found = self.found.pop(pool)
        if isinstance(found, BaseException):
            raise found
        return found

    def answer(self) -> None:
        """Walk once for all who wait, if nobody else is to be waited for."""
        if not self.asked or len(self.asked) < self.expected:
            return
        try:
            self.found.update(self.gathered(self.asked))
        except BaseException as error:  # noqa: BLE001 - each who waits raises it
            self.found.update(dict.fromkeys(self.asked, error))
        self.asked.clear()
        self.turn.notify_all()

    def gathered(self, asked: Mapping[int, Gathering]) -> dict[int, tuple[Ints, Totals]]:
        """Visit every block of some pools where it is, and add up what tasks bring."""
        found = {pool: Answer(np.zeros((one.rows, one.columns), dtype=np.int64), ()) for pool, one in asked.items()}
        for row in self.answers(gathering({**asked}, self.artists(asked)), asked):
            sums, totals = unpacked_arrays(row.body).values()
            shape = found[row.pool].sums.shape
            found[row.pool] += Answer(sums.to_numpy().reshape(shape), tuple(map(int, totals.to_pylist())))
        return {pool: (one.sums, one.totals) for pool, one in found.items()}

    def each(self, pool: int, visit: Callable[[Usage], Any]) -> Iterator[Any]:
        """Visit every block where it is; visits return tuples of arrays, or a number."""
        for row in self.answers(visiting(visit, self.artists([pool])), [pool]):
            found = tuple(values.to_numpy() for values in unpacked_arrays(row.body).values())
            yield found if row.kind == "each" else found[0].item()

    def artists(self, pools: Collection[int]) -> dict[int, pa.Array]:
        """Return who was played in some pools."""
        return {pool: self.parts[pool].artist for pool in pools}

    def answers(self, work: Callable[[Iterator[TaskRow]], Iterator[TaskRow]], pools: Collection[int]) -> list[TaskRow]:
        """Walk pools, and see that each was walked whole: the tasks met are those that its part came from, each once.

        Raises:
            InputError: some are lost or there twice, or came to something else when they were done again.

        """
        rows = self.held.mapped(work, pools=pools)
        met = [(row.pool, row.task) for row in rows if row.kind == "met"]
        known = [(pool, task) for pool in pools for task in self.tasks[pool]]
        if sorted(met) != sorted(known):
            changed = len({*met} ^ {*known}) or len(met) - len({*met})
            message = f"Spark did {changed:,} tasks again, and they did not come to what they came to before"
            advice = "The table changes while it is read, or holds random values: write it to a table of its own first."
            raise InputError(message, advice=advice)
        return [row for row in rows if row.kind != "met"]


def visiting(
    visit: Callable[[Usage], Any], artists: Mapping[int, pa.Array]
) -> Callable[[Iterator[TaskRow]], Iterator[TaskRow]]:
    """Return what a task does for `month.Month.each`."""

    def work(held: Iterator[TaskRow]) -> Iterator[TaskRow]:
        codes: dict[tuple[str, int], Any] = {}
        for pool, usage in blocks_of(held, artists, codes):
            found = visit(usage)
            kind, arrays = ("each", found) if isinstance(found, tuple) else ("number", ([found],))
            yield TaskRow("", kind, pool, packed_arrays({str(k): one for k, one in enumerate(arrays)}))
        yield from (TaskRow(task, "met", pool, b"") for task, pool in codes)

    return work


def gathering(
    asked: Mapping[int, Gathering], artists: Mapping[int, pa.Array]
) -> Callable[[Iterator[TaskRow]], Iterator[TaskRow]]:
    """Return what a task does for `month.Month.gather`: nothing of this machine goes with it but what it needs."""

    def work(held: Iterator[TaskRow]) -> Iterator[TaskRow]:
        out: dict[int, Ints] = {}
        totals: dict[int, list[Totals | None]] = {}
        codes: dict[tuple[str, int], Any] = {}
        for pool, usage in blocks_of(held, artists, codes):
            one = asked[pool]
            if pool not in out:
                out[pool], totals[pool] = np.zeros((one.rows, one.columns), dtype=np.int64), []
            totals[pool].append(one.visit(usage, out[pool]))
        for pool, mine in out.items():
            said = pa.array([str(one) for one in totals_of(totals[pool])], pa.string())
            yield TaskRow("", "answer", pool, packed_arrays({"sums": mine.ravel(), "totals": said}))
        yield from (TaskRow(task, "met", pool, b"") for task, pool in codes)

    return work
