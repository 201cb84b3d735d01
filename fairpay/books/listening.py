"""Listening: the plays of a month in heaps, one for each pool, each ready for a rule."""

from __future__ import annotations

from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairpay.books.sorting import Sorter
from fairpay.engines.local import LocalEngine
from fairpay.io.listens import open_logs
from fairpay.qualify import Qualifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from fractions import Fraction

    from fairpay.books.closing import Closing
    from fairpay.books.exclusions import Exclusions
    from fairpay.books.loading import Loaded
    from fairpay.books.payers import Payers
    from fairpay.io.listens import Logs
    from fairpay.month import Month
    from fairpay.qualify import Counts
    from fairpay.schema import Listens, RawBatch

__all__ = ["Asked", "Heap", "Taken", "Watch", "take_in"]

ROLES = ("user", "artist", "plays", "seconds", "ms")


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how a run goes."""

    say: Callable[[str], None] = lambda _: None
    progress: Callable[[int, int], None] | None = None


@dataclass(frozen=True, slots=True)
class Heap:
    """The qualified plays of one pool."""

    rows: int = 0
    users: int = 0
    plays: int = 0
    artist: Any = None
    """large_string[artists], sorted by bytes."""
    month: Callable[[int, Fraction | None], Month] | None = None
    """Makes the month that a rule divides, of a pool's minor units and its royalty rate."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read."""

    counts: Counts
    heaps: Mapping[int, Heap]
    """Pool index -> its plays; after the pools come the plays without a pool and those excluded."""
    without_pool: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be read, and how it is sorted."""

    closing: Closing
    loaded: Loaded
    logs: tuple[str, ...]
    exclusions: Exclusions
    payers: Payers

    def sorter(self, judge: Callable[[RawBatch], Listens]) -> Sorter:
        """Sort what `judge` lets through."""
        routing = self.loaded.routing
        return Sorter(
            judge,
            self.loaded.pools,
            self.loaded.columns,
            aliases=routing.aliases.right,
            tracks=frozenset(routing.splits.tracks),
            exclusions=self.exclusions,
        )


@dataclass(slots=True)
class One:
    """Lets the rows of one pool through, and counts the rows of each."""

    sorter: Sorter
    code: int
    rows: Counter[int] = field(default_factory=Counter)

    def __call__(self, raw: RawBatch) -> Listens:
        """Judge a batch; rows of other pools are not used."""
        listens = self.sorter(raw)
        assert listens.pool is not None
        found = np.bincount(listens.pool[listens.used])
        with self.sorter.lock:
            self.rows.update({int(code): int(found[code]) for code in np.flatnonzero(found)})
        return replace(listens, used=listens.used & (listens.pool == self.code), pool=None)


@contextmanager
def take_in(asked: Asked, watch: Watch) -> Iterator[Taken]:
    """Read the logs and hold the plays of each pool until the block ends.

    Raises:
        InputError: a log or a key column cannot be used.

    """
    with ExitStack() as stack:
        first, counts, heap = read_one(stack, asked, watch, 0)
        heaps = {0: heap(first.rows[0])} if first.rows[0] else {}
        for code, rows in sorted(first.rows.items()):
            if code:
                heaps[code] = read_one(stack, asked, Watch(), code)[2](rows)
        yield Taken(counts, heaps, first.sorter.without_pool)


def read_one(stack: ExitStack, asked: Asked, watch: Watch, code: int) -> tuple[One, Counts, Callable[[int], Heap]]:
    """Read the logs once and hold the plays of one pool."""
    closing = asked.closing
    qualifier = Qualifier(closing.qualifying(), set_aside=closing.reading.rejects is not None)
    one = One(asked.sorter(qualifier.judge), code)
    logs = open_asked(asked, one.sorter.roles)
    for sentence in logs.notes:
        watch.say(sentence)
    engine = stack.enter_context(LocalEngine(closing.running))
    paid = asked.payers.paid.get(code)
    if paid:
        users, fees = pa.array(paid.keys(), pa.large_string()), np.fromiter(paid.values(), np.int64, len(paid))
        engine.subscribe([(users, fees)])
    engine.ingest(logs.units(batch_rows=closing.running.batch_rows), one, progress=watch.progress)
    counts = qualifier.finish()
    intake = engine.finish()

    def heap(rows: int) -> Heap:
        def month(pool: int, rate: Fraction | None) -> Month:
            return engine.month(pool=pool, rate=rate, fees_are_money=False)

        return Heap(rows, intake.users, intake.plays, engine.artist, month if intake.users else None)

    return one, counts, heap


def open_asked(asked: Asked, roles: tuple[str, ...]) -> Logs:
    """Open the logs with the columns that are needed."""
    closing = asked.closing
    qualifying = closing.qualifying()
    period = (qualifying.since, qualifying.until)
    wanted = ROLES if period == (None, None) else (*ROLES, "time")
    return open_logs(list(asked.logs), closing.reading, wanted=(*wanted, *roles), period=period)
