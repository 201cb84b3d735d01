"""The audit of a month: every rule against every scenario, from one walk over the plays and a few over the totals."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fairpay.allocation import Allocation
from fairpay.attacks.attack import plan
from fairpay.attacks.caps import safe_cap
from fairpay.attacks.closed_forms import CLOSED_FORMS, Case
from fairpay.attacks.crowd import TIERS, survey
from fairpay.attacks.findings import Audit, Finding, Inactive, Played, RuleAudit
from fairpay.attacks.reasons import why
from fairpay.attacks.replay import MADE_UP, SHIFTING, STEADY, build, joined, weigh_alone
from fairpay.attacks.worth import fans_of, steps, worth
from fairpay.budgets import sum_users
from fairpay.division import typical_fee
from fairpay.errors import UsageError
from fairpay.integers import sum_exactly
from fairpay.measures import steered, walk_payouts
from fairpay.money import round_half_even
from fairpay.rules import find_rule, rule_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.attacks.accounts import Accounts
    from fairpay.attacks.attack import Attack
    from fairpay.attacks.crowd import Crowd, Terms
    from fairpay.attacks.replay import Bench
    from fairpay.attacks.scenario import Scenario
    from fairpay.month import Month, Users
    from fairpay.rule import Rule
    from fairpay.usage import Ints

__all__ = ["audit", "usual_rules"]

MILLIONTHS = 6
"""Digits kept before an amount is rounded."""
HALF = Fraction(1, 2)


def usual_rules() -> list[str]:
    """Return the rules that are audited where none is asked for: all that take one walk."""
    one_pass = STEADY | SHIFTING
    return [name for name, rule in rule_classes().items() if name in one_pass or not rule.experimental]


def audit(month: Month, terms: Terms, *, rules: Sequence[str] = (), scenarios: Sequence[Scenario]) -> Audit:
    """Try every scenario on every rule.

    Args:
        month: the listening of one pool.
        terms: what the month does not say of itself.
        rules: as on the command line; none: all one-pass rules that can run on this month.
        scenarios: at least one.

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
    fans = fans_of(crowd, [s.artist for s in laid]) if any(r.name in SHIFTING for r in asked) else {}
    pool = crowd.facts.pool
    divided = [(r, Allocation(r.label, r.settle(bench.weights[r], pool, bench.prepared[r]), pool)) for r in asked]
    ready = [(rule, bench.prepared[rule]) for rule in asked]
    top_1, top_10 = (steered(crowd.month, ready, Fraction(part, 100)) for part in (1, 10))
    walked = walk_payouts(crowd.month, divided)
    typical = round_half_even(typical_fee(crowd.month))
    found = []
    for i, (rule, allocation) in enumerate(divided):
        form = CLOSED_FORMS.get(rule.name)
        most = form.most(rule, crowd) if form else None
        found.append(
            RuleAudit(
                rule=rule,
                allocation=allocation,
                known=form is not None,
                most=most,
                why=why(rule, crowd, most),
                findings=tuple(play(bench, rule, a, p) for a, p in zip(attacks, played, strict=True)),
                steered_by_top_1_percent=top_1[i],
                steered_by_top_10_percent=top_10[i],
                stray=round_half_even(typical * walked.stray[i]),
                worth=tuple(worth(bench, rule, laid, fans)),
            )
        )
    return Audit(
        rules=tuple(sorted(found, key=lambda r: (-r.worst, r.most is not None, r.rule.label))),
        played=tuple(played),
        cap=safe_cap(crowd),
        inactive=inactive(crowd),
        median_fee=typical,
        mcdonald=walked.mcdonald,
        notes=(*notes, *too_large(played)),
    )


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
            if name in SHIFTING:
                rule.prepare(crowd.month)
        except UsageError as problem:
            notes.append(f"{name} is left out: {problem.message}")
        else:
            found.append(rule)
    return found, notes


