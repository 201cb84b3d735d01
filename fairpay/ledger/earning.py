"""Earning: the listening of a month is read, each play under the terms of its pool, and each pool divided."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fairpay.adjust.payers import Payers, pass_on
from fairpay.adjust.weights import wanted_roles
from fairpay.errors import InputError
from fairpay.ledger.dividing import divide, penalties, unpooled
from fairpay.ledger.facts import (
    Applied,
    DecisionFacts,
    Earned,
    MonthFacts,
    MonthListening,
    Paid,
    PenaltyFacts,
    PolicyLine,
    PoolFacts,
)
from fairpay.ledger.pools import ROLE_OF
from fairpay.ledger.sorting import Sorting, read_payers
from fairpay.ledger.tracks import TrackSources
from fairpay.logs.schema import REASONS, Cautions
from fairpay.money.counts import counted
from fairpay.money.currency import exact_text
from fairpay.pipeline.census import Applying
from fairpay.pipeline.intake import Plan, Statements, Variant, take_in
from fairpay.pipeline.penalties import charging
from fairpay.pipeline.repeats import open_once
from fairpay.pipeline.request import ROLES
from fairpay.pipeline.stages import LOST, Lost
from fairpay.pipeline.warn import sentences, stop_if_strict, warn_of_policies
from fairpay.qualify import ByRow
from fairpay.rules import find_rule
from fairpay.rules.core.rule import Needs
from fairpay.settings.values import number

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
    from contextlib import AbstractContextManager

    from fairpay.engine.pool import LocalPool
    from fairpay.kernels.arrays import Codes
    from fairpay.ledger.closing import Closing, Loaded
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.pipeline.intake import HeldPools
    from fairpay.pipeline.request import Watch
    from fairpay.qualify import Counts, Qualifier
    from fairpay.settings.values import Qualifying

__all__ = ["Take", "earn"]

ROWLESS = "Nobody played in this month, and what its pools pay waits as unallocated: see that the log is whole."
DURATIONS = frozenset({"ms", "seconds"})


class Take(Protocol):
    """Takes the plays of opened logs in, as `intake.take_in`."""

    def __call__(  # noqa: PLR0913 - as it does
        self,
        plan: Plan,
        logs: Logs,
        watch: Watch,
        cautions: Cautions,
        *,
        look: Callable[[Counts], None],
        variants: Sequence[Variant] = (Variant(),),
    ) -> AbstractContextManager[HeldPools]:
        """Hold them until the block ends."""


def earn(closing: Closing, loaded: Loaded, watch: Watch, *, take: Take = take_in) -> Earned:
    """Read the logs, sort every play into its pool, and divide each pool.

    Args:
        closing: what is asked.
        loaded: what the tables say.
        watch: who is told how it goes.
        take: takes the plays in, on this machine or elsewhere.

    Raises:
        InputError: a log, the subscribers or a key column cannot be used.

    """
    month = MonthLogs(closing, loaded, payers_of(closing, loaded))
    pools, payers, notes = loaded.pools, month.payers, list[str]()
    charged: dict[str, tuple[PenaltyFacts, ...]] = {}
    with month.taken(watch, take) as (taken, terms, timed, without_pool):
        visit = dividing(month, taken, timed, charged, notes)
        listening = listening_of(taken, len(pools), dict(sorted(without_pool.items())))
        found = [one for one in taken.engine.over_pools(visit) if one is not None]
        for note in sorted(notes):
            watch.say(note)
        policies, decisions = applied(taken, loaded, terms), decision_facts(taken)
    found += [unpooled(currency, amount) for currency, amount in payers.lost.items() if amount]
    facts = MonthFacts(
        period=closing.period,
        run_id="",
        pools=tuple(pool for pool, _ in found),
        listening=listening,
        subscribers=payers.lines,
        subscribers_without_pool=payers.without_pool,
        policies=policies,
        decisions=decisions,
        penalties=tuple(line for pool in pools for line in charged.get(pool.name, ())),
        penalty_to=closing.penalty_to,
    )
    return Earned(facts, tuple(paid for _, paid in found))


def dividing(
    month: MonthLogs,
    taken: HeldPools,
    timed: Sequence[bool],
    charged: dict[str, tuple[PenaltyFacts, ...]],
    notes: list[str],
) -> Callable[[int, LocalPool], tuple[PoolFacts, Paid] | None]:
    """Return what divides a pool, by its code; `charged` takes its penalties, `notes` what a reader must know.

    Only as many pools as there are threads are opened up at a time.
    """
    pools, sources, places = month.loaded.pools, month.sources, len(month.loaded.pools) + len(Lost)

    def visit(code: int, held: LocalPool) -> tuple[PoolFacts, Paid] | None:
        if code >= places:  # marked plays, which are opened up with their pool
            return None
        try:
            if code >= len(pools):
                return None
            pool, subscribers = pools[code], month.payers.count(code)
            play = None if timed[code] else taken.stages[0].play(code)
            if month.charging:
                marked = taken.engine.pools[places + code]
                charged[pool.name] = penalties(pool, marked, sources, play, subscribers)
                marked.release()
            return divide(pool, held, sources, play, subscribers, notes, taken.stages[0].withheld(code))
        finally:
            held.release()

    return visit


def payers_of(closing: Closing, loaded: Loaded) -> Payers:
    payers = Payers()
    if "subscribers" in closing.tables:
        path = closing.tables["subscribers"]
        payers = read_payers(path, loaded.pools, loaded.columns, currency=closing.currency)
    if loaded.delegations is not None:
        asked, set_aside = closing.conditions(), closing.reading.rejects is not None
        viscosity, cap = asked.viscosity, asked.delegate_cap
        payers, _ = pass_on(payers, loaded.delegations, viscosity=viscosity, cap=cap, set_aside=set_aside)
    return payers


def listening_of(taken: HeldPools, pools: int, without_pool: dict[str, int]) -> MonthListening:
    inside = [pool.payers for pool in taken.engine.pools[:pools]]
    behind = {reason: pool.payers for reason, pool in zip(LOST.values(), taken.engine.pools[pools:], strict=False)}
    stages = taken.stages[0]
    rows = {LOST[one]: count for one, count in stages.left.items() if count}
    dropped = Counter({REASONS[fate]: count for fate, count in taken.counts.dropped.items()})
    dropped.update(rows)
    return MonthListening(
        rows=taken.counts.rows,
        used=taken.counts.used - sum(rows.values()),
        dropped=dict(sorted(dropped.items())),
        plays=taken.counts.plays,
        plays_used=sum(one.plays for one in inside),
        plays_dropped={reason: one.plays for reason, one in behind.items() if one.plays},
        listeners=sum(pool.payers.users for pool in taken.engine.pools[: pools + len(Lost)]),
        listeners_used=sum(one.users for one in inside),
        listeners_dropped={reason: one.users for reason, one in behind.items() if one.users},
        without_pool=without_pool,
    )


def applied(taken: HeldPools, loaded: Loaded, terms: QualifyingTerms) -> tuple[Applied, ...]:
    weigher_of = {code: weigher for weigher in taken.stages[0].weighers for code in weigher.pools}
    found = []
    for code, (pool, chosen) in enumerate(zip(loaded.pools, loaded.policies.pools, strict=True)):
        if chosen is not None:
            lines = tuple(
                PolicyLine(
                    line.name, str(line.times), line.rows, line.plays, line.applied, withheld=str(line.withheld or "")
                )
                for line in weigher_of[code].touched(code)
            )
            least, measure = (
                exact_text(Fraction(terms.pools[pool.name].min_ms, 1000)),
                terms.pools[pool.name].measure or "",
            )
            own = pool.policy is not None
            found.append(Applied(pool.name, chosen.name, chosen.sha256, own, least, measure, lines))
    return tuple(found)


def decision_facts(taken: HeldPools) -> tuple[DecisionFacts, ...]:
    decisions = taken.stages[0].decisions
    if decisions is None:
        return ()
    found = [
        DecisionFacts(one.mark, one.kind, one.said, one.by, int(rows))
        for one, rows in zip(decisions.decisions, decisions.touched, strict=False)
    ]
    return tuple(sorted(found, key=lambda one: one.mark))


@dataclass(frozen=True)
class MonthLogs:
    """What is to be read, and how it is sorted."""

    closing: Closing
    loaded: Loaded
    payers: Payers

    @cached_property
    def sources(self) -> TrackSources:
        """Who plays are of: artists, tracks with splits, or all tracks."""
        loaded = self.loaded
        return TrackSources(
            loaded.routing.splits, len(loaded.pools), loaded.decisions is not None, every=self.closing.tracks
        )

    @cached_property
    def statements(self) -> Statements:
        """What listeners state themselves."""
        loaded = self.loaded
        stated = {name: getattr(loaded, name) for name in ("history", "wishes", "delegations")}
        return Statements(**stated, kappa=number("kappa", self.closing.kappa))

    @cached_property
    def charging(self) -> bool:
        """Whether anything may be charged for excluded plays.

        Raises:
            UsageError: a penalty is stated that cannot be charged.

        """
        return charging(self.closing.penalties, self.loaded.decisions, self.statements)

    @property
    def by_track(self) -> bool:
        """Whether the rule of any pool counts by track."""
        return any(find_rule(pool.rule or "").needs is Needs.TRACKS for pool in self.loaded.pools)

    @property
    def roles(self) -> tuple[str, ...]:
        """The log columns that say which plays count, in which pool, under what policy and by whose splits."""
        keys = {ROLE_OF[column] for column in self.loaded.columns} | {*self.loaded.exclusions.roles}
        tracks = {"track"} if self.sources.wanted or self.by_track else set()
        policies = {role for chosen in self.loaded.policies.pools if chosen for role in wanted_roles(chosen.policy)}
        return (*ROLES, *sorted((keys | tracks | policies) - {*ROLES}))

    def open(self, watch: Watch, cautions: Cautions) -> tuple[Logs, QualifyingTerms]:
        """Open the logs, once; only plays of the period count, where they have times."""
        closing, terms = self.closing, terms_of(self.closing, self.loaded)
        wanted = (*self.roles, *(() if terms.rest.since is None else ("time",)))
        logs = open_once(
            list(closing.logs), closing.reading, wanted=wanted, cautions=cautions, say=watch.say, rowless=True
        )
        for sentence in logs.notes:
            watch.say(sentence)
        if terms.rest.since is not None and "time" not in logs.columns:
            watch.say(f"The log has no times: all its plays count for {closing.period}")
            terms = terms.always()
        if closing.tracks and "track" not in logs.columns:
            watch.say("The log has no tracks: what artists earn is not divided among any")
        self.loaded.exclusions.check(logs.columns)
        return replace(logs, period=(terms.rest.since, terms.rest.until)), terms

    def plan(self, sorting: Sorting, plain: Qualifying) -> Plan:
        """Say what is done with the plays; `plain` is what qualifiers are made of."""
        closing, loaded = self.closing, self.loaded
        policies: dict[str, Applying] = {}
        for code, chosen in enumerate(loaded.policies.pools):
            if chosen is not None:
                before = policies.get(chosen.sha256, Applying(chosen.policy, ()))
                policies[chosen.sha256] = Applying(chosen.policy, (*before.pools, code))

        rejects = closing.reading.rejects
        return Plan(
            reading=closing.reading,
            qualifying=plain,
            running=closing.running,
            judging=sorting,
            pools=len(loaded.pools),
            policies=[policies[key] for key in sorted(policies)],
            artists=closing.tables.get("artists"),
            decisions=loaded.decisions,
            penalties=closing.penalties,
            statements=self.statements,
            sources=self.sources if self.sources.wanted else None,
            tracks=self.by_track,
            payers=self.payers,
            timed=False,
            rowless=True,
            set_aside=rejects is not None,
            rejects=None if rejects == closing.books else rejects,
        )

    @contextmanager
    def taken(
        self, watch: Watch, take: Take
    ) -> Iterator[tuple[HeldPools, QualifyingTerms, Sequence[bool], Mapping[str, int]]]:
        """Read the logs and hold the plays of each pool until the block ends.

        With them go the terms, which pools measure time, and how many rows no pool covers, by their keys.
        """
        cautions, loaded = Cautions(), self.loaded
        logs, terms = self.open(watch, cautions)
        timed = terms.timed(logs.columns)
        sorting = Sorting(terms, loaded.pools, loaded.columns, loaded.routing.aliases, loaded.exclusions)

        def look(counts: Counts) -> None:
            cautions.add("no-rows", int(not counts.rows), logs.paths, ROWLESS)
            stop_if_strict(self.closing.reading, cautions.found())

        more = {"variants": (Variant(), Variant(charged=True))} if self.charging else {}
        with take(self.plan(sorting, terms.plain), logs, watch, cautions, look=look, **more) as taken:
            stages = taken.stages[0]
            warn_of_policies(stages.weighers, cautions)
            stop_if_strict(self.closing.reading, cautions.found())
            said = [
                f"Policy of {counted(len(one.pools), 'pool')}: {sentence}"
                for one in stages.weighers
                for sentence in one.remarks()
            ]
            stated = (*(stages.remarks()[len(said) :]), *taken.plan.statements.remarks())
            for sentence in (*sentences(cautions.found()), *loaded.exclusions.remarks(), *said, *stated):
                watch.say(sentence)
            yield taken, terms, timed, sorting.without_pool


@dataclass(frozen=True, slots=True)
class QualifyingTerms:
    """Which listens count in which pool."""

    pools: Mapping[str, Qualifying]
    """Pool name -> its terms, in the order of the pools."""
    rest: Qualifying
    """Those of plays without a pool."""

    @property
    def alike(self) -> bool:
        """Whether all are the same."""
        return all(own == self.rest for own in self.pools.values())

    @property
    def plain(self) -> Qualifying:
        """What a qualifier is made of: the terms of all, or, where they differ, what they have in common."""
        return self.rest if self.alike else replace(self.rest, min_ms=0, measure=None)

    def always(self) -> QualifyingTerms:
        """The same for a log without times: every play is of the month."""
        pools = {name: replace(own, since=None, until=None) for name, own in self.pools.items()}
        return QualifyingTerms(pools, replace(self.rest, since=None, until=None))

    def timed(self, columns: Collection[str]) -> list[bool]:
        """Whether listening is time, in each pool, then in none, of a log with these columns."""
        has = bool(DURATIONS & {*columns})
        without = [name for name, own in self.pools.items() if own.measure == "time" and not has]
        if without:
            pools = f"{counted(len(without), 'pool')} to be measured by time, {without[0]} among them"
            message = f"{pools}, and the log has no duration"
            raise InputError(message, advice="Name it with --columns seconds=NAME or ms=NAME, or measure plays.")
        return [has and own.measure != "plays" for own in (*self.pools.values(), self.rest)]

    def judge(self, qualifier: Qualifier) -> Callable[[RawBatch, Codes], Listens]:
        """Judge rows, each under the terms of its pool."""
        if self.alike:
            return lambda raw, _: qualifier.judge(raw)
        least = np.array([own.min_ms for own in (*self.pools.values(), self.rest)], dtype=np.int64)

        def judge(raw: RawBatch, codes: Codes) -> Listens:
            timed = np.array(self.timed(raw.columns) if raw.columns else [False] * len(least), dtype=np.bool_)
            return qualifier.judge(raw, ByRow(least[codes], timed[codes]))

        return judge


def terms_of(closing: Closing, loaded: Loaded) -> QualifyingTerms:
    """The terms of each pool: what the month states goes before what its policy says."""
    month, policies = loaded.policies.month, zip(loaded.pools, loaded.policies.pools, strict=True)
    own = {pool.name: closing.qualifying(None if chosen is None else chosen.policy) for pool, chosen in policies}
    return QualifyingTerms(own, closing.qualifying(None if month is None else month.policy))
