"""One scenario under one rule: what it costs, what it brings, who loses it, and from how many plays it pays."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fairpay.fraud.audit.findings import Finding
from fairpay.fraud.audit.months import TIERS
from fairpay.fraud.audit.replay import MADE_UP, weigh_alone
from fairpay.money.currency import round_half_even
from fairpay.rules.core.added import Added, Joining
from fairpay.rules.core.budgets import sum_users

if TYPE_CHECKING:
    from fairpay.fraud.audit.attack import Attack
    from fairpay.fraud.audit.months import Accounts
    from fairpay.fraud.audit.replay import Replay
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Users
    from fairpay.rules.core.rule import Rule

__all__ = ["play"]

MILLIONTHS = 6
"""Digits kept before an amount is rounded."""


def play(replay: Replay, rule: Rule, attack: Attack) -> Finding:
    """Play one scenario under one rule."""
    baseline = replay.baseline
    before, after = replay.before(rule), replay.after(rule, attack)
    income = after[MADE_UP] * attack.pool
    searched = rule.joining is not Joining.ANEW
    return Finding(
        attack=attack,
        income=to_units(income),
        per_fee=income / attack.price,
        of_share=after[MADE_UP] / attack.fee_share,
        closed=by_formula(replay, rule, attack),
        lost=tuple(
            round_half_even(before[i] * baseline.facts.pool - after[i] * attack.pool) for i in range(len(TIERS))
        ),
        break_even=break_even(replay, rule, attack) if searched else None,
        searched=searched,
    )


def by_formula(replay: Replay, rule: Rule, attack: Attack) -> int | None:
    """Return the income by the rule's closed form, minor units."""
    prepared, _ = replay.shifted.get((rule, attack), (replay.prepared[rule], None))
    accounts = attack.accounts
    share = rule.taken(Added(replay.baseline.facts, accounts.usage(1), accounts.count), prepared, replay.weights[rule])
    return None if share is None else to_units(share * attack.pool)


def to_units(amount: Fraction) -> int:
    """Round to minor units by way of millionths, so that a half stays one whichever way it was worked out."""
    return round_half_even(round(amount, MILLIONTHS))


def break_even(replay: Replay, rule: Rule, attack: Attack) -> int | None:
    """Find the fewest plays of an account at which income reaches the fees, up to what the days hold.

    Both are rounded to minor units. Income never falls with plays under any of these rules, so bisection finds it.
    """
    goal = attack.fees

    def pays(plays: int) -> bool:
        return to_units(income_at(replay, rule, attack, attack.playing(plays))) >= goal

    low, high = 1, attack.most_plays
    if not pays(high):
        return None
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if pays(middle) else (middle + 1, high)
    return low


def income_at(replay: Replay, rule: Rule, attack: Attack, accounts: Accounts) -> Fraction:
    """Return what the made-up artists get from these accounts instead of the attack's own, in minor units."""
    if rule.joining is Joining.STEADY:
        return replay.steady(rule, accounts)[MADE_UP] * attack.pool
    month = replay.baseline.joined([accounts], pool=attack.pool)
    prepared = rule.prepare(month)
    mine = weigh_alone(rule, accounts, prepared, replay.groups(accounts.artist))
    everything = sum_users(month, lambda users: steered_by(rule, users, prepared))
    return Fraction(int(mine[0, MADE_UP]), everything) * attack.pool


def steered_by(rule: Rule, users: Users, prepared: Any) -> Ints:  # noqa: ANN401 - what `prepare` returned
    """Return what each user steers under a rule that can say it from totals."""
    weight = rule.weight_of(users, prepared)
    if weight is None:
        message = f"{rule.name} is listed as shifting, but does not say what a user steers"
        raise TypeError(message)
    return weight
