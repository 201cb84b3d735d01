"""Listening: the plays of a month in heaps, one for each pool, each ready for a rule."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

import pyarrow as pa

from fairpay.adjust.ruling import Ruling
from fairpay.engine.local import LocalEngine
from fairpay.engine.spool import Spool
from fairpay.ledger.chain import Chain
from fairpay.ledger.counting import policy_roles, weighers_for
from fairpay.ledger.judging import terms_of
from fairpay.ledger.keys import ROLE_OF
from fairpay.ledger.restating import PoolLayering
from fairpay.ledger.sorting import Sorter
from fairpay.logs.caution import Cautions
from fairpay.pipeline.repeats import TELLING, Once, Watching, find_repeats, open_once
from fairpay.pipeline.warn import sentences, stop_if_strict
from fairpay.qualify import Qualifier
from fairpay.runs.rejects import write_rejects
from fairpay.settings.options import number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from fairpay.engine.pool import LocalPool
    from fairpay.kernels.arrays import Codes
    from fairpay.ledger.closing import Closing, Loaded
    from fairpay.ledger.exclusions import Exclusions
    from fairpay.ledger.judging import Terms
    from fairpay.ledger.payers import Payers
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.qualify import Counts
    from fairpay.settings.values import Qualifying

__all__ = ["Asked", "Heap", "Taken", "Watch", "take_in"]

T = TypeVar("T")
ROWLESS = "Nobody played in this month, and what its pools pay waits as unallocated: see that the log is whole."
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
    """Rows, of plays that are in no pool; 0 for a pool's own."""
    users: int = 0
    plays: int = 0
    pool: LocalPool | None = None
    """What the engine holds of it, where anybody listened."""
    play: int | None = 1
    """What one play comes to, see `month.Facts`."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read."""

    counts: Counts
    heaps: Mapping[int, Heap]
    """Pool index -> its plays; after the pools come those of `chain.Lost`."""
    chain: Chain
    terms: Terms
    engine: LocalEngine
    cautions: Cautions
    """Warnings about the logs."""

    def divide(self, pools: int, function: Callable[[int, Heap], T]) -> list[T]:
        """Call `function` with each of the first `pools` indexes and heaps, on threads; return results in their order.

        What a heap holds is let go of after its turn: only as many as there are threads are opened up at a time.
        """

        def visit(code: int, pool: LocalPool) -> T | None:
            try:
                return function(code, self.heaps[code]) if code < pools else None
            finally:
                pool.release()

        found = self.engine.over_pools(visit)[:pools]
        return [*cast("list[T]", found), *(function(code, Heap()) for code in range(len(found), pools))]


@dataclass(frozen=True, slots=True)
class Asked:
    """What is to be read, and how it is sorted."""

    closing: Closing
    loaded: Loaded
    logs: tuple[str, ...]
    exclusions: Exclusions
    payers: Payers
    once: Once | None = None
    """Plays that are told more than once and count once, where they were looked for."""

    @property
    def money_roles(self) -> tuple[str, ...]:
        """The log columns that say which plays count, and in which pool, where the log has them."""
        keys = {ROLE_OF[column] for column in self.loaded.columns}
        return (*ROLES, *sorted((keys | set(self.exclusions.roles)) - {*ROLES}))

    @property
    def roles(self) -> tuple[str, ...]:
        """Those, and what splits and policies need."""
        tracks = {"track"} if self.loaded.routing.splits.has_tracks else set()
        return (*self.money_roles, *sorted((tracks | policy_roles(self)) - {*self.money_roles}))

    def sorter(self, judge: Callable[[RawBatch, Codes], Listens]) -> Sorter:
        """Sort what `judge` lets through."""
        return Sorter(
            judge,
            self.loaded.pools,
            self.loaded.columns,
            aliases=self.loaded.routing.aliases.right,
            exclusions=self.exclusions,
            payers=self.payers,
        )

    def open(
        self,
        roles: Collection[str],
        qualifying: Qualifying,
        *,
        telling: Collection[str] = TELLING,
        cautions: Cautions | None = None,
        say: Callable[[str], None] = lambda _: None,
    ) -> Logs:
        """Open the logs with these columns; with their times where only a period counts."""
        period = (qualifying.since, qualifying.until)
        wanted = tuple(dict.fromkeys(roles if period == (None, None) else (*roles, "time")))
        reading = self.closing.reading
        return open_once(
            list(self.logs),
            reading,
            wanted=wanted,
            telling=telling,
            period=period,
            cautions=cautions,
            say=say,
            rowless=True,
        )

    def find_once(self, terms: Terms) -> Once | None:
        """Find the plays that are told more than once, where they are to count once."""
        if self.closing.reading.repeats != "drop":
            return None
        running = self.closing.running
        with closing(Spool(running)) as spool:
            return find_repeats(
                self.open(self.roles, terms.rest),
                terms.plain,
                lambda qualifier: self.sorter(terms.judge(qualifier)),
                spool=spool,
                running=running,
            )


