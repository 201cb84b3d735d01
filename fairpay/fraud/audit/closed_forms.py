"""What fake accounts get under a rule, by formula: the first line of RULES-style algebra for each rule that has it.

Each form knows two things: the most that one account can get back of its fee in a large month, and the exact share of
the pool that given accounts get in this month, worked out without weighing anybody: the replay must agree to the cent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

from fairpay.fraud.audit.caps import earned_at
from fairpay.rules.core.budgets import sum_users
from fairpay.rules.solvers.bounds import CapForce, ListeningForce, SmoothForce

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairpay.fraud.audit.accounts import Accounts
    from fairpay.fraud.audit.crowd import Crowd
    from fairpay.rules.core.month import Users

__all__ = ["CLOSED_FORMS", "Case", "ClosedForm"]


@dataclass(frozen=True, eq=False)
class Case:
    """Accounts under a rule on a month."""

    crowd: Crowd
    rule: Any
    """The rule, with its parameters."""
    accounts: Accounts
    prepared: Any
    """What the rule prepared: with the accounts among the users where it depends on them."""
    weights: int
    """Sum of the month's own weights, in the rule's units; for rules whose weights only the plays tell."""

    @property
    def new(self) -> Fraction:
        """Share of each account's listening that goes to made-up artists."""
        mine = self.accounts.amount[self.accounts.artist >= self.crowd.facts.artists]
        return Fraction(int(mine.sum()), self.accounts.total)

    def of_weights(self, own: Fraction, all_others: Fraction) -> Fraction:
        """Return what the made-up artists get where each account weighs `own` and splits it by listening."""
        together = self.accounts.count * own
        return together * self.new / (all_others + together)

    def over_users(self, unit: Fraction) -> Fraction:
        """Add up the rule's weights over the month's users, without their artists."""
        rule: Callable[[Users, Any], Any] = self.rule.weight_of
        return sum_users(self.crowd.month, lambda users: rule(users, self.prepared)) / unit


class ClosedForm(Protocol):
    """A rule's formulas."""

    most_formula: str
    """The most one account can get, in fees."""

    def most(self, rule: Any, crowd: Crowd) -> Fraction | None:  # noqa: ANN401 - each form knows its own rule
        """Return the most that one account can get back for each unit of fee; None where there is no limit."""
        ...

    def share(self, case: Case) -> Fraction:
        """Return the share of the pool that the made-up artists get, exactly (roots to a float's precision)."""
        ...


class Market:
    """alpha · T / mean T, without limit."""

    most_formula = "α·T/mean(L): no limit"  # noqa: RUF001 - Greek

    def most(self, rule: Any, crowd: Crowd) -> Fraction | None:  # noqa: ANN401, ARG002 - one form for every rule
        """No limit: twice the plays, twice the money."""
        return None

    def share(self, case: Case) -> Fraction:
        """By listening."""
        return case.of_weights(Fraction(case.accounts.total), Fraction(case.crowd.facts.amount))


class User:
    """alpha': an account steers its fee."""

    most_formula = "α"  # noqa: RUF001 - Greek

    def most(self, rule: Any, crowd: Crowd) -> Fraction | None:  # noqa: ANN401, ARG002 - one form for every rule
        """Alpha', whatever is played."""
        return crowd.alpha

    def share(self, case: Case) -> Fraction:
        """By fees."""
        return case.of_weights(Fraction(case.accounts.fee), Fraction(case.crowd.facts.fees))


class Equal(User):
    """The same, in equal parts to each artist."""

    def share(self, case: Case) -> Fraction:
        """By fees, by the number of artists."""
        made_up = int((case.accounts.artist >= case.crowd.facts.artists).sum())
        fees = case.accounts.fees
        return Fraction(fees * made_up, len(case.accounts.artist) * (case.crowd.facts.fees + fees))


class Cap:
    """alpha · c / mean(min(L, c))."""

    most_formula = "α·c/mean(min(L, c))"  # noqa: RUF001 - Greek

    def most(self, rule: Any, crowd: Crowd) -> Fraction | None:  # noqa: ANN401 - user-cap
        """Return it; above the cap a tail counts on without limit."""
        return None if rule.tail else earned_at(crowd, int(rule.cap))

    def share(self, case: Case) -> Fraction:
        """By the listening that counts."""
        accounts, rule = case.accounts, case.rule
        full = min(accounts.plays, int(rule.cap))
        part = (full + rule.tail * (accounts.plays - full)) / accounts.plays
        return case.of_weights(accounts.total * part, case.over_users(Fraction(case.prepared.scale)))


