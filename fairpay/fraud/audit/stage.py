"""The audit beside a run: it looks at the month while the engine still holds it, so nothing is read twice."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.errors import UsageError
from fairpay.fraud.audit.audit import audit
from fairpay.fraud.audit.crowd import Terms
from fairpay.pipeline.run import run
from fairpay.reports.outcome import Control

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.fraud.audit.findings import Audit
    from fairpay.fraud.audit.scenario import Scenario
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.pipeline.run import Request, Watch
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Month

__all__ = ["run_audit"]

BEFORE_THE_RULE = ("policy", "history", "wishes", "delegations")
FLOAT = Fraction(1, 10**9)
"""Roots in formulas are worked out in floats."""


class Auditor:
    """Takes no column but those that money needs, and waits for the month."""

    roles: tuple[str, ...] = ()

    def __init__(self, request: Request, *, rules: Sequence[str], scenarios: Sequence[Scenario]) -> None:
        """Keep what is asked."""
        self.request = request
        self.rules = rules
        self.scenarios = scenarios
        self.found: Audit | None = None

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """Let plays pass."""

    def look(self, month: Month, outcome: Outcome, *_others: object) -> None:
        """Audit the month."""
        terms = Terms(
            timed=outcome.listening.measure == "time",
            least_ms=self.request.qualifying.min_ms if outcome.listening.ms is not None else 0,
        )
        found = audit(month, terms, rules=self.rules, scenarios=self.scenarios)
        self.found = replace(found, notes=(*found.notes, *remarks(month)))


def remarks(month: Month) -> tuple[str, ...]:
    """Say what was assumed about the royalty rate."""
    facts = month.facts
    if facts.rate is None:
        return (
            "only a pool is stated, so it is taken as the sum of all fees; --royalty-rate says what part of them it is",
        )
    if facts.rate == 1:
        return (
            "the royalty rate is 100 %, so fakes get their fee back; give the real one, such as --royalty-rate 70%",
        )
    return ()


def run_audit(
    request: Request, watch: Watch, *, rules: Sequence[str], scenarios: Sequence[Scenario]
) -> tuple[Outcome, Audit]:
    """Read the logs once, and audit the month.

    Raises:
        UsageError: a policy, own history, wishes, delegations or decisions are given.
        FairpayError: every other error a user can meet.

    """
    refuse_conditions(request)
    auditor = Auditor(request, rules=rules, scenarios=scenarios)
    outcome = run(request, watch, observer=auditor)
    if auditor.found is None:
        message = "the pipeline did not show the month"
        raise RuntimeError(message)
    return replace(outcome, controls=(*outcome.controls, formula_control(auditor.found))), auditor.found


def refuse_conditions(request: Request) -> None:
    """Refuse what changes listening before the rule: nobody can say what it would make of accounts that never were.

    A threshold needs an artist's streams of a year, a weight needs columns of each play.
    """
    given = [name for name in BEFORE_THE_RULE if getattr(request.conditions, name) is not None]
    given += ["decisions"] if request.decisions is not None else []
    if given:
        message = f"audit does not take {', '.join(given)}: accounts are tried on listening as it is in the log"
        raise UsageError(message, advice="Leave it out, and give the policy's rule with --rule.")


def formula_control(found: Audit) -> Control:
    """Hold every income by formula against the replay: to a minor unit, or to a float's precision if that is more."""
    pairs = [(f.closed, f.income) for rule in found.rules for f in rule.findings if f.closed is not None]
    same = sum(abs(closed - income) <= 1 + income * FLOAT for closed, income in pairs)
    detail = f"{same} of {len(pairs)} incomes are what the rule's formula says"
    return Control("formula", same == len(pairs), detail)
