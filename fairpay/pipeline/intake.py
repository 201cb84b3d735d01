"""Read, qualify, adjust, engine: the listening of one pool or many is taken in, and held for the rules."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
import pyarrow as pa

from fairpay.adjust.decisions import Decisions
from fairpay.adjust.layering import Layering
from fairpay.adjust.payers import Payers
from fairpay.adjust.weights import limits
from fairpay.engine.local import LocalEngine
from fairpay.engine.spool import Spool
from fairpay.money.counts import counted
from fairpay.pipeline.census import census_of, weigher_of
from fairpay.pipeline.repeats import Watching, find_repeats
from fairpay.pipeline.stages import Lost, Stages, Tracks
from fairpay.pipeline.warn import guard_withholding, refuse_tracks, warn_of_several
from fairpay.qualify import Qualifier
from fairpay.runs.outputs import write_rejects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from fractions import Fraction
    from pathlib import Path

    import polars as pl

    from fairpay.adjust.decisions import Decision, Penalties
    from fairpay.adjust.layering import Wishes
    from fairpay.adjust.stated import Stated
    from fairpay.adjust.weights import Census
    from fairpay.engine.keys import Members
    from fairpay.engine.local import Unlisted
    from fairpay.engine.pool import Intake, LocalPool
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Cautions, Listens, RawBatch
    from fairpay.pipeline.census import Applying
    from fairpay.pipeline.repeats import Once
    from fairpay.pipeline.request import Observer, Watch
    from fairpay.pipeline.stages import Sources
    from fairpay.qualify import Counts
    from fairpay.settings.values import Qualifying, Reading, Running

__all__ = [
    "Held",
    "HeldPools",
    "Judging",
    "Plan",
    "Qualified",
    "Statements",
    "Taken",
    "Variant",
    "counted_apart",
    "stages_of",
    "take_in",
]

T = TypeVar("T")
BEHIND = 2
"""Places behind the pools that there always are: plays without a pool, and excluded ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statements:
    """What listeners state themselves, and how it counts."""

    history: Stated[dict[str, int]] | None = None
    wishes: Stated[Wishes] | None = None
    delegations: Stated[dict[str, Fraction]] | None = None
    kappa: Fraction

    def layering(self, pools: int) -> Layering | None:
        """Return what divides listening anew; None where nobody states how."""
        if not (self.history or self.wishes):
            return None
        past = self.history.by_user if self.history else {}
        return Layering(past, self.wishes.by_user if self.wishes else {}, self.kappa, pools)

    def check_wishes(self, layering: Layering, payers: Payers, *, set_aside: bool) -> None:
        """Refuse wishes of users who are neither in the log nor subscribers.

        Raises:
            InputError: there are such, and they are not set aside.

        """
        wishes = self.wishes
        if wishes is not None:
            known = layering.seen | payers.among(pa.array(sorted(wishes.by_user), pa.large_string()))
            wishes.leave_out_unknown(lambda user: user in known, "user is neither in the log nor a subscriber")
            wishes.check(set_aside=set_aside)

    def rejected(self) -> list[pa.Table]:
        """Return the lines that were set aside: file, row, reason."""
        files = (self.history, self.wishes, self.delegations)
        return [stated.rejected() for stated in files if stated is not None and stated.faults]

    def remarks(self) -> tuple[str, ...]:
        """Say in a sentence who passed money on."""
        if self.delegations is None:
            return ()
        lending = counted(len(self.delegations.by_user), "subscriber lets", "subscribers let")
        return (f"delegations: {lending} others steer part of their money",)


@dataclass(frozen=True, slots=True)
class Variant:
    """One way to adjust the same plays; the month is divided once for each."""

    without: str | None = None
    """A threshold of the policy that is left out, to see what it moves."""
    apart: bool = False
    """Whether nothing is decided, and every decided play is paid to a line of its own, to see what it comes to."""
    charged: bool = False
    """Whether excluded plays are kept and marked, to see what they would have earned."""


