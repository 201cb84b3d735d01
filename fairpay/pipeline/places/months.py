"""Several months in one run: the log is read once into a pool for each month, and each is settled by itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairpay.adjust.payers import Payers
from fairpay.engine.feeding import feed, usable_processors
from fairpay.engine.keys import KeyTable, fresh_keys, hash_ids
from fairpay.engine.partition import PayerTotals
from fairpay.engine.pool import Intake
from fairpay.errors import InputError, NothingToPayError, UsageError
from fairpay.pipeline.census import Applying
from fairpay.pipeline.funds import check_stated
from fairpay.pipeline.grouping import artist_groups
from fairpay.pipeline.intake import Qualified, take_in
from fairpay.pipeline.request import Watch, begin, input_files
from fairpay.pipeline.run import artist_names, plan_of, warn_of_counts
from fairpay.pipeline.settle import Ending, controls, describe
from fairpay.pipeline.warn import named_elsewhere, sentences, stop_if_strict, warn_of_alike, warn_of_policies
from fairpay.pipeline.withheld import without_marks
from fairpay.pipeline.work import Placed, watching
from fairpay.qualify import Qualifier
from fairpay.qualify.columns import read_moments
from fairpay.reports.groups import united
from fairpay.reports.outcome import Control, MonthOutcomes
from fairpay.settings.option import is_spark

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fairpay.engine.pool import LocalPool
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens, RawBatch, Warned
    from fairpay.money.currency import Currency
    from fairpay.pipeline.intake import Plan, Taken
    from fairpay.pipeline.request import Request
    from fairpay.reports.outcome import Outcome
    from fairpay.settings.option import Logs

__all__ = ["place"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
EACH = "State --fee or --subscribers, which hold for each month."
APART = "Run each month by itself, with --from and --to."
MOST = 120
"""Months in one run."""


@dataclass(frozen=True, slots=True)
class MonthStarts(Qualified):
    """The months of a period."""

    names: tuple[str, ...]
    """`2026-10`."""
    start: Ints
    """int64[months + 1]: the first moment of each, and of what comes behind, microseconds since 1970 UTC."""

    @classmethod
    def of(cls, first: int, last: int) -> MonthStarts:
        """Return the months from one moment to another.

        Raises:
            InputError: they are too many.

        """
        begin, end = (EPOCH + timedelta(microseconds=moment) for moment in (first, last))
        count = 12 * (end.year - begin.year) + end.month - begin.month + 1
        if count > MOST:
            message = f"the log covers {count:,} months, and --by month shows {MOST} at most"
            raise InputError(message, advice="Give --from and --to.")
        places = [divmod(12 * begin.year + begin.month - 1 + k, 12) for k in range(count + 1)]
        moments = [datetime(year, month + 1, 1, tzinfo=UTC) for year, month in places]
        names = tuple(f"{moment:%Y-%m}" for moment in moments[:-1])
        return cls(names, np.array([(moment - EPOCH) // MICROSECOND for moment in moments], dtype=np.int64))

    def __call__(self, qualifier: Qualifier, payers: Payers) -> Callable[[RawBatch], Listens]:  # noqa: ARG002 - as others
        """Return what judges a batch and says of each row in which month it lies."""

        def judge(raw: RawBatch) -> Listens:
            listens = qualifier.judge(raw)
            if not raw.columns:
                return replace(listens, pool=np.zeros(0, dtype=np.uint32))
            found = np.searchsorted(self.start, read_moments(raw.columns["time"]).value, side="right") - 1
            return replace(listens, pool=np.clip(found, 0, len(self.names) - 1).astype(np.uint32))

        return judge


@dataclass(slots=True)
class Seen:
    """Who listened in any month, by hashes of ids, and how many rows count in each."""

    rows: Ints
    """int64[months]."""
    members: None = None
    secret: Any = field(default_factory=fresh_keys)
    users: KeyTable = field(default_factory=KeyTable)
    lock: Lock = field(default_factory=Lock)

    def take(self, raw: RawBatch, listens: Listens) -> None:  # noqa: ARG002 - see `ListenerColumns`
        """See rows that are taken in."""
        assert listens.pool is not None
        inside = listens.used & (listens.pool < len(self.rows))
        keys = hash_ids(listens.user, self.secret)[inside]
        with self.lock:
            self.users.enter(keys)
            self.rows += np.bincount(listens.pool[inside], minlength=len(self.rows))

    def among(self, payers: Payers) -> int:
        """Count those who are among the subscribers of a month, which are those of each."""
        before, lines = self.users.count, 0
        for ids, _ in payers.parts[0]:
            self.users.enter(hash_ids(ids, self.secret))
            lines += len(ids)
        return lines - (self.users.count - before)


def place(_: str, logs: Logs, __: Sequence[str], options: Mapping[str, Any]) -> Placed:
    """Say where a run of several months is done: here.

    Raises:
        UsageError: it is to be done elsewhere, or told of few listeners.

    """
    if options["engine"] != "local" or is_spark(logs):
        message = "--by month runs on this machine only"
        raise UsageError(message, advice="Use --engine local, or run each month by itself, with --from and --to.")
    if options.get("k", 1) > 1:
        message = "--k does not go with --by month: nobody has counted who listened to an artist in several months"
        raise UsageError(message, advice="Publish each month by itself, with --from and --to.")
    return Placed(logs, options, partial(run_months, watch=watching(options)))


def run_months(request: Request, watch: Watch | None = None) -> Outcome:
    """Do the whole job for each month of a log; the outcome is of all, and holds the months.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.errors`.

    """
    watch = watch or Watch()
    refuse_in_months(request)
    currency = check_stated(request.money, required=request.money_required)
    opened = request.opened
    if not opened.logs.columns.get("time"):
        message = "--by month needs the time of each play, and the log has no column for it"
        raise InputError(message, advice="Name it with --columns time=NAME.")
    begin(request, watch)
    calendar = calendar_of(request)
    inner, plan, unit, seen = in_months(request, calendar, currency)
    look = partial(warn_of_counts, opened.logs.columns, named_elsewhere(opened.logs), inner, opened.cautions)
    with take_in(plan, opened.logs, watch, opened.cautions, look=look) as taken:
        own = (taken.engine.pool(month).artist for month in range(len(calendar.names)) if seen.rows[month])
        ids = pa.chunked_array([without_marks(artists) for artists in own], pa.large_string())
        warn_of_alike(ids.unique(), opened.cautions)
        warn_of_policies(taken.stages[0].weighers, opened.cautions)
        warnings = opened.cautions.found()
        stop_if_strict(request.reading, warnings)
        for sentence in sentences(warnings):
            watch.say(sentence)
        settled = months_of(partial(Ending, inner, currency, unit, {}), taken, calendar, seen)
        return together(request, taken, settled, seen, warnings)


def months_of(ending: Callable[..., Ending], taken: Taken, calendar: MonthStarts, seen: Seen) -> MonthOutcomes:
    """Settle each month that has plays; `ending` makes what settles plays that were taken in.

    Raises:
        NothingToPayError: none has, or nobody pays in one.

    """
    # what was left out on the way is said of all months together
    stages = tuple(replace(one, left=type(one.left)()) for one in taken.stages) * len(calendar.names)

    def settle(month: int, pool: LocalPool) -> Outcome | None:
        if month >= len(calendar.names) or not seen.rows[month]:
            return None
        rows = int(seen.rows[month])
        counts = replace(taken.counts, rows=rows, used=rows, dropped={}, first_time=None, last_time=None)
        held = replace(taken, counts=counts, stages=stages)
        try:
            outcome = ending(held, (), ()).settle(month)[1]
        except NothingToPayError as error:
            error.message = f"{calendar.names[month]}: {error.message}"
            raise
        pool.release()
        return outcome

    found = taken.engine.over_pools(settle)
    settled = {name: one for name, one in zip(calendar.names, found, strict=False) if one is not None}
    if not settled:
        message = f"nothing to pay: none of {taken.counts.rows:,} rows counts"
        raise NothingToPayError(message, advice="See `fairpay check` for why rows were left out.")
    return MonthOutcomes(tuple(settled), tuple(settled.values()))


def in_months(request: Request, calendar: MonthStarts, currency: Currency) -> tuple[Request, Plan, int, Seen]:
    """Say what is done in each month: the request, the plan for all, fee units of a minor unit, and who is seen."""
    months, since, until = len(calendar.names), request.qualifying.since, request.qualifying.until
    begin, end = int(calendar.start[0]), int(calendar.start[-1])
    bounded = replace(
        request.qualifying, since=begin if since is None else since, until=end if until is None else until
    )
    inner, seen = replace(request, by=(), qualifying=bounded), Seen(np.zeros(months, dtype=np.int64))
    plan, unit = plan_of(inner, currency, kept=True)
    plan = replace(
        plan,
        pools=months,
        judging=calendar,
        policies=tuple(Applying(one.policy, tuple(range(months))) for one in plan.policies),
        payers=Payers(dict.fromkeys(range(months), plan.payers.parts[0])) if plan.payers.parts else plan.payers,
        listeners=seen,
        wary=True,
    )
    return inner, plan, unit, seen


def together(
    request: Request, taken: Taken, months: MonthOutcomes, seen: Seen, warnings: tuple[Warned, ...]
) -> Outcome:
    """Put the outcome of all months together, and the groups that are asked for besides."""
    payers = PayerTotals.summed(pool.payers for pool in taken.engine.pools[: len(seen.rows)])
    ms = [one.listening.ms for one in months.outcomes]
    total = None if None in ms else sum(filter(None, ms))
    users = seen.among(taken.plan.payers) if taken.plan.unlisted == "leave-out" else seen.users.count
    intake = Intake(**{**asdict(payers), "users": users}, artists=0, ms=total, subscribers=0)
    listening = describe(taken.counts, intake, 0, left=taken.stages[0].left_out())
    outcome = united(months, listening)
    path = request.artists
    groups = (artist_groups(by, path, outcome.artist) for by in request.grouped if path is not None)
    outcome = replace(
        outcome,
        inputs=tuple(input_files(request)),
        names=artist_names(request.artists),
        warnings=warnings,
        groups=(months, *groups),
    )
    pools = sum(one.money.pool for one in months.outcomes)
    right = all(control.ok for one in months.outcomes for control in one.controls)
    detail = f"{len(months.names):,} months, each paid its own pool: {outcome.currency.text(pools)} in all"
    return replace(outcome, controls=(*controls(outcome), Control("months", right, detail)))


def calendar_of(request: Request) -> MonthStarts:
    """Find the months: of --from and --to, else of the first and the last play that counts, which takes a reading."""
    first, last = request.qualifying.since, request.qualifying.until
    if first is None or last is None:
        qualifier = Qualifier(request.qualifying, set_aside=True)
        units = request.opened.logs.units(batch_rows=request.running.batch_rows)

        def consume(raw: RawBatch) -> None:
            qualifier.judge(raw)

        feed(units, [consume] * (request.running.threads or usable_processors()))
        counts = qualifier.finish()
        if counts.first_time is None or counts.last_time is None:
            message = f"nothing to pay: none of {counts.rows:,} rows counts and has a time"
            raise NothingToPayError(message, advice="See `fairpay check` for why rows were left out.")
        first = counts.first_time if first is None else first
        last = counts.last_time + 1 if last is None else last
    return MonthStarts.of(first, last - 1)


def refuse_in_months(request: Request) -> None:
    """Refuse what is of one month.

    Raises:
        UsageError: with what and why.

    """
    conditions, own_pool = request.conditions, request.policy is not None and request.policy.has_pool
    reasons: Sequence[tuple[str, object, str]] = (
        ("--pool", request.money.pool, "it does not say which month's money it is"),
        ("a policy with a pool", own_pool or None, "it is of one month"),
        ("--decisions", request.decisions, "they were made on one month"),
        ("--delegations", conditions.delegations, "they are of one month"),
        ("--history", conditions.history, "a past is of one month"),
        ("--wishes", conditions.wishes, "they are of one month"),
    )
    for flag, stated, why in reasons:
        if stated is not None:
            message = f"{flag} does not go with --by month: {why}"
            raise UsageError(message, advice=EACH if flag == "--pool" else APART)
    for by in request.grouped:
        if by.where != "artists":
            message = f"--by {by.name} is by listeners, and --by month goes with groups of artists only"
            raise UsageError(message, advice="Leave one of them out.")
