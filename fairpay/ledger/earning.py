"""Earning: the listening of a month is read, each play under the terms of its pool, and each pool divided."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl

from fairpay.adjust.decisions import PENALTY
from fairpay.adjust.payers import Payers, pass_on
from fairpay.adjust.weights import wanted_roles
from fairpay.errors import NothingToPayError
from fairpay.ledger.facts import (
    PAID,
    Applied,
    DecisionFacts,
    Earned,
    MonthFacts,
    MonthListening,
    PenaltyFacts,
    PolicyLine,
    PoolFacts,
)
from fairpay.ledger.pools import OUTSIDE, ROLE_OF, Pool
from fairpay.ledger.sorting import QualifyingTerms, Sorting, read_payers
from fairpay.ledger.tracks import TrackSources, by_artist, by_source
from fairpay.logs.schema import REASONS, Cautions
from fairpay.money.counts import counted
from fairpay.money.currency import Currency, exact_text
from fairpay.money.rounding import Allocation
from fairpay.pipeline.census import Applying
from fairpay.pipeline.division import settled, tied, undecided, weigh
from fairpay.pipeline.intake import Plan, Variant, take_in
from fairpay.pipeline.penalties import charging, seen_unmarked
from fairpay.pipeline.repeats import open_once
from fairpay.pipeline.request import ROLES
from fairpay.pipeline.sources import ByArtist
from fairpay.pipeline.stages import LOST, Lost
from fairpay.pipeline.warn import sentences, stop_if_strict, warn_of_policies
from fairpay.pipeline.withheld import Withholding
from fairpay.rules import find_rule
from fairpay.rules.core.rule import Needs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from fairpay.engine.pool import LocalPool
    from fairpay.kernels.arrays import Ints
    from fairpay.ledger.closing import Closing, Loaded
    from fairpay.logs.read import Logs
    from fairpay.pipeline.intake import HeldPools
    from fairpay.pipeline.request import Watch
    from fairpay.qualify import Counts
    from fairpay.rules.core.month import Month
    from fairpay.settings.values import Qualifying

__all__ = ["earn"]

ROWLESS = "Nobody played in this month, and what its pools pay waits as unallocated: see that the log is whole."


NOBODY = pl.DataFrame(schema=PAID)


def earn(
    closing: Closing,
    loaded: Loaded,
    watch: Watch,
    *,
    take: Callable[..., AbstractContextManager[HeldPools]] = take_in,
) -> Earned:
    """Read the logs, sort every play into its pool, and divide each pool.

    Args:
        closing: what is asked.
        loaded: what the tables say.
        watch: who is told how it goes.
        take: takes the plays of opened logs in, on this machine or elsewhere, as `intake.take_in`.

    Raises:
        InputError: a log, the subscribers or a key column cannot be used.

    """
    month = MonthLogs(closing, loaded, payers_of(closing, loaded))
    with month.taken(watch, take) as held:
        listening = listening_of(held)
        found = [one for one in held.taken.engine.over_pools(held.visit) if one is not None]
        for note in sorted(note for one in found for note in one.notes):
            watch.say(note)
        policies, decisions = applied(held), decision_facts(held.taken)
    found += [unpooled(currency, amount) for currency, amount in month.payers.lost.items() if amount]
    facts = MonthFacts(
        period=closing.period,
        run_id="",
        pools=tuple(one.facts for one in found),
        listening=listening,
        subscribers=month.payers.lines,
        subscribers_without_pool=month.payers.without_pool,
        policies=policies,
        decisions=decisions,
        penalties=tuple(line for one in found for line in one.penalties),
        penalty_to=closing.penalty_to,
    )
    return Earned(facts, tuple(one.paid for one in found), tuple(one.tracks for one in found))


class PoolDivision(NamedTuple):
    """One pool, divided."""

    facts: PoolFacts
    paid: pl.DataFrame = NOBODY
    tracks: pl.DataFrame = NOBODY
    penalties: tuple[PenaltyFacts, ...] = ()
    notes: Sequence[str] = ()
    """What a reader must know."""


def unpooled(code: str, amount: int) -> PoolDivision:
    """What subscribers paid whom no pool covers: all of it is held, for nobody knows its terms."""
    currency = Currency.of(code)
    pool = Pool(f"{OUTSIDE} {code}", {}, currency, currency, Fraction(amount, 10**currency.digits))
    return PoolDivision(PoolFacts.of(pool, "none", subscribers=0))


@dataclass(frozen=True, slots=True)
class HeldMonth:
    """The plays of a month, held by the engine, and what divides its pools."""

    month: MonthLogs
    taken: HeldPools
    sorting: Sorting
    timed: Sequence[bool]
    """Whether a pool measures time, by its code."""

    def visit(self, code: int, held: LocalPool) -> PoolDivision | None:
        """Divide a pool, by its code; only as many as there are threads are opened up at a time.

        None of plays in no pool, and of marked ones, which are opened up with their pool.
        """
        pools = self.month.loaded.pools
        if code >= len(pools) + len(Lost):
            return None
        try:
            return self.divide(code, held) if code < len(pools) else None
        finally:
            held.release()

    def divide(self, code: int, held: LocalPool) -> PoolDivision:
        """Divide one pool. Where nobody listened, or nothing weighs, nobody is paid and the money is unallocated."""
        notes = list[str]()
        charged = self.penalties(code) if self.month.charging else ()
        facts = self.facts(code, held)
        paid, tracks = NOBODY, NOBODY
        if facts.listeners and facts.whole:
            with suppress(NothingToPayError):
                paid, tracks = self.paid_of(code, held, facts, notes)
        return PoolDivision(replace(facts, withheld=int(paid["withheld"].sum())), paid, tracks, charged, notes)

    def facts(self, code: int, held: LocalPool) -> PoolFacts:
        """What is to be divided among those who listened."""
        pool, users = self.month.loaded.pools[code], held.payers.users
        subscribers = self.month.payers.count(code) or users
        label = find_rule(pool.rule or "").label
        return PoolFacts.of(pool, label, subscribers=subscribers, listeners=users, plays=held.payers.plays)

    def penalties(self, code: int) -> tuple[PenaltyFacts, ...]:
        """What the excluded plays of a pool would have earned, and the charges.

        They are held marked, with the others; the pool is divided as it is before any penalty. Of a pool that was
        refunded nothing is charged.
        """
        pools, sources = self.month.loaded.pools, self.month.sources
        marked = self.taken.engine.pools[len(pools) + len(Lost) + code]
        facts, sums = self.facts(code, marked), Counter[tuple[str, str]]()
        if facts.listeners and facts.whole > 0:
            with suppress(NothingToPayError):
                _, tracks = self.paid_of(code, marked, facts, [], marked=True)
                for name, units in tracks.select("source", "amount").iter_rows():
                    source, mark, share = name.partition(PENALTY)
                    sums[sources.earning(source), share] += units if mark else 0
        marked.release()
        return tuple(PenaltyFacts.of(facts.name, *key, units) for key, units in sorted(sums.items()) if units)

    def paid_of(
        self, code: int, plays: LocalPool, facts: PoolFacts, notes: list[str], *, marked: bool = False
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """What each artist (or track with splits) is paid of the pool, and each track; zeros are left out.

        What was refunded is taken back as it would have been paid. Where all tracks are asked for, or excluded plays
        are `marked`, it is divided among them once more, by what each brings its artist; without what is withheld.
        """
        pool, sources = self.month.loaded.pools[code], self.month.sources
        stages = self.taken.stages[0]
        shares = () if marked else stages.withheld(code)
        withholding = Withholding.of(plays, shares) if shares else None
        tracks = plays if withholding is None else withholding.view
        held = seen_for_splits(tracks, sources, marked=marked)
        rule, size, whole = find_rule(pool.rule or ""), abs(facts.whole), by_artist(held, sources.splits)
        known: dict[str, Any] = {
            "pool": size,
            "rate": None if pool.rate == 1 else pool.rate,
            "fees_are_money": False,
            "play": None if self.timed[code] else stages.play(code),
            "digits": facts.scale,
        }
        month: Month = (held if whole is None else whole).month(**known)
        prepared = rule.prepare(month)
        ready = {rule: prepared}
        (allocation,), (begun,) = settled(month, [rule], ready, weigh(month, ready))
        paid = allocation.paid
        if tied(begun):
            notes.append(f"Pool {pool.name}: {undecided(rule, begun.undecided)}")
        if whole is not None:
            paid = Allocation(rule.label, whole.divide(paid, whole.shares(rule, prepared, **known)), size).paid
        kept_back, brings = np.zeros_like(paid), None
        if withholding is not None:
            kept_back, brings = withholding.among(held, whole, rule, prepared, paid)
        sign = 1 if facts.whole > 0 else -1
        found = listed(held, np.flatnonzero(paid), sign * paid, sign * kept_back)
        if not isinstance(held, ByArtist) or not (marked or sources.every):
            return found, NOBODY
        if brings is None:
            one = held if whole is None else replace(whole, sources=tracks, of_source=whole.of_source[held.of_source])
            brings = one.shares(rule, prepared, **known)
        own = sign * held.divide(paid - kept_back, brings)
        return found, listed(tracks, np.flatnonzero(paid[held.of_source]), own, np.zeros_like(own))


def listed(pool: LocalPool | ByArtist, places: Ints, amounts: Ints, withheld: Ints) -> pl.DataFrame:
    """`PAID` of some sources of a pool: int64[n] places, what each source of all is paid, and what is withheld."""
    columns = (pool.names(places), amounts[places], pool.artist_plays[places], withheld[places])
    return pl.DataFrame(dict(zip(PAID, columns, strict=True)), schema=PAID).sort("source")


def seen_for_splits(tracks: LocalPool | ByArtist, sources: TrackSources, *, marked: bool) -> LocalPool | ByArtist:
    """Look at a pool by artists and tracks with splits; in one of `marked` plays as if they were not."""
    if not marked:
        return by_source(tracks, sources.splits) if sources.every else tracks
    plain = seen_unmarked(tracks)
    if not sources.every:
        return plain
    whole = by_source(plain, sources.splits)
    return replace(whole, sources=tracks, of_source=whole.of_source[plain.of_source])


def payers_of(closing: Closing, loaded: Loaded) -> Payers:
    payers = Payers()
    if "subscribers" in closing.tables:
        path = closing.tables["subscribers"]
        payers = read_payers(path, loaded.pools, loaded.columns, currency=closing.currency)
    if (given := loaded.statements.delegations) is not None:
        asked, set_aside = closing.conditions(), closing.reading.rejects is not None
        payers, _ = pass_on(payers, given, viscosity=asked.viscosity, cap=asked.delegate_cap, set_aside=set_aside)
    return payers


def listening_of(held: HeldMonth) -> MonthListening:
    """What was read, and what became of it."""
    taken, pools = held.taken, len(held.month.loaded.pools)
    payers = [pool.payers for pool in taken.engine.pools[: pools + len(Lost)]]
    inside, behind = payers[:pools], dict(zip(LOST.values(), payers[pools:], strict=False))
    rows = {LOST[one]: count for one, count in taken.stages[0].left.items() if count}
    dropped = Counter({REASONS[fate]: count for fate, count in taken.counts.dropped.items()})
    dropped.update(rows)
    return MonthListening(
        rows=taken.counts.rows,
        used=taken.counts.used - sum(rows.values()),
        dropped=dict(sorted(dropped.items())),
        plays=taken.counts.plays,
        plays_used=sum(one.plays for one in inside),
        plays_dropped={reason: one.plays for reason, one in behind.items() if one.plays},
        listeners=sum(one.users for one in payers),
        listeners_used=sum(one.users for one in inside),
        listeners_dropped={reason: one.users for reason, one in behind.items() if one.users},
        without_pool=dict(sorted(held.sorting.without_pool.items())),
    )


def applied(held: HeldMonth) -> tuple[Applied, ...]:
    """What the policy of each pool did."""
    weigher_of = {code: weigher for weigher in held.taken.stages[0].weighers for code in weigher.pools}
    found = []
    for code, pool in enumerate(held.month.loaded.pools):
        if pool.chosen is not None:
            lines = tuple(
                PolicyLine(one.name, str(one.times), one.rows, one.plays, one.applied, str(one.withheld or ""))
                for one in weigher_of[code].touched(code)
            )
            terms, own = held.sorting.terms.pools[pool.name], pool.policy is not None
            least, measure = exact_text(Fraction(terms.min_ms, 1000)), terms.measure or ""
            found.append(Applied(pool.name, pool.chosen.name, pool.chosen.sha256, own, least, measure, lines))
    return tuple(found)


def decision_facts(taken: HeldPools) -> tuple[DecisionFacts, ...]:
    """What each decision was about."""
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
    def charging(self) -> bool:
        """Whether anything may be charged for excluded plays.

        Raises:
            UsageError: a penalty is stated that cannot be charged.

        """
        return charging(self.closing.penalties, self.loaded.decisions, self.loaded.statements)

    @property
    def by_track(self) -> bool:
        """Whether the rule of any pool counts by track."""
        return any(find_rule(pool.rule or "").needs is Needs.TRACKS for pool in self.loaded.pools)

    @property
    def roles(self) -> tuple[str, ...]:
        """The log columns that say which plays count, in which pool, under what policy and by whose splits."""
        loaded = self.loaded
        keys = {ROLE_OF[column] for column in loaded.columns} | {*loaded.exclusions.roles}
        tracks = {"track"} if self.sources.wanted or self.by_track else set()
        policies = {role for pool in loaded.pools if pool.chosen for role in wanted_roles(pool.chosen.policy)}
        return (*ROLES, *sorted((keys | tracks | policies) - {*ROLES}))

    def open(self, watch: Watch, cautions: Cautions) -> tuple[Logs, QualifyingTerms]:
        """Open the logs, once; only plays of the period count, where they have times."""
        closing, terms = self.closing, terms_of(self.closing, self.loaded)
        wanted = (*self.roles, *(() if closing.any_date else ("time",)))
        logs = open_once(
            list(closing.logs), closing.reading, wanted=wanted, cautions=cautions, say=watch.say, rowless=True
        )
        for sentence in logs.notes:
            watch.say(sentence)
        if not closing.any_date and "time" not in logs.columns:
            watch.say(f"The log has no times: all its plays count for {closing.period}")
            terms = terms_of(replace(closing, any_date=True), self.loaded)
        if closing.tracks and "track" not in logs.columns:
            watch.say("The log has no tracks: what artists earn is not divided among any")
        self.loaded.exclusions.check(logs.columns)
        return replace(logs, period=(terms.rest.since, terms.rest.until)), terms

    def plan(self, sorting: Sorting, plain: Qualifying) -> Plan:
        """Say what is done with the plays; `plain` is what qualifiers are made of."""
        closing, loaded = self.closing, self.loaded
        policies: dict[str, Applying] = {}
        for code, pool in enumerate(loaded.pools):
            if (chosen := pool.chosen) is not None:
                before = policies.get(chosen.sha256, Applying(chosen.policy, (), chosen.of(pool.name)))
                policies[chosen.sha256] = replace(before, pools=(*before.pools, code))
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
            statements=loaded.statements,
            sources=self.sources if self.sources.wanted else None,
            tracks=self.by_track,
            payers=self.payers,
            timed=False,
            rowless=True,
            set_aside=rejects is not None,
            rejects=rejects if closing.write_rejects else None,
        )

    @contextmanager
    def taken(self, watch: Watch, take: Callable[..., AbstractContextManager[HeldPools]]) -> Iterator[HeldMonth]:
        """Read the logs and hold the plays of each pool until the block ends."""
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
            yield HeldMonth(self, taken, sorting, timed)


def terms_of(closing: Closing, loaded: Loaded) -> QualifyingTerms:
    """The terms of each pool: what the month states goes before what its policy says."""
    own = {pool.name: closing.qualifying(pool.chosen) for pool in loaded.pools}
    return QualifyingTerms(own, closing.qualifying(loaded.chosen))