class Judging(Protocol):
    """Makes what judges batches; it is data, so that it can be sent to other machines."""

    def __call__(self, qualifier: Qualifier, payers: Payers) -> Callable[[RawBatch], Listens]:
        """Return what judges the batches of one reading."""

    def noted(self) -> Mapping[str, int]:
        """Return what the last reading counted beside rows by fate, by name: it adds up."""

    def note(self, counts: Mapping[str, int]) -> None:
        """Have counted what readings elsewhere did."""


@dataclass(frozen=True, slots=True)
class Qualified:
    """Judges rows by nothing but whether they qualify, as `Judging`."""

    def __call__(self, qualifier: Qualifier, payers: Payers) -> Callable[[RawBatch], Listens]:  # noqa: ARG002 - as others
        """Return what judges the batches of one reading."""
        return qualifier.judge

    def noted(self) -> Mapping[str, int]:
        """Nothing is counted."""
        return {}

    def note(self, counts: Mapping[str, int]) -> None:
        """Nothing is counted."""


class Noting(Protocol):
    """What sees every batch that is taken in."""

    @property
    def members(self) -> Members | None:
        """Which groups users are in, for the engine to keep beside them."""

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """See a batch; called from threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is read, and what is done with it, for one pool or many."""

    reading: Reading
    qualifying: Qualifying
    running: Running
    judging: Judging = field(default_factory=Qualified)
    """Makes what judges a batch and, of several pools, says of each row to which it belongs; codes behind them are of
    plays without one."""
    pools: int | None = None
    """How many there are; None: one, which rows do not name."""
    policies: Sequence[Applying] = ()
    artists: Path | pl.DataFrame | None = None
    """A file of artists, or what it holds, whose columns stand for those that the log lacks."""
    decisions: Sequence[Decision] | None = None
    penalties: Penalties | None = None
    """What is charged for excluded plays."""
    statements: Statements
    sources: Sources | None = None
    payers: Payers = field(default_factory=Payers)
    unlisted: Unlisted = "free"
    fee: int = 1
    """What each listener paid, where there are no payers."""
    timed: bool = True
    """Whether each artist's time is kept: where it is another number than the amount, it costs memory."""
    rowless: bool = False
    """Whether a log may have no row."""
    set_aside: bool = False
    """Whether bad rows are counted and stop nothing."""
    rejects: Path | None = None
    """Where they go."""
    counted: Mapping[str, Mapping[int, Census]] | None = None
    """What policies ask for, counted over everybody; None: it is counted in these logs."""
    tracks: bool = False
    """Whether plays are held by track, too, for rules that count so."""
    listeners: Noting | None = None
    """Takes down what listeners are in."""
    wary: bool = False
    """Whether odd rows are warned of where there are several pools, too."""
    partly: bool = False
    """Whether these are the plays of some users only: what needs everybody is checked where parts are added up."""

    @property
    def counting(self) -> bool:
        """Whether policies count streams and listeners before plays are weighed."""
        return any(limits(one.policy) for one in self.policies)

    @property
    def places(self) -> int:
        """How many places of the engine each variant has: one, or the pools and those behind them."""
        return 1 if self.pools is None else self.pools + len(Lost)

    def judge(self, qualifier: Qualifier) -> Callable[[RawBatch], Listens]:
        """Return what judges the batches of one reading."""
        return self.judging(qualifier, self.payers)


class Pools(Protocol):
    """What holds the plays that were taken in."""

    def pool(self, code: int) -> LocalPool:
        """Return one pool."""


class ManyPools(Pools, Protocol):
    """What holds the plays of many pools."""

    @property
    def pools(self) -> Sequence[LocalPool]:
        """All of them, and the places behind."""

    def over_pools(self, visit: Callable[[int, LocalPool], T]) -> list[T]:
        """Call `visit` with each pool's code and the pool; return results by code."""


class Held(Protocol):
    """What was read, wherever its plays are."""

    @property
    def plan(self) -> Plan: ...  # noqa: D102 - see `Taken`

    @property
    def counts(self) -> Counts: ...  # noqa: D102

    @property
    def engine(self) -> Pools: ...  # noqa: D102

    @property
    def stages(self) -> tuple[Stages, ...]: ...  # noqa: D102


