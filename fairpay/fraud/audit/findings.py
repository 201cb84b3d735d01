"""What an audit finds: one scenario under one rule, all of one rule, and all; in integers and fractions."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fairpay.fraud.audit.months import TIERS
from fairpay.fraud.audit.replay import MADE_UP, weigh_alone
from fairpay.money.currency import round_half_even
from fairpay.rules.core.budgets import sum_users
from fairpay.rules.core.rule import Added, Joining

if TYPE_CHECKING:
    from fairpay.fraud.audit.attack import Attack
    from fairpay.fraud.audit.months import Accounts
    from fairpay.fraud.audit.replay import Replay
    from fairpay.fraud.audit.worth import Worth
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Users
    from fairpay.rules.core.rule import Reason, Rule

__all__ = ["Audit", "AuditFinding", "RuleAudit", "play"]

MILLIONTHS = 6
"""Digits kept before an amount is rounded."""


@dataclass(frozen=True, slots=True)
class AuditFinding:
    """A scenario under one rule."""

    attack: Attack
    income: int
    """What the made-up artists get, minor units."""
    per_fee: Fraction
    """Income for each unit of fee that the accounts pay."""
    of_share: Fraction
    """Share of the pool over share of the fees."""
    closed: int | None
    """The income by formula, minor units; None where the rule has none."""
    lost: tuple[int, ...]
    """What the real artists of each tier lose, minor units; negative where a tier gains."""
    break_even: int | None
    """The fewest plays of an account at which income reaches the fees; None where a month of days and nights is too
    short, or where it was not searched for."""
    searched: bool
    """Whether the number of plays was searched for: not where each try would take the whole month anew."""

    @property
    def profit(self) -> int:
        """Income less cost, minor units."""
        return self.income - self.attack.cost


@dataclass(frozen=True, slots=True)
class RuleAudit:
    """All that was found about one rule."""

    rule: Rule
    most: Fraction | None
    """By formula, the most that one account gets back for each unit of fee; None: no limit, or none known."""
    why: Reason
    """What limits an account, or that nothing does."""
    findings: tuple[AuditFinding, ...]
    """In the order of the scenarios."""
    steered: tuple[Fraction | None, Fraction | None]
    """Shares of the pool that the heaviest 1 % and 10 % of listeners steer without any attack; None where no user has
    a part."""
    stray: int
    """Minor units of the median subscriber's royalty money that reach artists never played."""
    worth: tuple[Worth, ...]
    """By tier."""

    @property
    def known(self) -> bool:
        """Whether there is a formula for what accounts get."""
        return self.findings[0].closed is not None

    @property
    def worst(self) -> Fraction:
        """The highest income per fee of all scenarios."""
        return max(finding.per_fee for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Audit:
    """The result of an audit."""

    rules: tuple[RuleAudit, ...]
    """Worst first."""
    attacks: tuple[Attack, ...]
    cap: int
    """c*, the largest safe cap on the plays of a listener; 0 where no cap is safe."""
    alpha: Fraction
    """Alpha' = P/F as things stand: at most so much of a fee comes back even under user-centric."""
    rate: Fraction
    """Alpha, to which `--inactive hold` brings it."""
    idle: int
    """Minor units of subscribers who played nothing that are in the pool."""
    median_fee: int
    """Royalty money of the median subscriber, minor units."""
    mcdonald: Fraction | None
    notes: tuple[str, ...]
    """Sentences for the reader: rules left out, what was assumed."""


def play(replay: Replay, rule: Rule, attack: Attack) -> AuditFinding:
    """Play one scenario under one rule."""
    baseline = replay.baseline
    before, after = replay.before(rule), replay.after(rule, attack)
    income = after[MADE_UP] * attack.pool
    searched = rule.joining is not Joining.ANEW
    return AuditFinding(
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
