"""The order of the stages, and nothing else: listens -> qualify -> engine -> rules -> allocation -> outcome."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from fairpay.division import divide
from fairpay.engines.local import LocalEngine
from fairpay.errors import NothingToPayError
from fairpay.funds import Paying, check_stated, fee_units, funds
from fairpay.io.artists import read_artists
from fairpay.io.decisions import read_decisions
from fairpay.io.listens import open_logs
from fairpay.io.rejects import write_rejects
from fairpay.io.subscribers import read_subscribers
from fairpay.outcome import Listening, Money, Outcome
from fairpay.qualify import Qualifier
from fairpay.reports.controls import controls
from fairpay.ruling import Ruling, effects
from fairpay.schema import REASONS, Fate
from fairpay.settings import MoneyStated, Qualifying, Reading, Running

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from fractions import Fraction
    from pathlib import Path

    import pyarrow as pa

    from fairpay.division import Division
    from fairpay.engines.local import Intake
    from fairpay.io.listens import Logs
    from fairpay.money import Currency
    from fairpay.month import Month
    from fairpay.qualify import Counts
    from fairpay.rule import Rule
    from fairpay.schema import Listens, RawBatch
    from fairpay.usage import Ints

__all__ = ["Beside", "Request", "inspect", "run"]

ROLES = ("user", "artist", "plays", "seconds", "ms")


@dataclass(frozen=True, slots=True)
class Request:
    """All that a run is asked."""

    logs: object
    """Paths, a Polars frame, or anything that exports Arrow."""
    rules: tuple[Rule, ...] = ()
    reading: Reading = field(default_factory=Reading)
    qualifying: Qualifying = field(default_factory=Qualifying)
    money: MoneyStated = field(default_factory=MoneyStated)
    running: Running = field(default_factory=Running)
    artists: Path | None = None
    """A file of artist ids and names."""
    decisions: Path | None = None
    """A review file that a person has filled in."""
    money_required: bool = False
    """Whether a run without stated money is refused."""


@dataclass(frozen=True, slots=True)
class Watch:
    """Who is told how a run goes."""

    say: Callable[[str], None] = lambda _: None
    """Takes sentences for the reader."""
    progress: Callable[[int, int], None] | None = None
    """Takes the rows and the bytes of each batch that was read; called from threads."""


class Beside(Protocol):
    """Someone who looks at the same plays while they are divided, without reading the logs again."""

    roles: tuple[str, ...]
    """Columns wanted besides those that money needs."""

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """See a judged batch; called from threads."""

    def look(self, month: Month, outcome: Outcome) -> None:
        """See the month and what it came to, while the engine still holds it."""


def run(request: Request, watch: Watch | None = None, *, beside: Beside | None = None) -> Outcome:
    """Do the whole job, and give back integers; where people have decided, also what their decisions come to.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.errors`.

    """
    if request.decisions is None:
        return carry_out(request, watch, beside=beside)
    ruling = Ruling(read_decisions(request.decisions))
    outcome = carry_out(request, watch, beside=beside, ruling=ruling)
    kept = carry_out(request, None, ruling=Ruling(ruling.decisions, apart=True))
    return replace(outcome, decided=effects(ruling, kept, outcome))


def carry_out(
    request: Request, watch: Watch | None, *, beside: Beside | None = None, ruling: Ruling | None = None
) -> Outcome:
    """Go through the stages once."""
    currency = check_stated(request.money, required=request.money_required)
    names = artist_names(request.artists)
    with LocalEngine(request.running) as engine:
        if request.money.subscribers is not None:
            payers = read_subscribers(request.money.subscribers, currency)
            engine.subscribe(payers, unlisted=request.money.unlisted)
        inspection = take_in(engine, request, watch or Watch(), beside=beside, ruling=ruling)
        intake = engine.finish(fee=fee_units(request.money, currency))
        listening = describe(inspection.counts, intake, len(engine.artist), excluded=ruling.left_out if ruling else 0)
        if not intake.users:
            message = f"nothing to pay: none of {listening.rows:,} rows qualified"
            raise NothingToPayError(message, advice="See `fairpay check` for why rows were left out.")
        money = funds(request.money, currency, paying(request.money, intake))
        month = engine.month(pool=money.pool, rate=known_rate(request.money), fees_are_money=request.money.pool is None)
        found = Found(
            currency, money, listening, inspection.files, engine.artist, engine.artist_plays, engine.artist_ms, names
        )
        outcome = conclude(divide(month, request.rules), found)
        if beside is not None:
            beside.look(month, outcome)
        return outcome


@dataclass(frozen=True, slots=True)
class Inspection:
    """What reading and qualifying alone found out."""

    columns: Mapping[str, str]
    """role -> column of the log."""
    detected: bool
    """Whether the columns were found by their names."""
    files: Sequence[str]
    """The log files, in order."""
    counts: Counts
    """Rows by fate."""


def inspect(request: Request, watch: Watch | None = None) -> tuple[Inspection, Listening]:
    """Read and qualify only.

    Raises:
        FairpayError: an input that cannot be used.

    """
    with LocalEngine(request.running) as engine:
        inspection = take_in(engine, request, watch or Watch(), roles=("time",))
        intake = engine.finish(fee=1)
        return inspection, describe(inspection.counts, intake, len(engine.artist))


def take_in(  # noqa: PLR0913 - each stage that sees the rows is named
    engine: LocalEngine,
    request: Request,
    watch: Watch,
    *,
    roles: tuple[str, ...] = (),
    beside: Beside | None = None,
    ruling: Ruling | None = None,
) -> Inspection:
    """Read the logs, judge every row, and hand the listens to the engine; `roles` are read besides those needed."""
    qualifying, running, rejects = request.qualifying, request.running, request.reading.rejects
    period = (qualifying.since, qualifying.until)
    timed = () if period == (None, None) else ("time",)
    wanted = dict.fromkeys((*ROLES, *timed, *roles, *(beside.roles if beside is not None else ())))
    logs = open_logs(request.logs, request.reading, wanted=tuple(wanted), period=period)
    for sentence in (found_columns(logs), *logs.notes):
        watch.say(sentence)
    qualifier = Qualifier(qualifying, set_aside=rejects is not None)
    units = logs.units(batch_rows=running.batch_rows, threads=running.threads)

    def judge(raw: RawBatch) -> Listens:
        listens = qualifier.judge(raw)
        if ruling is not None:
            listens = ruling.apply(listens)
        if beside is not None:
            beside.take(raw, listens)
        return listens

    engine.ingest(units, judge, progress=watch.progress)
    counts = qualifier.finish()
    if ruling is not None:
        ruling.finish()
    if rejects is not None:
        write_rejects(qualifier.rejected(), rejects)
        if counts.bad:
            watch.say(f"{counts.bad:,} rows set aside in {rejects}")
    return Inspection(logs.columns, logs.detected, input_files(request, logs.files), counts)


def input_files(request: Request, logs: Sequence[str] | None = None) -> list[str]:
    """Return every file a run reads: logs, subscribers, artists. `logs`, where they are known, are not looked for."""
    found = open_logs(request.logs, request.reading, wanted=ROLES).files if logs is None else logs
    others = (request.money.subscribers, request.artists, request.decisions)
    return [*found, *(str(path) for path in others if path is not None)]


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
    files: Sequence[str]
    artist: pa.Array
    plays: Ints
    ms: Ints | None
    names: Mapping[str, str]


def describe(counts: Counts, intake: Intake, artists: int, *, excluded: int = 0) -> Listening:
    """Put together what was read, by fate."""
    dropped = {REASONS[fate]: count for fate, count in counts.dropped.items()}
    if intake.unlisted_rows:
        dropped[REASONS[Fate.UNLISTED]] = intake.unlisted_rows
    if excluded:
        dropped[REASONS[Fate.EXCLUDED]] = excluded
    times = (counts.first_time, counts.last_time)
    return Listening(
        rows=counts.rows,
        used=counts.used - intake.unlisted_rows - excluded,
        dropped=dropped,
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
        inputs=tuple(found.files),
        mcdonald=division.mcdonald,
        controls=controls(found, division.payouts),
        names=found.names,
        notes=division.remarks,
    )