def describe(attack: Attack) -> Played:
    """Say how a scenario is played on this month."""
    crowd, scenario, accounts = attack.crowd, attack.scenario, attack.accounts
    fees = round_half_even(crowd.money(accounts.fees))
    return Played(
        scenario=scenario,
        accounts=attack.count,
        plays=accounts.plays,
        seconds=attack.play_ms // 1000,
        fees=fees,
        cost=fees if scenario.paid_by == "attacker" else 0,
        fee_share=Fraction(accounts.fees, crowd.facts.fees + accounts.fees),
    )


def play(bench: Bench, rule: Rule, attack: Attack, played: Played) -> Finding:
    """Play one scenario under one rule."""
    crowd = bench.crowd
    before, after = bench.before(rule), bench.after(rule, attack)
    income = after[MADE_UP] * attack.pool
    fees = crowd.money(attack.count * attack.fee)
    searched = rule.name in STEADY | SHIFTING
    return Finding(
        played=played,
        income=to_units(income),
        per_fee=income / fees,
        of_share=after[MADE_UP] / played.fee_share,
        closed=by_formula(bench, rule, attack),
        lost=tuple(round_half_even(before[i] * crowd.facts.pool - after[i] * attack.pool) for i in range(len(TIERS))),
        break_even=break_even(bench, rule, attack) if searched else None,
        searched=searched,
    )


def by_formula(bench: Bench, rule: Rule, attack: Attack) -> int | None:
    """Return the income by the rule's closed form, minor units."""
    form = CLOSED_FORMS.get(rule.name)
    if form is None:
        return None
    prepared, _ = bench.shifted.get((rule, attack), (bench.prepared[rule], None))
    own = sum_exactly(bench.weights[rule][0])
    return to_units(form.share(Case(bench.crowd, rule, attack.accounts, prepared, own)) * attack.pool)


def to_units(amount: Fraction) -> int:
    """Round to minor units by way of millionths, so that a half stays one whichever way it was worked out."""
    return round_half_even(round(amount, MILLIONTHS))


def break_even(bench: Bench, rule: Rule, attack: Attack) -> int | None:
    """Find the fewest plays of an account at which income reaches the fees, up to what the days hold.

    Both are rounded to minor units. Income never falls with plays under any of these rules, so bisection finds it.
    """
    goal = round_half_even(bench.crowd.money(attack.count * attack.fee))

    def pays(plays: int) -> bool:
        return to_units(income_at(bench, rule, attack, attack.playing(plays))) >= goal

    low, high = 1, attack.most_plays
    if not pays(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if pays(middle) else (middle + 1, high)
    return low


def income_at(bench: Bench, rule: Rule, attack: Attack, accounts: Accounts) -> Fraction:
    """Return what the made-up artists get from these accounts instead of the attack's own, in minor units."""
    if rule.name in STEADY:
        return bench.steady(rule, accounts)[MADE_UP] * attack.pool
    month = joined(bench.crowd, [accounts], pool=attack.pool)
    prepared = rule.prepare(month)
    mine = weigh_alone(rule, accounts, prepared, bench.groups(accounts.artist))
    everything = sum_users(month, lambda users: steered_by(rule, users, prepared))
    return Fraction(int(mine[0, MADE_UP]), everything) * attack.pool


def steered_by(rule: Rule, users: Users, prepared: Any) -> Ints:  # noqa: ANN401 - what `prepare` returned
    """Return what each user steers under a rule that can say it from totals."""
    weight = rule.weight_of(users, prepared)
    if weight is None:
        message = f"{rule.name} is listed as shifting, but does not say what a user steers"
        raise TypeError(message)
    return weight


def inactive(crowd: Crowd) -> Inactive:
    """See what the money of subscribers who played nothing does."""
    facts = crowd.facts
    idle = 0 if crowd.terms.held else round_half_even(crowd.rate * facts.inactive_fees)
    return Inactive(crowd.alpha, crowd.rate, idle)