@contextmanager
def take_in(asked: Asked, watch: Watch) -> Iterator[Taken]:
    """Read the logs once (and before, what policies count) and hold the plays of each pool until the block ends.

    Raises:
        InputError: a log or a key column cannot be used.

    """
    running, set_aside = asked.closing.running, asked.closing.reading.rejects is not None
    terms, cautions = open_terms(asked, watch), Cautions()
    logs = asked.open(asked.roles, terms.rest, cautions=cautions, say=watch.say)
    asked.exclusions.check(logs.columns)
    asked = replace(asked, once=asked.find_once(terms))
    qualifier = Qualifier(terms.plain, set_aside=set_aside)
    chain = chain_of(asked, logs, terms, qualifier)
    with LocalEngine(running, pools=chain.heaps) as engine:
        watching = Watching.of(logs, asked.once, engine.spool)
        qualifier.repeats = watching.judge
        for code, parts in sorted(asked.payers.parts.items()):
            engine.subscribe(parts, pool=code)
        units = logs.units(batch_rows=running.batch_rows)
        engine.ingest(units, lambda raw: untimed(chain(raw)), progress=watch.progress)
        counts = qualifier.finish(rowless=True)
        cautions.add("no-rows", int(not counts.rows), logs.paths, ROWLESS)
        watching.finish(asked.closing.reading, cautions, running)
        stop_if_strict(asked.closing.reading, cautions.found())
        finish(asked, chain, engine)
        write_set_aside(asked, qualifier)
        engine.finish()
        for sentence in (*sentences(cautions.found()), *asked.exclusions.remarks(), *remarks(asked, chain)):
            watch.say(sentence)
        plays = [None if timed else chain.play(code) for code, timed in enumerate(terms.timed(logs.columns))]
        heaps = {
            code: heap_of(pool, chain.rows_lost[code], plays[min(code, len(plays) - 1)])
            for code, pool in enumerate(engine.pools)
        }
        yield Taken(counts, heaps, chain, terms, engine, cautions)


def open_terms(asked: Asked, watch: Watch) -> Terms:
    """Say what the logs are like, and which plays count: only those of the period, where they have times."""
    terms = terms_of(asked.closing, asked.loaded)
    logs = open_once(list(asked.logs), asked.closing.reading, wanted=(*asked.roles, "time"), telling=(), rowless=True)
    for sentence in logs.notes:
        watch.say(sentence)
    if terms.rest.since is not None and "time" not in logs.columns:
        watch.say(f"The log has no times: all its plays count for {asked.closing.period}")
        return terms.always()
    return terms


def chain_of(asked: Asked, logs: Logs, terms: Terms, qualifier: Qualifier) -> Chain:
    """Put together what is done with each batch."""
    loaded = asked.loaded
    layering = None
    if loaded.history is not None or loaded.wishes is not None:
        layering = PoolLayering(
            {} if loaded.history is None else loaded.history.by_user,
            {} if loaded.wishes is None else loaded.wishes.by_user,
            number("kappa", asked.closing.kappa),
            pools=len(loaded.pools),
        )
    return Chain(
        asked.sorter(terms.judge(qualifier)),
        ruling=None if loaded.decisions is None else Ruling(loaded.decisions),
        weighers=weighers_for(asked, logs, terms),
        layering=layering,
        splits=loaded.routing.splits,
    )


def finish(asked: Asked, chain: Chain, engine: LocalEngine) -> None:
    """Take in what was divided anew, and refuse what was stated by or about nobody.

    Raises:
        InputError: wishes of users, or decisions about subjects, who are not there.

    """
    wishes = asked.loaded.wishes
    if chain.layering is not None:
        divided = chain.layering.extra()
        engine.ingest([lambda: iter([divided])] if len(divided.used) else [], untimed)
        if wishes is not None:
            known = chain.layering.seen | asked.payers.among(pa.array(sorted(wishes.by_user), pa.large_string()))
            wishes.leave_out_unknown(lambda user: user in known, "user is neither in the log nor a subscriber")
            wishes.check(set_aside=asked.closing.reading.rejects is not None)
    if chain.ruling is not None:
        chain.ruling.finish()
    chain.finish()


def write_set_aside(asked: Asked, qualifier: Qualifier) -> None:
    """Write bad rows and lines, where a file for them was named."""
    rejects = asked.closing.reading.rejects
    if rejects is None or rejects == asked.closing.books:
        return
    stated = (asked.loaded.history, asked.loaded.wishes, asked.loaded.delegations)
    tables = [qualifier.rejected(), *(one.rejected() for one in stated if one is not None and one.faults)]
    write_rejects(pa.concat_tables(tables, promote_options="default"), rejects)


def remarks(asked: Asked, chain: Chain) -> Iterator[str]:
    """Say in sentences what policies and listeners' own statements did."""
    for weigher in chain.weighers:
        for sentence in weigher.remarks():
            yield f"Policy of {len(weigher.pools):,} pools: {sentence}"
    yield from chain.remarks()
    if chain.layering is not None:
        yield from chain.layering.remarks()
    if asked.loaded.delegations is not None:
        count = len(asked.loaded.delegations.by_user)
        yield f"delegations: {count:,} subscribers let others steer part of their money"


def heap_of(pool: LocalPool, rows: int, play: int | None) -> Heap:
    """What the engine holds of one pool."""
    payers = pool.payers
    return Heap(rows, payers.users, payers.plays, pool if payers.users else None, play)


def untimed(listens: Listens) -> Listens:
    """Leave out each artist's time, which no book has: where it is another number than the amount, it costs memory."""
    return replace(listens, ms=None)
