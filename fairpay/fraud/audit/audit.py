"""The audit of a month: every rule against every scenario, while the engine still holds what a run has read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fairpay.errors import UsageError
from fairpay.fraud.audit.months import plan, survey
from fairpay.fraud.audit.replay import build, listeners_of, play, steps, worth
from fairpay.fraud.audit.report import Audit, RuleAudit, summary, table
from fairpay.money.currency import round_half_even
from fairpay.money.rounding import Allocation
from fairpay.pipeline.division import runnable, typical_fee
from fairpay.pipeline.measures import HEAVY, steered, walk_payouts
from fairpay.pipeline.work import Saved
from fairpay.reports.outcome import Control
from fairpay.rules import find_rule
from fairpay.rules.core.rule import Joining
from fairpay.rules.solvers.caps import safe_cap

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pyarrow as pa

    from fairpay.fraud.audit.months import Attack
    from fairpay.fraud.audit.scenario import Scenario
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.pipeline.run import Request
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Month

__all__ = ["Audited", "audit", "run_audit"]

HALF = Fraction(1, 2)
BEFORE_THE_RULE = ("policy", "history", "wishes", "delegations")
FLOAT = Fraction(1, 10**9)
"""Roots in formulas are worked out in floats."""


@dataclass(frozen=True, slots=True, repr=False)
class Audited(Saved):
    """What an audit found; the outcome holds no payouts."""

    findings: Audit = field(kw_only=True)
    """Everything, in integers and fractions."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        pool = f"{self.outcome.currency.text(self.outcome.money.pool)} {self.outcome.currency.code}"
        rules = ", ".join(found.rule.label for found in self.findings.rules)
        return f"<audit of {pool} under {rules}: {self.outcome.listening.artists:,} artists>"

    @property
    def arrow(self) -> pa.Table:
        """A row for each rule and scenario, as an Arrow table; amounts are exact decimals."""
        return table(self.outcome, self.findings)

    @property
    def summary(self) -> dict[str, Any]:
        """What `summary.json` holds."""
        return summary(self.outcome, self.findings)


def audit(month: Month, *, least_ms: int = 0, rules: Sequence[str] = (), scenarios: Sequence[Scenario]) -> Audit:
    """Try every scenario (at least one) on every rule; no rules means all one-pass rules that can run on this month.

    `least_ms` is the qualifying length, where the log has durations.

    Raises:
        NothingToPayError: nobody with listening pays a fee.
        UsageError: a rule or a scenario cannot run on this month.

    """
    baseline = survey(month, least_ms=least_ms)
    month, facts = baseline.month, baseline.facts
    attacks = [plan(scenario, baseline) for scenario in scenarios]
    chosen, notes = ([*dict.fromkeys(map(find_rule, rules))], []) if rules else runnable(month)
    laid = steps(baseline)
    plain = [attack for attack in attacks if attack.met is None]
    replay = build(baseline, chosen, plain, others=[accounts for step in laid for accounts in step.tried])
    played = [play(replay, chosen, attack) for attack in attacks]
    shifting = any(rule.joining is Joining.SHIFTING for rule in chosen)
    listeners = listeners_of(baseline, [step.artist for step in laid]) if shifting else {}
    ready = [(rule, replay.prepared[rule]) for rule in chosen]
    paid = [Allocation(r.label, r.settle(replay.weights[r], facts.pool, own), facts.pool) for r, own in ready]
    walked = walk_payouts(month, list(zip(chosen, paid, strict=True)))
    typical, heavy = round_half_even(typical_fee(month)), steered(month, ready, HEAVY)
    found = [
        RuleAudit(
            rule=rule,
            most=(most := rule.limit(month)),
            why=rule.reason(month, most),
            findings=findings,
            steered=(heavy[rule][0], heavy[rule][1]),
            stray=round_half_even(typical * stray),
            worth=tuple(worth(replay, rule, laid, listeners)),
        )
        for rule, stray, findings in zip(chosen, walked.stray, zip(*played, strict=True), strict=True)
    ]
    return Audit(
        rules=tuple(sorted(found, key=lambda r: (-r.worst, r.most is not None, r.rule.label))),
        attacks=tuple(attacks),
        cap=safe_cap(month),
        alpha=facts.alpha or Fraction(1),
        rate=baseline.rate,
        idle=round_half_even(baseline.rate * facts.inactive_fees),
        median_fee=typical,
        mcdonald=walked.mcdonald,
        notes=(*notes, *too_large(attacks)),
    )


def too_large(attacks: Sequence[Attack]) -> list[str]:
    """Name scenarios that are out of proportion: their accounts pay more than everybody else together."""
    return [
        f"{a.scenario.name} is larger than this month: its accounts pay {float(a.fee_share) * 100:.0f} % of all fees"
        for a in attacks
        if a.count and a.fee_share > HALF
    ]


@dataclass(slots=True)
class Auditor:
    """An observer of a run that lets plays pass, and audits the month."""

    request: Request
    rules: Sequence[str]
    scenarios: Sequence[Scenario]
    found: Audit | None = None

    def take(self, raw: RawBatch, listens: Listens) -> None: ...

    def look(self, month: Month, outcome: Outcome) -> None:
        least = self.request.qualifying.min_ms if outcome.listening.ms is not None else 0
        found = audit(month, least_ms=least, rules=self.rules, scenarios=self.scenarios)
        self.found = replace(found, notes=(*found.notes, *remarks(month)))


def remarks(month: Month) -> tuple[str, ...]:
    facts = month.facts
    if facts.rate is None:
        return (
            "Only a pool is stated, so it is taken as the sum of all fees; --royalty-rate says what part of them it is",
        )
    if facts.rate == 1:
        return (
            "The royalty rate is 100 %, so fakes get their fee back; give the real one, such as --royalty-rate 70%",
        )
    return ()


def run_audit(
    request: Request, go: Callable[..., Outcome], *, rules: Sequence[str], scenarios: Sequence[Scenario]
) -> tuple[Outcome, Audit]:
    """Read the logs once, and audit the month; `go` does a run, on this machine or where Spark has the plays.

    Raises:
        UsageError: a policy, own history, wishes, delegations or decisions are given.
        FairpayError: every other error a user can meet.

    """
    refuse_conditions(request)
    auditor = Auditor(request, rules, scenarios)
    outcome = go(request, observer=auditor)
    assert auditor.found is not None
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
    return Control("formula", same == len(pairs), detail if pairs else "no income here has a formula")