class Weighted:
    """(T / mean)^beta, without limit."""

    most_formula = "grows as T^β: no limit"

    def most(self, rule: Any, crowd: Crowd) -> Fraction | None:  # noqa: ANN401 - weighted
        """No limit unless beta is 0."""
        return None if rule.beta else crowd.alpha

    def share(self, case: Case) -> Fraction:
        """By the mean of fee and listening."""
        beta, accounts = case.rule.beta, case.accounts
        if beta in {0, 1}:
            return (Market() if beta else User()).share(case)
        own = Fraction(math.pow(accounts.fee, 1 - beta) * math.pow(accounts.total, beta))
        return case.of_weights(own, case.over_users(Fraction(case.prepared)))


class Norm:
    """k^(1 - 1/p), without limit."""

    most_formula = "grows as k^(1-1/p) with k made-up artists: no limit"

    def most(self, rule: Any, crowd: Crowd) -> Fraction | None:  # noqa: ANN401 - norm
        """No limit unless p is 1."""
        return crowd.alpha if rule.p == 1 else None

    def share(self, case: Case) -> Fraction:
        """By the fee times |x|_1 / |x|_p."""
        accounts, p = case.accounts, float(case.rule.p)
        if p == 1:
            return User().share(case)
        largest = float(accounts.amount.max())
        parts = (accounts.amount / largest).tolist()
        norm = largest if math.isinf(p) else largest * math.fsum(x**p for x in parts) ** (1 / p)
        return case.of_weights(Fraction(accounts.fee * (accounts.total / norm)), case.weights / Fraction(case.prepared))


class Top:
    """share · alpha to the most played artist, and market-centric for the rest."""

    most_formula = "α·(share + (1 - share)·T/mean(L)): no limit"  # noqa: RUF001 - Greek

    def most(self, rule: Any, crowd: Crowd) -> Fraction | None:  # noqa: ANN401 - top-artist
        """No limit unless everything goes to the most played."""
        return crowd.alpha if rule.share == 1 else None

    def share(self, case: Case) -> Fraction:
        """By fees for the most played, by listening for the rest."""
        accounts, facts = case.accounts, case.crowd.facts
        best = accounts.artist[accounts.amount == accounts.amount.max()]
        kept = Fraction(int((best >= facts.artists).sum()), len(best))
        direct = kept * Fraction(accounts.fees, facts.fees + accounts.fees)
        part: Fraction = case.rule.share
        return part * direct + (1 - part) * Market().share(case)


class Bounded:
    """alpha / b."""

    most_formula = "α/b"  # noqa: RUF001 - Greek

    def most(self, rule: Any, crowd: Crowd) -> Fraction | None:  # noqa: ANN401 - bounded
        """Theorem A; 1 where b is the smallest safe one."""
        b: Fraction = rule.choose(crowd.alpha)
        return crowd.alpha / b

    def share(self, case: Case) -> Fraction:
        """By C = f psi(rho T / f), with the rho that was solved with the accounts among the users."""
        accounts, force = case.accounts, case.prepared.force
        b: Fraction = case.prepared.b
        fees = case.crowd.facts.fees + accounts.fees
        if isinstance(force, ListeningForce):
            return Market().share(case)
        if not isinstance(force, CapForce | SmoothForce):
            return User().share(case)
        if isinstance(force, CapForce):
            steered = min(Fraction(accounts.fee), Fraction(force.up, force.down) * accounts.total)
        else:
            pull = force.rate * accounts.total / accounts.fee
            steered = Fraction(accounts.fee * (pull / math.hypot(1, pull) if force.kind == 0 else pull / (1 + pull)))
        return accounts.count * steered * case.new / (b * fees)


CLOSED_FORMS: dict[str, ClosedForm] = {
    "market-centric": Market(),
    "user-centric": User(),
    "equal-split": Equal(),
    "user-cap": Cap(),
    "weighted": Weighted(),
    "norm": Norm(),
    "top-artist": Top(),
    "bounded": Bounded(),
}
"""By the name of the rule. A rule that is not here has none, and the replay alone speaks."""
