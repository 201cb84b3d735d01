"""Listening: the plays of a month in heaps, one for each pool, each ready for a rule."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from fairpay.books.keys import ROLE_OF
from fairpay.books.sorting import Sorter
from fairpay.engines.local import LocalEngine
from fairpay.io.listens import open_logs
from fairpay.io.rejects import write_rejects
from fairpay.qualify import Qualifier

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from fractions import Fraction

    from fairpay.books.closing import Closing
    from fairpay.books.exclusions import Exclusions
    from fairpay.books.loading import Loaded
    from fairpay.books.payers import Payers
    from fairpay.engines.pool import LocalPool
    from fairpay.io.listens import Logs
    from fairpay.month import Month
    from fairpay.qualify import Counts
    from fairpay.schema import Listens, RawBatch
    from fairpay.settings import Qualifying

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
    """Rows, of plays without a pool and of those excluded; 0 for a pool's own."""
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

    @property
    def roles(self) -> tuple[str, ...]:
        """The log columns that are read, where the log has them."""
        keys = {ROLE_OF[column] for column in self.loaded.columns}
        tracks = {"track"} if self.loaded.routing.splits.tracks else set()
        return (*ROLES, *sorted((keys | tracks | set(self.exclusions.roles)) - {*ROLES}))

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
            payers=self.payers,
        )


@contextmanager
def take_in(asked: Asked, watch: Watch) -> Iterator[Taken]:
    """Read the logs once and hold the plays of each pool until the block ends.

    Raises:
        InputError: a log or a key column cannot be used.

    """
    closing = asked.closing
    rejects = closing.reading.rejects
    logs, qualifying = open_asked(asked, watch)
    qualifier = Qualifier(qualifying, set_aside=rejects is not None)
    sorter = asked.sorter(qualifier.judge)
    with LocalEngine(closing.running, pools=len(asked.loaded.pools) + 2) as engine:
        for code, parts in sorted(asked.payers.parts.items()):
            engine.subscribe(parts, pool=code)
        engine.ingest(logs.units(batch_rows=closing.running.batch_rows), sorter, progress=watch.progress)
        counts = qualifier.finish()
        if rejects is not None and rejects != closing.books:
            write_rejects(qualifier.rejected(), rejects)
        engine.finish()
        heaps = {code: heap_of(pool, sorter.rows_lost[code]) for code, pool in enumerate(engine.pools)}
        yield Taken(counts, heaps, sorter.without_pool)


def heap_of(pool: LocalPool, rows: int) -> Heap:
    """What the engine holds of one pool."""

    def month(amount: int, rate: Fraction | None) -> Month:
        return pool.month(pool=amount, rate=rate, fees_are_money=False)

    intake = pool.intake
    return Heap(rows, intake.users, intake.plays, pool.artist, month if intake.users else None)


def open_asked(asked: Asked, watch: Watch) -> tuple[Logs, Qualifying]:
    """Open the logs with the columns that are needed; where they have times, only the period counts."""
    closing = asked.closing
    wanted = asked.roles
    qualifying = closing.qualifying()
    period = (qualifying.since, qualifying.until)
    logs = open_logs(list(asked.logs), closing.reading, wanted=(*wanted, "time"))
    for sentence in logs.notes:
        watch.say(sentence)
    if period == (None, None):
        return open_logs(list(asked.logs), closing.reading, wanted=wanted), qualifying
    if "time" not in logs.columns:
        watch.say(f"The log has no times: all its plays count for {closing.period}")
        return logs, replace(qualifying, since=None, until=None)
    return open_logs(list(asked.logs), closing.reading, wanted=(*wanted, "time"), period=period), qualifying
