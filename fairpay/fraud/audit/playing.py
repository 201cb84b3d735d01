"""One scenario under one rule: what it costs, what it brings, who loses it, and from how many plays it pays."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fairpay.fraud.audit.crowd import TIERS
from fairpay.fraud.audit.findings import Finding, Played
from fairpay.fraud.audit.replay import MADE_UP, joined, weigh_alone
from fairpay.money.currency import round_half_even
from fairpay.rules.core.added import Added, Joining
from fairpay.rules.core.budgets import sum_users

if TYPE_CHECKING:
    from fairpay.fraud.audit.accounts import Accounts
    from fairpay.fraud.audit.attack import Attack
    from fairpay.fraud.audit.replay import Bench
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Users
    from fairpay.rules.core.rule import Rule

__all__ = ["describe", "play"]

MILLIONTHS = 6
"""Digits kept before an amount is rounded."""


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
    searched = rule.joining is not Joining.ANEW
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
    prepared, _ = bench.shifted.get((rule, attack), (bench.prepared[rule], None))
    accounts = attack.accounts
    share = rule.taken(Added(bench.crowd.facts, accounts.usage(1), accounts.count), prepared, bench.weights[rule])
    return None if share is None else to_units(share * attack.pool)


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
    if rule.joining is Joining.STEADY:
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
