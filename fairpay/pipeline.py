"""The order of the stages, and nothing else: listens -> qualify -> engine -> rules -> allocation -> outcome."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pyarrow as pa

from fairpay.division import divide
from fairpay.engines.local import LocalEngine
from fairpay.errors import NothingToPayError
from fairpay.funds import Paying, check_stated, fee_units, funds
from fairpay.io.artists import read_artists
from fairpay.io.inputs import log_inputs
from fairpay.io.listens import open_logs
from fairpay.io.rejects import check_rejects, write_rejects
from fairpay.io.subscribers import read_subscribers
from fairpay.outcome import Condition, InputFile, Listening, Money, Outcome
from fairpay.qualify import Qualifier
from fairpay.reports.controls import controls
from fairpay.reports.figures import moved_between
from fairpay.request import Beside, Inspection, Request, Watch
from fairpay.schema import REASONS, Fate
from fairpay.staging import Staging, open_stages, read_ruling

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from fractions import Fraction
    from pathlib import Path

    from fairpay.division import Division
    from fairpay.engines.local import Intake
    from fairpay.io.listens import Logs
    from fairpay.money import Currency
    from fairpay.qualify import Counts
    from fairpay.ruling import Ruling
    from fairpay.schema import Listens, RawBatch
    from fairpay.settings import MoneyStated
    from fairpay.usage import Ints

__all__ = ["Beside", "Request", "Watch", "inspect", "run", "take_in"]

ROLES = ("user", "artist", "plays", "seconds", "ms")


def run(request: Request, watch: Watch | None = None, *, beside: Beside | None = None) -> Outcome:
    """Do the whole job, and give back integers; where people have decided, also what their decisions come to.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.errors`.

    """
    if request.decisions is None:
        return with_thresholds(request, carry_out(request, watch, beside=beside))
    from fairpay.ruling import Ruling, effects  # noqa: PLC0415 - only where people have decided

    ruling = read_ruling(request.decisions)
    outcome = carry_out(request, watch, beside=beside, ruling=ruling)
    kept = carry_out(request, None, ruling=Ruling(ruling.decisions, apart=True))
    return with_thresholds(request, replace(outcome, decided=effects(ruling, kept, outcome)))


def with_thresholds(request: Request, outcome: Outcome) -> Outcome:
    """Add what each threshold of a policy moves: the month is divided once more without it."""
    if request.conditions.policy is None:
        return outcome
    from fairpay.policy import find_policy  # noqa: PLC0415 - only where there is one

    limits = {limit.name for limit in find_policy(request.conditions.policy).thresholds}
    told = []
    for line in outcome.conditions:
        moved: tuple[int, ...] | None = None
        if line.name in limits:
            without = replace(request, conditions=replace(request.conditions, without=line.name))
            ruling = None if request.decisions is None else read_ruling(request.decisions)
            other = carry_out(without, None, ruling=ruling) if line.rows else outcome
            moved = moved_between(outcome, other)
        told.append(replace(line, moved=moved))
    return replace(outcome, conditions=tuple(told))


def carry_out(
    request: Request, watch: Watch | None, *, beside: Beside | None = None, ruling: Ruling | None = None
) -> Outcome:
    """Go through the stages once."""
    currency = check_stated(request.money, required=request.money_required)
    names = artist_names(request.artists)
    with LocalEngine(request.running) as engine:
        stages = Stages(beside=beside, ruling=ruling, staging=staging_of(request))
        if request.money.subscribers is not None:
            payers = stages.staging.payers(read_subscribers(request.money.subscribers, currency))
            engine.subscribe(payers, unlisted=request.money.unlisted)
        inspection = take_in(engine, request, watch or Watch(), stages=stages)
        intake = engine.finish(fee=fee_units(request.money, currency))
        listening = describe(inspection.counts, intake, len(engine.artist), left=stages.left_out())
        if not intake.users:
            message = f"nothing to pay: none of {listening.rows:,} rows qualified"
            raise NothingToPayError(message, advice="See `fairpay check` for why rows were left out.")
        money = funds(request.money, currency, paying(request.money, intake))
        month = engine.month(pool=money.pool, rate=known_rate(request.money), fees_are_money=request.money.pool is None)
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
        )
        outcome = conclude(divide(month, request.rules), found)
        if beside is not None:
            beside.look(month, outcome)
        return outcome


def inspect(request: Request, watch: Watch | None = None) -> tuple[Inspection, Listening]:
    """Read and qualify only.

    Raises:
        FairpayError: an input that cannot be used.

    """
    with LocalEngine(request.running) as engine:
        inspection = take_in(engine, request, watch or Watch(), roles=("time",), stages=Stages())
        intake = engine.finish(fee=1)
        return inspection, describe(inspection.counts, intake, len(engine.artist))


@dataclass(frozen=True, slots=True)
class Stages:
    """Who sees each judged batch on its way into the engine."""

    beside: Beside | None = None
    ruling: Ruling | None = None
    staging: Staging = field(default_factory=Staging)

    @property
    def roles(self) -> tuple[str, ...]:
        """Columns wanted besides those that money needs."""
        return (*(self.beside.roles if self.beside is not None else ()), *self.staging.roles)

    def apply(self, raw: RawBatch, listens: Listens) -> Listens:
        """Pass a judged batch on: a person's decisions, those who look on, policy and wishes."""
        if self.ruling is not None:
            listens = self.ruling.apply(listens)
        if self.beside is not None:
            self.beside.take(raw, listens)
        return self.staging.apply(raw, listens)

    def left_out(self) -> dict[Fate, int]:
        """Rows that qualified and were left out on the way, by reason."""
        excluded = self.ruling.left_out if self.ruling is not None else 0
        return {**({Fate.EXCLUDED: excluded} if excluded else {}), **self.staging.dropped}


def staging_of(request: Request) -> Staging:
    """Open what the conditions of a run ask for; without conditions it changes nothing."""
    return open_stages(
        request.conditions,
        request.logs,
        reading=request.reading,
        qualifying=request.qualifying,
        running=request.running,
        artists=request.artists,
        subscribers=request.money.subscribers,
    )


def take_in(
    engine: LocalEngine, request: Request, watch: Watch, *, roles: tuple[str, ...] = (), stages: Stages | None = None
) -> Inspection:
    """Read the logs, judge every row, and hand the listens to the engine; `roles` are read besides those needed."""
    qualifying, running, rejects = request.qualifying, request.running, request.reading.rejects
    stages = stages or Stages()
    period = (qualifying.since, qualifying.until)
    timed = () if period == (None, None) else ("time",)
    wanted = dict.fromkeys((*ROLES, *timed, *roles, *stages.roles))
    logs = open_logs(request.logs, request.reading, wanted=tuple(wanted), period=period)
    inputs = input_files(request, logs)
    if rejects is not None:
        check_rejects(rejects, [one.path for one in inputs])
    for sentence in (found_columns(logs), *logs.notes):
        watch.say(sentence)
    qualifier = Qualifier(qualifying, set_aside=rejects is not None)
    units = logs.units(batch_rows=running.batch_rows, threads=running.threads)
    engine.ingest(units, lambda raw: stages.apply(raw, qualifier.judge(raw)), progress=watch.progress)
    counts = qualifier.finish()
    engine.ingest(stages.staging.extra(), lambda listens: listens)
    if stages.ruling is not None:
        stages.ruling.finish()
    if rejects is not None:
        tables = [qualifier.rejected(), *stages.staging.rejected()]
        write_rejects(pa.concat_tables(tables, promote_options="default"), rejects)
        if counts.bad:
            watch.say(f"{counts.bad:,} rows set aside in {rejects}")
    return Inspection(logs.columns, logs.detected, logs.files, counts, inputs)


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
        from fairpay.policy import policy_file  # noqa: PLC0415 - only where there is one

        given["policy"] = policy_file(asked.policy)
    tables = [InputFile(role, str(path)) for role, path in given.items() if path is not None]
    return [*log_inputs(found.sources, request.reading), *tables]


def found_columns(logs: Logs) -> str:
    """Say which column was taken for what."""
    pairs = ", ".join(f"{role} = {column}" for role, column in logs.columns.items())
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


def paying(stated: MoneyStated, intake: Intake) -> Paying:
    """Keep what the engine found about payers, where there was a subscriber file."""
    if stated.subscribers is None:
        return Paying(users=intake.users, fees=0)
    return Paying(intake.users, intake.fees, intake.inactive, intake.inactive_fees, intake.unlisted)


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
        notes=(*found.staging.remarks(), *division.remarks),
        conditions=tuple(Condition(t.name, t.times, t.rows, t.plays, t.applied) for t in found.staging.touched),
    )