class HeldPools(Held, Protocol):
    """The same of a month of many pools."""

    @property
    def engine(self) -> ManyPools: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read, and the engine that holds it."""

    plan: Plan
    logs: Logs
    counts: Counts
    engine: LocalEngine
    intake: Intake
    """What the first pool adds up to."""
    stages: tuple[Stages, ...]
    """One for each variant; pool k of the engine is variant k, where rows name no pools."""


@contextmanager
def take_in(  # noqa: PLR0913 - what is read, and who looks on
    plan: Plan,
    logs: Logs,
    watch: Watch,
    cautions: Cautions,
    *,
    observer: Observer | None = None,
    variants: Sequence[Variant] = (Variant(),),
    look: Callable[[Counts], None] = lambda _: None,
) -> Iterator[Taken]:
    """Read opened logs once (and before, as often as policies count and repeats are looked for); hold the plays.

    Args:
        plan: what is done with them.
        logs: opened, with every column that the plan needs.
        watch: who is told how it goes.
        cautions: where warnings go.
        observer: sees every batch of the first variant.
        variants: how the plays are adjusted; pool k of variant v is at `v * plan.places + k` in the engine.
        look: sees the counts before anything is written; may raise what stops the run.

    Raises:
        InputError: a log cannot be used; statements or decisions are about nobody.
        OutputError: rejects or temporary data cannot be written.

    """
    running, places = plan.running, len(variants) * plan.places
    expected = plan.pools + BEHIND if len(variants) == 1 and plan.pools is not None else places
    members = None if plan.listeners is None else plan.listeners.members
    with LocalEngine(running, pools=expected, members=members, tracks=places if plan.tracks else None) as engine:
        once = repeats_of(plan, logs, engine.spool)
        stages = open_stages(plan, logs, once, variants, observer)
        subscribe(plan, engine, len(variants))
        repeats = Watching.of(logs, once, engine.spool)
        odd = cautions if plan.pools is None or plan.wary else None
        qualifier = Qualifier(plan.qualifying, set_aside=plan.set_aside, cautions=odd, repeats=repeats.judge)
        units = logs.units(batch_rows=running.batch_rows, views=stages[0].hash_only)
        adjust = partial(adjusted, plan, stages, plan.judge(qualifier), odd)
        engine.ingest(units, adjust, progress=watch.progress)
        counts = qualifier.finish(rowless=plan.rowless)
        repeats.finish(plan.reading, cautions, running)
        look(counts)
        for variant, through in enumerate(stages):
            divide_anew(plan, engine, through, variant if len(stages) > 1 else None)
            if not plan.partly:
                through.finish()
        if plan.rejects is not None:
            write_rejects(rejected(plan, qualifier), plan.rejects)
        yield Taken(plan, logs, counts, engine, engine.finish(fee=plan.fee, pools=places), stages)


def rejected(plan: Plan, qualifier: Qualifier) -> pa.Table:
    """Return the rows that were set aside, those of the logs first."""
    return pa.concat_tables([qualifier.rejected(), *plan.statements.rejected()], promote_options="default")


def repeats_of(plan: Plan, logs: Logs, spool: Spool) -> Once | None:
    """Find plays that are told more than once, where these are dropped."""
    if plan.reading.repeats != "drop":
        return None
    return find_repeats(logs, plan.qualifying, plan.judge, spool=spool, running=plan.running)


def subscribe(plan: Plan, engine: LocalEngine, variants: int) -> None:
    """Tell the engine who paid what, in every pool."""
    for pool, parts in sorted(plan.payers.parts.items()):
        for variant in range(variants):
            unlisted = "free" if plan.partly and plan.unlisted == "refuse" else plan.unlisted
            engine.subscribe(parts, unlisted=unlisted, pool=pool + variant * plan.places)


def adjusted(
    plan: Plan,
    stages: Sequence[Stages],
    judge: Callable[[RawBatch], Listens],
    cautions: Cautions | None,
    raw: RawBatch,
) -> Iterator[Listens]:
    """Judge a batch, and take it through the stages of each variant."""
    listens = judge(raw)
    if raw.several and cautions is not None:
        warn_of_several(raw, plan.reading.several_artists, cautions)
    for variant, through in enumerate(stages):
        found = through(raw, listens)
        if plan.listeners is not None and not variant and raw.columns:
            plan.listeners.take(raw, found)
        found = finished(plan, found, variant if len(stages) > 1 else None)
        yield found
        if through.tracks is not None and raw.columns:
            yield through.tracks(raw, found)


def divide_anew(plan: Plan, engine: LocalEngine, through: Stages, variant: int | None) -> None:
    """Hand what listeners stated something about to the engine, divided as they say.

    Raises:
        InputError: wishes of users who are nowhere.

    """
    if through.layering is None:
        return
    divided = finished(plan, through.layering.extra(), variant)
    if len(divided.used):
        engine.ingest([partial(iter, [divided])], lambda listens: listens)
    plan.statements.check_wishes(through.layering, plan.payers, set_aside=plan.set_aside)


def finished(plan: Plan, listens: Listens, variant: int | None) -> Listens:
    """Make what the engine takes in: without times where none are kept, each of several variants a pool of its own."""
    if not plan.timed:
        listens = replace(listens, ms=None)
    if variant is None:
        return listens
    first = variant * plan.places
    codes = np.full(len(listens.used), first, dtype=np.uint32)
    codes += np.uint32(0) if listens.pool is None else listens.pool
    divisions = None if listens.divisions is None else {first + pool: one for pool, one in listens.divisions.items()}
    return replace(listens, pool=codes, divisions=divisions)


def open_stages(
    plan: Plan, logs: Logs, once: Once | None, variants: Sequence[Variant], observer: Observer | None
) -> tuple[Stages, ...]:
    """Count what policies ask for, and put the stages of each variant together; `observer` sees the first."""
    counted = count_first(plan, logs, once) if plan.counted is None else plan.counted
    found = tuple(stages_of(plan, logs.columns, counted, variant) for variant in variants)
    found[0].observer = observer
    if plan.tracks:
        charged, kept_back = any(one.charged for one in variants), any(one.policy.withhold for one in plan.policies)
        refuse_tracks(logs.columns, found[0].layering is not None, plan.unlisted == "leave-out", charged, kept_back)
        for one in found:
            one.tracks = Tracks(len(variants) * plan.places, plan.places, one.pools)
    return found


def count_first(plan: Plan, logs: Logs, once: Once | None) -> dict[str, dict[int, Census]]:
    """Count what policies ask for, see `census_of`; `once` says which plays are told again."""

    def judging() -> Callable[[RawBatch], Listens]:
        repeats = None if once is None else once.again()
        return plan.judge(Qualifier(plan.qualifying, set_aside=True, repeats=repeats))

    return census_of(logs, plan.policies, judging, pools=plan.pools or 1, running=plan.running, artists=plan.artists)


def counted_apart(plan: Plan, logs: Logs) -> dict[str, dict[int, Census]]:
    """Count what policies ask for in logs of some users: `artist` or `track` -> pool -> what was counted there."""
    with closing(Spool(plan.running)) as spool:
        return count_first(plan, logs, repeats_of(plan, logs, spool))


def stages_of(
    plan: Plan, columns: Mapping[str, Any], counted: Mapping[str, Mapping[int, Census]], variant: Variant
) -> Stages:
    """Put the stages of a variant together, for logs with these columns by role."""
    kept = (tuple(t for t in one.policy.thresholds if t.name != variant.without) for one in plan.policies)
    policies = [
        replace(one, policy=replace(one.policy, thresholds=limits))
        for one, limits in zip(plan.policies, kept, strict=True)
    ]
    pools = plan.pools if plan.pools is not None else 1
    for one in plan.policies:
        if one.policy.withhold:
            anew = plan.statements.layering(pools) is not None
            guard_withholding((), anew=anew, charged=variant.charged, whose=one.whose)
    return Stages(
        pools=pools,
        decisions=None
        if plan.decisions is None
        else Decisions(plan.decisions, apart=variant.apart, penalties=plan.penalties if variant.charged else None),
        weighers=tuple(weigher_of(one, columns, counted, plan.artists) for one in policies),
        layering=plan.statements.layering(pools),
        sources=plan.sources,
    )
