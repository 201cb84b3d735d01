"""The listening of a month, pool by pool: what the pipeline is asked, and what it holds of each pool."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np

from fairpay.adjust.weights import wanted_roles
from fairpay.errors import InputError
from fairpay.ledger.pools import ROLE_OF
from fairpay.ledger.sorting import Sorter
from fairpay.ledger.tracks import TrackSources
from fairpay.logs.schema import Cautions
from fairpay.pipeline.census import Applying
from fairpay.pipeline.intake import Plan, Statements, take_in
from fairpay.pipeline.opening import ROLES
from fairpay.pipeline.repeats import open_once
from fairpay.pipeline.warn import sentences, stop_if_strict
from fairpay.qualify import ByRow
from fairpay.settings.values import number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from fairpay.adjust.payers import Payers
    from fairpay.engine.pool import LocalPool
    from fairpay.kernels.arrays import Codes
    from fairpay.ledger.closing import Closing, Loaded
    from fairpay.ledger.exclusions import Exclusions
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.pipeline.intake import Taken
    from fairpay.pipeline.request import Watch
    from fairpay.qualify import Counts, Qualifier
    from fairpay.settings.values import Qualifying

__all__ = ["MonthLogs", "MonthPlays", "PoolPlays", "QualifyingTerms", "read_plays", "terms_of"]

T = TypeVar("T")
ROWLESS = "Nobody played in this month, and what its pools pay waits as unallocated: see that the log is whole."


@dataclass(frozen=True, slots=True)
class PoolPlays:
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
class MonthPlays:
    """What was read."""

    taken: Taken
    by_pool: Mapping[int, PoolPlays]
    """Pool index -> its plays; behind the pools come those of `Lost`."""
    terms: QualifyingTerms
    sorters: list[Sorter]
    cautions: Cautions
    """Warnings about the logs."""

    @property
    def counts(self) -> Counts:
        """The rows by fate."""
        return self.taken.counts

    @property
    def without_pool(self) -> dict[str, int]:
        """Key values -> rows that count and that no pool covers."""
        return dict(sorted(self.sorters[-1].without_pool.items()))

    def divide(self, pools: int, function: Callable[[int, PoolPlays], T]) -> list[T]:
        """Call `function` with each of the first `pools` indexes and its plays, on threads; return results in order.

        What a pool holds is let go of after its turn: only as many as there are threads are opened up at a time.
        """

        def visit(code: int, pool: LocalPool) -> T | None:
            try:
                return function(code, self.by_pool[code]) if code < pools else None
            finally:
                pool.release()

        found = self.taken.engine.over_pools(visit)[:pools]
        return [*cast("list[T]", found), *(function(code, PoolPlays()) for code in range(len(found), pools))]


@dataclass(frozen=True, slots=True)
class MonthLogs:
    """What is to be read, and how it is sorted."""

    closing: Closing
    loaded: Loaded
    logs: tuple[str, ...]
    exclusions: Exclusions
    payers: Payers

    @property
    def roles(self) -> tuple[str, ...]:
        """The log columns that say which plays count, in which pool, under what policy and by whose splits."""
        keys = {ROLE_OF[column] for column in self.loaded.columns} | {*self.exclusions.roles}
        tracks = {"track"} if self.loaded.routing.splits.has_tracks else set()
        policies = {role for chosen in self.loaded.policies.pools if chosen for role in wanted_roles(chosen.policy)}
        return (*ROLES, *sorted((keys | tracks | policies) - {*ROLES}))

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

    def open(self, watch: Watch, cautions: Cautions) -> tuple[Logs, QualifyingTerms]:
        """Open the logs, once; only plays of the period count, where they have times.

        Raises:
            InputError: they cannot be used.

        """
        reading, terms = self.closing.reading, terms_of(self.closing, self.loaded)
        timed = () if terms.rest.since is None else ("time",)
        logs = open_once(
            list(self.logs), reading, wanted=(*self.roles, *timed), cautions=cautions, say=watch.say, rowless=True
        )
        for sentence in logs.notes:
            watch.say(sentence)
        if terms.rest.since is not None and "time" not in logs.columns:
            watch.say(f"The log has no times: all its plays count for {self.closing.period}")
            terms = terms.always()
        self.exclusions.check(logs.columns)
        return replace(logs, period=(terms.rest.since, terms.rest.until)), terms

    def plan(self, terms: QualifyingTerms, sorters: list[Sorter]) -> Plan:
        """Say what is done with the plays; the sorters made, one for each reading, are added to a list."""
        closing, loaded = self.closing, self.loaded
        policies: dict[str, Applying] = {}
        for code, chosen in enumerate(loaded.policies.pools):
            if chosen is not None:
                before = policies.get(chosen.sha256, Applying(chosen.policy, ()))
                policies[chosen.sha256] = Applying(chosen.policy, (*before.pools, code))

        def judging(qualifier: Qualifier) -> Callable[[RawBatch], Listens]:
            sorters.append(self.sorter(terms.judge(qualifier)))
            return sorters[-1]

        splits, pools, rejects = loaded.routing.splits, len(loaded.pools), closing.reading.rejects
        return Plan(
            reading=closing.reading,
            qualifying=terms.plain,
            running=closing.running,
            judging=judging,
            pools=pools,
            policies=[policies[key] for key in sorted(policies)],
            artists=closing.tables.get("artists"),
            decisions=loaded.decisions,
            statements=Statements(
                history=loaded.history,
                wishes=loaded.wishes,
                delegations=loaded.delegations,
                kappa=number("kappa", closing.kappa),
            ),
            sources=TrackSources(splits, pools, loaded.decisions is not None) if splits.has_tracks else None,
            payers=self.payers,
            timed=False,
            rowless=True,
            set_aside=rejects is not None,
            rejects=None if rejects == closing.books else rejects,
        )


@contextmanager
def read_plays(month: MonthLogs, watch: Watch) -> Iterator[MonthPlays]:
    """Read the logs and hold the plays of each pool until the block ends.

    Raises:
        InputError: a log or a key column cannot be used.

    """
    cautions, sorters = Cautions(), list[Sorter]()
    logs, terms = month.open(watch, cautions)

    def look(counts: Counts) -> None:
        cautions.add("no-rows", int(not counts.rows), logs.paths, ROWLESS)
        stop_if_strict(month.closing.reading, cautions.found())

    with take_in(month.plan(terms, sorters), logs, watch, cautions, look=look) as taken:
        (stages,) = taken.stages
        said = [
            f"Policy of {len(one.pools):,} pools: {sentence}" for one in stages.weighers for sentence in one.remarks()
        ]
        more = (*(stages.remarks()[len(said) :]), *taken.plan.statements.remarks())
        for sentence in (*sentences(cautions.found()), *month.exclusions.remarks(), *said, *more):
            watch.say(sentence)
        plays = [None if timed else stages.play(code) for code, timed in enumerate(terms.timed(logs.columns))]
        lost = {stages.code(one): rows for one, rows in stages.left.items()}
        by_pool = {
            code: plays_of(pool, lost.get(code, 0), plays[min(code, len(plays) - 1)])
            for code, pool in enumerate(taken.engine.pools)
        }
        yield MonthPlays(taken, by_pool, terms, sorters, cautions)


def plays_of(pool: LocalPool, rows: int, play: int | None) -> PoolPlays:
    payers = pool.payers
    return PoolPlays(rows, payers.users, payers.plays, pool if payers.users else None, play)


DURATIONS = frozenset({"ms", "seconds"})


@dataclass(frozen=True, slots=True)
class QualifyingTerms:
    """Which listens count in which pool."""

    names: tuple[str, ...]
    """Of the pools."""
    pools: tuple[Qualifying, ...]
    """Those of each pool."""
    rest: Qualifying
    """Those of plays without a pool."""

    @property
    def alike(self) -> bool:
        """Whether all are the same."""
        return all(own == self.rest for own in self.pools)

    @property
    def plain(self) -> Qualifying:
        """What a qualifier is made of: the terms of all, or, where they differ, what they have in common."""
        return self.rest if self.alike else replace(self.rest, min_ms=0, measure=None)

    def always(self) -> QualifyingTerms:
        """The same for a log without times: every play is of the month."""
        pools = tuple(replace(own, since=None, until=None) for own in self.pools)
        return QualifyingTerms(self.names, pools, replace(self.rest, since=None, until=None))

    def timed(self, columns: Collection[str]) -> list[bool]:
        """Whether listening is time, in each pool, then in none, of a log with these columns.

        Raises:
            InputError: a pool measures time, and there is no duration.

        """
        has = bool(DURATIONS & {*columns})
        without = [name for name, own in zip(self.names, self.pools, strict=True) if own.measure == "time" and not has]
        if without:
            message = f"{len(without):,} pools measure time, {without[0]} among them, and the log has no duration"
            raise InputError(message, advice="Name it with --columns seconds=NAME or ms=NAME, or measure plays.")
        return [has and own.measure != "plays" for own in (*self.pools, self.rest)]

    def judge(self, qualifier: Qualifier) -> Callable[[RawBatch, Codes], Listens]:
        """Judge rows, each under the terms of its pool."""
        if self.alike:
            return lambda raw, _: qualifier.judge(raw)
        least = np.array([own.min_ms for own in (*self.pools, self.rest)], dtype=np.int64)

        def judge(raw: RawBatch, codes: Codes) -> Listens:
            timed = np.array(self.timed(raw.columns) if raw.columns else [False] * len(least), dtype=np.bool_)
            return qualifier.judge(raw, ByRow(least[codes], timed[codes]))

        return judge


def terms_of(closing: Closing, loaded: Loaded) -> QualifyingTerms:
    """The terms of each pool: what the month states goes before what its policy says."""
    month = loaded.policies.month
    of_policies = [None if chosen is None else chosen.policy for chosen in loaded.policies.pools]
    return QualifyingTerms(
        tuple(pool.name for pool in loaded.pools),
        tuple(closing.qualifying(policy) for policy in of_policies),
        closing.qualifying(None if month is None else month.policy),
    )
