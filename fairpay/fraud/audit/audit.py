"""The audit of a month: every rule against every scenario, from one walk over the plays and a few over the totals."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.errors import UsageError
from fairpay.fraud.audit.attack import plan
from fairpay.fraud.audit.crowd import survey
from fairpay.fraud.audit.findings import Audit, Bias, Inactive, Played, RuleAudit
from fairpay.fraud.audit.playing import describe, play
from fairpay.fraud.audit.replay import build
from fairpay.fraud.audit.worth import fans_of, steps, worth
from fairpay.money.allocation import Allocation
from fairpay.money.currency import round_half_even
from fairpay.pipeline.division import typical_fee
from fairpay.pipeline.measures import HEAVY, steered, walk_payouts
from fairpay.rules import find_rule, rule_classes
from fairpay.rules.core.added import Joining
from fairpay.rules.solvers.caps import safe_cap

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.fraud.audit.crowd import Crowd, Terms
    from fairpay.fraud.audit.replay import Bench
    from fairpay.fraud.audit.scenario import Scenario
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.rule import Rule

__all__ = ["audit", "usual_rules"]

HALF = Fraction(1, 2)


def usual_rules() -> list[str]:
    """Return the rules that are audited where none is asked for: all that take one walk."""
    one_pass = (Joining.STEADY, Joining.SHIFTING)
    return [name for name, rule in rule_classes().items() if rule.joining in one_pass or not rule.experimental]


def audit(month: Month, terms: Terms, *, rules: Sequence[str] = (), scenarios: Sequence[Scenario]) -> Audit:
    """Try every scenario (at least one) on every rule; no rules means all one-pass rules that can run on this month.

    Raises:
        NothingToPayError: nobody with listening pays a fee.
        UsageError: a rule or a scenario cannot run on this month.

    """
    crowd = survey(month, terms)
    attacks = [plan(scenario, crowd) for scenario in scenarios]
    asked, notes = (distinct(rules), []) if rules else runnable(crowd)
    laid = steps(crowd)
    bench = build(crowd, asked, attacks, others=[a for s in laid for a in (s.without, s.playing, s.more)])
    played = [describe(attack) for attack in attacks]
    fans = fans_of(crowd, [s.artist for s in laid]) if any(r.joining is Joining.SHIFTING for r in asked) else {}
    biases, mcdonald = look(bench, asked)
    found = [
        RuleAudit(
            rule=rule,
            most=(most := rule.limit(crowd.month)),
            why=rule.reason(crowd.month, most),
            findings=tuple(play(bench, rule, a, p) for a, p in zip(attacks, played, strict=True)),
            bias=bias,
            worth=tuple(worth(bench, rule, laid, fans)),
        )
        for rule, bias in zip(asked, biases, strict=True)
    ]
    return Audit(
        rules=tuple(sorted(found, key=lambda r: (-r.worst, r.most is not None, r.rule.label))),
        played=tuple(played),
        cap=safe_cap(crowd.month),
        inactive=inactive(crowd),
        median_fee=round_half_even(typical_fee(crowd.month)),
        mcdonald=mcdonald,
        notes=(*notes, *too_large(played)),
    )


def look(bench: Bench, rules: Sequence[Rule]) -> tuple[list[Bias], Fraction | None]:
    """Return who steers the pool under each rule without any attack, and the McDonald ratio."""
    month, pool = bench.crowd.month, bench.crowd.facts.pool
    ready = [(rule, bench.prepared[rule]) for rule in rules]
    paid = [(rule, Allocation(rule.label, rule.settle(bench.weights[rule], pool, own), pool)) for rule, own in ready]
    top_1, top_10 = steered(month, ready, HEAVY)
    walked = walk_payouts(month, paid)
    typical = round_half_even(typical_fee(month))
    astray = [round_half_even(typical * share) for share in walked.stray]
    return [Bias(*one) for one in zip(top_1, top_10, astray, strict=True)], walked.mcdonald


def too_large(played: Sequence[Played]) -> list[str]:
    """Name scenarios that are out of proportion: their accounts pay more than everybody else together."""
    return [
        f"{p.scenario.name} is larger than this month: its accounts pay {float(p.fee_share) * 100:.0f} % of all fees"
        for p in played
        if p.fee_share > HALF
    ]


def distinct(rules: Sequence[str]) -> list[Rule]:
    """Make the rules asked for, each once."""
    return list(dict.fromkeys(find_rule(rule) for rule in rules))


def runnable(crowd: Crowd) -> tuple[list[Rule], list[str]]:
    """Return the usual rules that can run on this month, and a sentence for each that cannot."""
    found, notes = [], []
    for name in usual_rules():
        rule = find_rule(name)
        try:
            if rule.joining is Joining.SHIFTING:
                rule.prepare(crowd.month)
        except UsageError as problem:
            notes.append(f"{name} is left out: {problem.message}")
        else:
            found.append(rule)
    return found, notes


def inactive(crowd: Crowd) -> Inactive:
    """See what the money of subscribers who played nothing does."""
    return Inactive(crowd.alpha, crowd.rate, round_half_even(crowd.rate * crowd.facts.inactive_fees))
