"""A run, in order: read -> qualify -> adjust -> engine -> rules -> settle -> result; and nothing else.

A run is a month with one pool. What each threshold moves, and what people's decisions come to, are further divisions
of the same plays, which the engine holds as pools of their own.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fairpay.adjust.decisions import Penalties, read_decisions
from fairpay.adjust.payers import Payers, pass_on
from fairpay.adjust.stated import check_conditions, read_statements
from fairpay.logs.tables import read_artists, read_subscribers
from fairpay.money.counts import counted
from fairpay.pipeline.census import Applying
from fairpay.pipeline.funds import check_pool, check_stated, fee_units, levied, levy_unit
from fairpay.pipeline.intake import Plan, Statements, Variant, take_in
from fairpay.pipeline.request import Request, Watch, begin, input_files
from fairpay.pipeline.settle import Ending
from fairpay.pipeline.warn import (
    guard_rejects,
    guard_withholding,
    named_elsewhere,
    sentences,
    stop_if_strict,
    warn_of_alike,
    warn_of_lost,
    warn_of_policies,
    warn_of_span,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from fairpay.logs.schema import Cautions, Warned
    from fairpay.money.currency import Currency
    from fairpay.pipeline.intake import Held
    from fairpay.pipeline.request import Observer
    from fairpay.qualify import Counts
    from fairpay.reports.outcome import Outcome

__all__ = [
    "Request",
    "Watch",
    "artist_names",
    "count_plays",
    "plain_plan",
    "plan_of",
    "run",
    "variants_of",
    "warn_of_counts",
    "warned",
]


def run(request: Request, watch: Watch | None = None, *, observer: Observer | None = None) -> Outcome:
    """Do the whole job, and give back integers; where people have decided, also what their decisions come to.

    Raises:
        FairpayError: every error a user can meet, see `fairpay.errors`.

    """
    watch = watch or Watch()
    currency = check_stated(request.money, required=request.money_required)
    names = artist_names(request.artists)
    variants = variants_of(request)
    plan, fee_unit = plan_of(request, currency, kept=len(variants) > 1)
    if charged(request, plan):
        variants = (*variants, Variant(charged=True))
    opened = request.opened
    begin(request, watch)
    if request.by:
        from fairpay.pipeline.grouping import ListenerColumns  # noqa: PLC0415 - only where groups are asked for

        plan = replace(plan, listeners=ListenerColumns.of(request.grouped, request.money.subscribers))
    look = partial(warn_of_counts, opened.logs.columns, named_elsewhere(opened.logs), request, opened.cautions)
    with take_in(
        plan, opened.logs, watch, opened.cautions, observer=observer, variants=variants, look=look
    ) as taken:  # fmt: skip
        if request.reading.rejects is not None and taken.counts.bad:
            watch.say(f"{counted(taken.counts.bad, 'row')} set aside in {request.reading.rejects}")
        warnings = warned(taken, opened.cautions, request)
        for sentence in sentences(warnings):
            watch.say(sentence)
        ending = Ending(request, currency, fee_unit, names, taken, input_files(request), warnings)
        month, outcome = ending.settle(0)
        if observer is not None:
            observer.look(month, outcome)
        return ending.moved(variants, outcome)


def charged(request: Request, plan: Plan) -> bool:
    """Whether anything may be charged for excluded plays.

    Raises:
        UsageError: a penalty is stated that cannot be charged.

    """
    if request.penalties is None or (request.penalties == Penalties() and plan.decisions is None):
        return False
    from fairpay.pipeline.penalties import charging  # noqa: PLC0415 - only where people have decided

    return charging(request.penalties, plan.decisions, plan.statements)


def plan_of(request: Request, currency: Currency, *, kept: bool) -> tuple[Plan, int]:
    """Say what is done with the plays, and how many fee units make a minor unit; `kept`: payers are needed again.

    Raises:
        FairpayError: an unknown policy, a file that cannot be used, or numbers that cannot be.

    """
    conditions, money = request.conditions, request.money
    check_conditions(conditions, money.subscribers)
    set_aside = request.reading.rejects is not None
    policies = () if request.policy is None else (Applying(request.policy),)
    if request.policy is not None and request.policy.withhold:
        guard_withholding(request.rules)
    read = read_statements(conditions.history, conditions.wishes, conditions.delegations, set_aside=set_aside)
    statements = Statements(**read, kappa=conditions.kappa)
    levy = check_pool(money, request.policy)
    payers, fee_unit = Payers(), levy_unit(levy, currency)
    if money.subscribers is not None:
        batches = read_subscribers(money.subscribers, currency, request.reading)
        if levy is not None:
            batches = ((users, levied(paid, levy, currency)) for users, paid in batches)
        kept = kept or statements.wishes is not None or statements.delegations is not None
        payers = Payers({0: list(batches) if kept else batches})
    if statements.delegations is not None:
        payers, finer = pass_on(
            payers,
            statements.delegations,
            viscosity=conditions.viscosity,
            cap=conditions.delegate_cap,
            set_aside=set_aside,
        )
        fee_unit *= finer
    fee = fee_units(money, currency)
    plan = Plan(
        reading=request.reading,
        qualifying=request.qualifying,
        running=request.running,
        policies=policies,
        artists=request.artists,
        decisions=None if request.decisions is None else read_decisions(request.decisions, undecided=request.undecided),
        penalties=request.penalties,
        statements=statements,
        payers=payers,
        unlisted=money.unlisted,
        fee=fee if levy is None else int(levied(np.array([fee]), levy, currency)[0]),
        set_aside=set_aside,
        rejects=request.reading.rejects,
        tracks=request.by_track,
    )
    return plan, fee_unit


def variants_of(request: Request) -> tuple[Variant, ...]:
    """Say how the same plays are divided: as asked; with every decided play kept; without each threshold."""
    found = [Variant()]
    if request.decisions is not None:
        found.append(Variant(apart=True))
    if request.policy is not None:
        found += [Variant(without=limit.name) for limit in request.policy.thresholds]
    return tuple(found)


def warned(taken: Held, cautions: Cautions, request: Request) -> tuple[Warned, ...]:
    """Return every warning, once all is read.

    Raises:
        InputError: there are some, and any stops the run.

    """
    artists = taken.engine.pool(0).artist
    if taken.stages[0].withheld():
        from fairpay.pipeline.withheld import without_marks  # noqa: PLC0415 - only where a policy withholds

        artists = without_marks(artists).unique()
    warn_of_alike(artists, cautions)
    warn_of_policies(taken.stages[0].weighers, cautions)
    warnings = cautions.found()
    stop_if_strict(request.reading, warnings)
    return warnings


def warn_of_counts(
    columns: Mapping[str, str | Sequence[str]],
    elsewhere: Iterable[tuple[str, int]],
    request: Request,
    cautions: Cautions,
    counts: Counts,
) -> None:
    """Warn of what the counts of the logs show, and refuse to pay where too many plays have no artist.

    Raises:
        InputError: with the part that has none.
        GuardError: more rows are set aside than `max_rejects` allows.

    """
    guard_rejects(request.reading, counts)
    found, paying = columns.get("artist", ""), request.money_required
    column = found if isinstance(found, str) else " or ".join(found)
    warn_of_lost(column, elsewhere, counts, request.reading, cautions, paying=paying)
    if (request.qualifying.since, request.qualifying.until) == (None, None) and request.money.pool is None:
        warn_of_span(counts, cautions)


def count_plays(request: Request) -> dict[str, int]:
    """Read and qualify a log as a run would, and return each artist's plays.

    Raises:
        FairpayError: an input that cannot be used.

    """
    opened = request.opened
    with take_in(plain_plan(request, set_aside=False), opened.logs, Watch(), opened.cautions) as taken:
        return dict(
            zip(taken.engine.pool(0).artist.to_pylist(), taken.engine.pool(0).artist_plays.tolist(), strict=True)
        )


def plain_plan(request: Request, *, set_aside: bool) -> Plan:
    """Say how plays are taken in that nobody is paid for."""
    return Plan(
        reading=request.reading,
        qualifying=request.qualifying,
        running=request.running,
        statements=Statements(kappa=Fraction(0)),
        set_aside=set_aside,
    )


def artist_names(path: Path | None) -> dict[str, str]:
    """Read artist names by id, where there is a file with names."""
    if path is None:
        return {}
    frame = read_artists(path)
    if "name" not in frame.columns:
        return {}
    return dict(frame.select("artist", "name").drop_nulls().iter_rows())
