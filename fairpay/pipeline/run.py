"""The order of the stages, and nothing else: listens -> qualify -> engine -> rules -> allocation -> outcome."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING

import pyarrow as pa

from fairpay.engine.local import LocalEngine
from fairpay.errors import InputError, NothingToPayError
from fairpay.logs.artists import read_artists
from fairpay.logs.caution import Cautions
from fairpay.logs.read import open_logs
from fairpay.logs.schema import REASONS, Fate
from fairpay.logs.subscribers import read_subscribers
from fairpay.pipeline.division import divide
from fairpay.pipeline.funds import Paying, check_stated, fee_units, funds
from fairpay.pipeline.repeats import Once, Watching, find_repeats, open_once
from fairpay.pipeline.request import Beside, Inspection, Request, Watch
from fairpay.pipeline.staging import Staging, open_stages, read_ruling
from fairpay.pipeline.warn import (
    sentences,
    stop_if_strict,
    warn_of_alike,
    warn_of_logs,
    warn_of_lost,
    warn_of_span,
    watch_several,
)
from fairpay.qualify import Qualifier, refused_rows
from fairpay.reports.controls import controls
from fairpay.reports.figures import moved_between
from fairpay.reports.outcome import Condition, InputFile, Listening, Money, Outcome
from fairpay.runs.inputs import log_inputs
from fairpay.runs.rejects import check_rejects, write_rejects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from fairpay.adjust.ruling import Ruling
    from fairpay.engine.local import Intake
    from fairpay.errors import FairpayError
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.caution import Warned
    from fairpay.logs.read import Logs
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.money.currency import Currency
    from fairpay.pipeline.division import Division
    from fairpay.qualify import Counts
    from fairpay.rules.core.month import Month
    from fairpay.settings.values import MoneyStated

__all__ = ["Beside", "Request", "Watch", "inspect", "refusal", "run", "take_in"]

ROLES = ("user", "artist", "plays", "seconds", "ms")


def run(request: Request, watch: Watch | None = None, *, beside: Beside | None = None) -> Outcome:
    """Do the whole job, and give back integers; where people have decided, also what their decisions come to.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.errors`.

    """
    if request.decisions is None:
        return with_thresholds(request, carry_out(request, watch, beside=beside))
    from fairpay.adjust.ruling import Ruling  # noqa: PLC0415 - only where people have decided
    from fairpay.pipeline.decided import effects  # noqa: PLC0415 - the same

    ruling = read_ruling(request.decisions)
    outcome = carry_out(request, watch, beside=beside, ruling=ruling)
    kept = carry_out(request, None, ruling=Ruling(ruling.decisions, apart=True))
    return with_thresholds(request, replace(outcome, decided=effects(ruling, kept, outcome)))


def with_thresholds(request: Request, outcome: Outcome) -> Outcome:
    """Add what each threshold of a policy moves: the month is divided once more without it."""
    if request.conditions.policy is None:
        return outcome
    from fairpay.adjust.policy import find_policy  # noqa: PLC0415 - only where there is one

    limits = {limit.name for limit in find_policy(request.conditions.policy).thresholds}
    told: list[Condition] = []
    notes: list[str] = []
    for line in outcome.conditions:
        moved: tuple[int, ...] | None = None
        if line.name in limits:
            without = replace(request, conditions=replace(request.conditions, without=line.name))
            ruling = None if request.decisions is None else read_ruling(request.decisions)
            other = carry_out(without, None, ruling=ruling, pool=outcome.money.pool) if line.rows else outcome
            moved = moved_between(outcome, other)
            notes += other_pool(line.name, outcome, other)
        told.append(replace(line, moved=moved))
    return replace(outcome, conditions=tuple(told), notes=(*outcome.notes, *notes))


def other_pool(name: str, outcome: Outcome, other: Outcome) -> list[str]:
    """Say where a threshold changes the pool itself: listeners who have no plays left then are no payers."""
    gone = other.listening.users - outcome.listening.users
    if other.money.pool == outcome.money.pool:
        return []
    pool, code = outcome.currency.text(outcome.money.pool), outcome.currency.code
    without = outcome.currency.text(other.money.pool)
    who = "1 listener has" if gone == 1 else f"{gone:,} listeners have"
    said = f"{name}: {who} no plays left, so that the pool is {pool} {code}; without the threshold it"
    return [f"{said} would be {without} {code}. What the threshold moves is told of the pool of {pool} {code}"]


def carry_out(
    request: Request,
    watch: Watch | None,
    *,
    beside: Beside | None = None,
    ruling: Ruling | None = None,
    pool: int | None = None,
) -> Outcome:
    """Go through the stages once; `pool` minor units are divided, whatever the money stated comes to."""
    currency = check_stated(request.money, required=request.money_required)
    names = artist_names(request.artists)
    with LocalEngine(request.running) as engine:
        once = find_once(engine, request, () if beside is None else beside.roles)
        stages = Stages(beside=beside, ruling=ruling, staging=staging_of(request, once), once=once)
        if request.money.subscribers is not None:
            payers = stages.staging.payers(read_subscribers(request.money.subscribers, currency, request.reading))
            engine.subscribe(payers, unlisted=request.money.unlisted)
        inspection = take_in(engine, request, watch or Watch(), stages=stages)
        intake = engine.finish(fee=fee_units(request.money, currency))
        warn_of_alike(engine.artist, inspection.cautions)
        warnings = inspection.cautions.found()
        stop_if_strict(request.reading, warnings)
        if watch is not None:
            for sentence in sentences(warnings):
                watch.say(sentence)
        listening = describe(inspection.counts, intake, len(engine.artist), left=stages.left_out())
        refuse_nothing(request, intake, listening, missed=stages.staging.missed)
        money = funds(request.money, currency, paying(request.money, intake, unit=stages.staging.fee_unit))
        month = engine.month(
            pool=money.pool if pool is None else pool,
            rate=known_rate(request.money),
            fees_are_money=request.money.pool is None,
            fee_unit=stages.staging.fee_unit,
            play=stages.play if listening.measure == "plays" else None,
        )
        found = Found(
            currency,
            money,
            listening,
            inspection.inputs,
            engine.artist,
            engine.artist_plays,
            engine.artist_ms,
            names,
            stages.staging,
            warnings,
        )
        outcome = conclude(divided(month, request, intake), found)
        if beside is not None:
            beside.look(month, outcome)
        return outcome


def refuse_nothing(request: Request, intake: Intake, listening: Listening, *, missed: Sequence[str]) -> None:
    """Refuse a month in which no play counts, or no listener is a subscriber.

    Raises:
        NothingToPayError: with the reasons.

    """
    if intake.unlisted and intake.users <= (0 if request.money.unlisted == "leave-out" else intake.unlisted):
        raise strangers(request, intake.unlisted, "line")
    if intake.users:
        return
    reasons = sorted(listening.dropped.items(), key=lambda pair: (-pair[1], pair[0]))
    told = ", ".join(f"{count:,} {reason}" for reason, count in reasons)
    message = f"nothing to pay: none of {listening.rows:,} rows counts: {told}"
    if not missed:
        raise NothingToPayError(message, advice="See `fairpay check` for why rows were left out.")
    advice = "Give a log of as many months as the threshold means, or a copy of the policy with other numbers: "
    raise NothingToPayError(
        ". ".join([message, *missed]), advice=f"{advice}`fairpay rules {request.conditions.policy}` prints it."
    )


def strangers(request: Request, listeners: int, lacking: str) -> NothingToPayError:
    """Say that no listener is among those who paid; no id is told, as they may be personal."""
    who = "the only listener has no" if listeners == 1 else f"none of the {listeners:,} listeners has a"
    message = f"{who} {lacking} in {request.money.subscribers}"
    return NothingToPayError(message, advice="Are user ids written alike in the log and in the file of subscribers?")


def divided(month: Month, request: Request, intake: Intake) -> Division:
    """Divide the month under every rule.

    Raises:
        NothingToPayError: a rule finds no weight to divide the pool by.

    """
    try:
        return divide(month, request.rules)
    except NothingToPayError:
        if request.money.subscribers is None or intake.fees:
            raise
        raise strangers(request, intake.users, "line with a payment") from None


def inspect(request: Request, watch: Watch | None = None) -> tuple[Inspection, Listening]:
    """Read and qualify only; bad rows are counted and stop nothing.

    Raises:
        FairpayError: an input that cannot be used.

    """
    with LocalEngine(request.running) as engine:
        inspection = take_in(engine, request, watch or Watch(), roles=("time",), stages=Stages(), looking=True)
        intake = engine.finish(fee=1)
        warn_of_alike(engine.artist, inspection.cautions)
        return inspection, describe(inspection.counts, intake, len(engine.artist))


def refusal(request: Request, inspection: Inspection, warnings: Sequence[Warned]) -> FairpayError | None:
    """Return what a run would stop with after reading; None where it goes on."""
    counts = inspection.counts
    if counts.bad and request.reading.rejects is None:
        return refused_rows(counts)
    try:
        stop_if_strict(request.reading, warnings)
    except InputError as strict:
        return strict
    return None if counts.used else NothingToPayError(f"nothing to pay: none of {counts.rows:,} rows qualified")


@dataclass(frozen=True, slots=True)
class Stages:
    """Who sees each judged batch on its way into the engine."""

    beside: Beside | None = None
    ruling: Ruling | None = None
    staging: Staging = field(default_factory=Staging)
    once: Once | None = None
    """Plays that are told more than once and count once, where they were looked for."""

    @property
    def roles(self) -> tuple[str, ...]:
        """Columns wanted besides those that money needs."""
        return (*(self.beside.roles if self.beside is not None else ()), *self.staging.roles)

    @property
    def hash_only(self) -> bool:
        """Whether nobody looks at ids on the way: they are only hashed."""
        return (
            self.ruling is None and self.beside is None and self.staging.roles == () and self.staging.layering is None
        )

    def apply(self, raw: RawBatch, listens: Listens) -> Listens:
        """Pass a judged batch on: a person's decisions, those who look on, policy and wishes."""
        if self.ruling is not None:
            listens = self.ruling.apply(listens)
        if self.beside is not None:
            self.beside.take(raw, listens)
        return self.staging.apply(raw, listens)

    @property
    def play(self) -> int:
        """What one play comes to once weights have brought all of them to whole numbers."""
        return (1 if self.ruling is None else self.ruling.scale) * self.staging.base

    def left_out(self) -> dict[Fate, int]:
        """Rows that qualified and were left out on the way, by reason."""
        excluded = self.ruling.left_out if self.ruling is not None else 0
        return {**({Fate.EXCLUDED: excluded} if excluded else {}), **self.staging.dropped}


def find_once(engine: LocalEngine, request: Request, roles: tuple[str, ...]) -> Once | None:
    """Find the plays that are told more than once, where they are to count once; `roles` are read besides."""
    if request.reading.repeats != "drop":
        return None
    more: tuple[str, ...] = ()
    if request.conditions.policy is not None:
        from fairpay.adjust.policy import find_policy  # noqa: PLC0415 - only where there is one
        from fairpay.adjust.weights import wanted_roles  # noqa: PLC0415 - the same

        more = wanted_roles(find_policy(request.conditions.policy))
    period = (request.qualifying.since, request.qualifying.until)
    logs = open_once(request.logs, request.reading, wanted=(*ROLES, *roles, *more), period=period)
    judge = lambda qualifier: qualifier.judge  # noqa: E731 - nothing is done beside
    return find_repeats(logs, request.qualifying, judge, spool=engine.spool, running=request.running)


def staging_of(request: Request, once: Once | None = None) -> Staging:
    """Open what the conditions of a run ask for; without conditions it changes nothing."""
    return open_stages(
        request.conditions,
        request.logs,
        reading=request.reading,
        qualifying=request.qualifying,
        running=request.running,
        artists=request.artists,
        subscribers=request.money.subscribers,
        once=once,
    )


def take_in(  # noqa: PLR0913 - what is read, by whom and what for
    engine: LocalEngine,
    request: Request,
    watch: Watch,
    *,
    roles: tuple[str, ...] = (),
    stages: Stages | None = None,
    looking: bool = False,
) -> Inspection:
    """Read the logs, judge every row, and hand the listens to the engine; `roles` are read besides those needed.

    Where it is only for `looking`, bad rows are counted and nothing is written.
    """
    qualifying, running, rejects = request.qualifying, request.running, request.reading.rejects
    stages = stages or Stages()
    period = (qualifying.since, qualifying.until)
    timed = () if period == (None, None) else ("time",)
    wanted = dict.fromkeys((*ROLES, *timed, *roles, *stages.roles))
    cautions = Cautions()
    logs = open_once(
        request.logs, request.reading, wanted=tuple(wanted), period=period, cautions=cautions, say=watch.say
    )
    warn_of_logs(logs, cautions)
    inputs = input_files(request, logs)
    if rejects is not None:
        check_rejects(rejects, [one.path for one in inputs])
    for sentence in (found_columns(logs), *logs.notes):
        watch.say(sentence)
    repeats = Watching.of(logs, stages.once or find_once(engine, request, roles), engine.spool)
    rejects = None if looking else rejects
    aside = looking or rejects is not None
    qualifier = Qualifier(qualifying, set_aside=aside, cautions=cautions, repeats=repeats.judge)

    def judged(raw: RawBatch) -> Listens:
        watch_several(raw, request.reading.several_artists, cautions)
        return stages.apply(raw, qualifier.judge(raw))

    units = logs.units(batch_rows=running.batch_rows, views=stages.hash_only)
    engine.ingest(units, judged, progress=watch.progress)
    counts = qualifier.finish()
    repeats.finish(request.reading, cautions, running)
    warn_of_lost(logs, counts, request.reading, cautions, paying=request.money_required)
    if period == (None, None) and request.money.pool is None:
        warn_of_span(counts, cautions)
    engine.ingest(stages.staging.extra(), lambda listens: listens)
    if stages.ruling is not None:
        stages.ruling.finish()
    if rejects is not None:
        tables = [qualifier.rejected(), *stages.staging.rejected()]
        write_rejects(pa.concat_tables(tables, promote_options="default"), rejects)
        if counts.bad:
            watch.say(f"{counts.bad:,} rows set aside in {rejects}")
    return Inspection(logs.columns, logs.detected, logs.paths, counts, cautions, inputs)


def input_files(request: Request, logs: Logs | None = None) -> list[InputFile]:
    """Return every file a run reads, with what it is read as. `logs`, where they are open, are not looked for."""
    found = logs or open_logs(request.logs, request.reading, wanted=ROLES)
    asked = request.conditions
    given: dict[str, str | Path | None] = {
        "subscribers": request.money.subscribers,
        "artists": request.artists,
        "decisions": request.decisions,
        "policy": None,
        "history": asked.history,
        "wishes": asked.wishes,
        "delegations": asked.delegations,
    }
    if asked.policy is not None:
        from fairpay.adjust.policy import policy_file  # noqa: PLC0415 - only where there is one

        given["policy"] = policy_file(asked.policy)
    tables = [InputFile(role, str(path)) for role, path in given.items() if path not in {None, *request.in_memory}]
    return [*log_inputs(found.files, request.reading), *tables]


def found_columns(logs: Logs) -> str:
    """Say which column was taken for what."""
    pairs = ", ".join(f"{role} = {column}" for role, column in logs.columns.items() if column)
    return f"Columns: {pairs}" + (" (detected)" if logs.detected else "")


@dataclass(frozen=True, slots=True)
class Found:
    """What is known before the rules run."""

    currency: Currency
    money: Money
    listening: Listening
    inputs: Sequence[InputFile]
    artist: pa.Array
    plays: Ints
    ms: Ints | None
    names: Mapping[str, str]
    staging: Staging
    warnings: tuple[Warned, ...]


def describe(counts: Counts, intake: Intake, artists: int, *, left: Mapping[Fate, int] | None = None) -> Listening:
    """Put together what was read, by fate; `left` is what was left out after qualifying."""
    later = {Fate.UNLISTED: intake.unlisted_rows, **(left or {})}
    gone = {REASONS[fate]: count for fate, count in later.items() if count}
    times = (counts.first_time, counts.last_time)
    return Listening(
        rows=counts.rows,
        used=counts.used - sum(gone.values()),
        dropped={REASONS[fate]: count for fate, count in counts.dropped.items()} | gone,
        users=intake.users,
        artists=artists,
        plays=intake.plays,
        ms=intake.ms,
        measure=counts.measure,
        period=None if times[0] is None or times[1] is None else (moment(times[0]), moment(times[1])),
    )


def moment(microseconds: int) -> str:
    """Write microseconds since 1970 as ISO 8601 in UTC, in whole seconds."""
    return datetime.fromtimestamp(microseconds // 1_000_000, tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def paying(stated: MoneyStated, intake: Intake, *, unit: int) -> Paying:
    """Keep what the engine found about payers, where there was a subscriber file; `unit` fee units are a minor unit."""
    if stated.subscribers is None:
        return Paying(users=intake.users, fees=0)
    return Paying(
        intake.users,
        Fraction(intake.fees, unit),
        intake.inactive,
        Fraction(intake.inactive_fees, unit),
        intake.unlisted,
        left_out=stated.unlisted == "leave-out",
    )


def known_rate(stated: MoneyStated) -> Fraction | None:
    """Return alpha, where it is known: a pool stated without a rate says nothing of it."""
    return None if stated.pool is not None and stated.rate == 1 else stated.rate


def artist_names(path: Path | None) -> dict[str, str]:
    """Read artist names by id, where there is a file with names."""
    if path is None:
        return {}
    frame = read_artists(path)
    if "name" not in frame.columns:
        return {}
    return dict(frame.select("artist", "name").drop_nulls().iter_rows())


def conclude(division: Division, found: Found) -> Outcome:
    """Put the results together, with the controls they have to pass."""
    return Outcome(
        currency=found.currency,
        money=found.money,
        listening=found.listening,
        artist=found.artist,
        plays=found.plays,
        ms=found.ms,
        listeners=division.listeners,
        payouts=division.payouts,
        market_weight=division.market_weight,
        user_weight=division.user_weight,
        median_fee=division.median_fee,
        inputs=tuple(found.inputs),
        mcdonald=division.mcdonald,
        controls=controls(found, division.payouts),
        names=found.names,
        warnings=found.warnings,
        notes=(*found.staging.remarks(), *division.remarks),
        conditions=tuple(Condition(t.name, t.times, t.rows, t.plays, t.applied) for t in found.staging.touched),
    )
