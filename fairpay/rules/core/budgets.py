"""Rules that give each user a budget and split it: most rules are this, and nothing else.

A budget is an int64 in units fixed from facts of the whole month, so that budgets add up below 2^62 in any order.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from fairpay.money.currency import LARGEST
from fairpay.money.integers import sum_exactly
from fairpay.money.rounding import largest_remainder
from fairpay.rules.core.month import Split
from fairpay.rules.core.rule import Rule
from fairpay.rules.core.ties import TiePart, settle_roughly

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage, Users
    from fairpay.rules.core.rule import Added
    from fairpay.rules.core.ties import Unsettled

__all__ = ["Budgeted", "float_unit", "settle_part", "sum_users", "units_each"]


@dataclass(frozen=True)
class Budgeted(Rule):
    """A rule with a budget for each user, split in one way."""

    split: ClassVar[Split] = Split.BY_LISTENING
    mixable: ClassVar[bool] = True

    @abstractmethod
    def budgets(self, users: Users | Usage, prepared: Any) -> Ints:  # noqa: ANN401 - what `prepare` returned
        """Return each user's budget, int64[users], summing below 2^62 over the month."""

    def weight_of(self, users: Users | Usage, prepared: Any) -> Ints | None:  # noqa: ANN401 - what `prepare` returned
        """Each user steers the budget."""
        return self.budgets(users, prepared)

    def weigh(self, usage: Usage, prepared: Any, out: Ints) -> None:  # noqa: ANN401 - what `prepare` returned
        """Split each user's budget."""
        self.split.add(usage, self.budgets(usage, prepared), out[0])

    def settling(self, weights: Ints, month: Month, prepared: Any) -> Unsettled | Ints:  # noqa: ANN401 - what `prepare` returned
        """Divide the pool exactly: where rounding to units would decide over a minor unit, look again."""
        return settle_part(month, weights[0], self.fine_part(prepared), loose=self.loose(month, prepared))

    def fine_part(self, prepared: Any) -> TiePart:  # noqa: ANN401 - what `prepare` returned
        """Return the budgets and their split."""
        return TiePart(lambda usage: self.budgets(usage, prepared), self.split)

    def fine_parts(self, month: Month, prepared: Any) -> Sequence[TiePart]:  # noqa: ANN401, ARG002 - what `prepare` returned
        """The budgets are the only part."""
        return (self.fine_part(prepared),)

    def loose(self, month: Month, prepared: Any) -> Fraction | None:  # noqa: ANN401, ARG002 - what `prepare` returned
        """Return by which part of itself a budget may be off, beside a unit; None where every budget is exact."""
        return None

    def steers(self, added: Added, prepared: Any) -> Fraction:  # noqa: ANN401, ARG002 - what `prepare` returned
        """Return by formula what one of some accounts steers, exactly: its fee, unless a rule says otherwise."""
        return Fraction(added.fee)

    def unit(self, prepared: Any) -> Fraction:  # noqa: ANN401 - what `prepare` returned
        """Return how many units of budgets stand for one of what `steers` returns."""
        return Fraction(prepared)

    def taken(self, added: Sequence[Added], prepared: Any, weights: Ints) -> Fraction | None:  # noqa: ANN401 - what `prepare` returned
        """What all accounts steer against what everybody does."""
        own = [one.count * self.steers(one, prepared) for one in added]
        kept = sum(steered * one.kept(self.split) for steered, one in zip(own, added, strict=True))
        return kept / (sum_exactly(weights[0]) / self.unit(prepared) + sum(own))


def settle_part(month: Month, weights: Ints, part: TiePart, *, loose: Fraction | None = None) -> Unsettled | Ints:
    """Divide the month's pool by budgets that were split, int64[artists], as if no part of one had been rounded.

    `loose` is by which part of itself a budget may be off, beside a unit; None: they are exact.
    """
    budgets = sum_exactly(weights)
    if not budgets or not month.facts.pool:
        return largest_remainder(weights, month.facts.pool)
    return settle_roughly(month, weights, budgets=budgets, parts=[part], loose=loose)


def sum_users(month: Month, value: Callable[[Users], Ints]) -> int:
    """Add up an integer per user over the month, exactly."""
    return sum(month.each_users(lambda users: sum_exactly(value(users))))


def units_each(total: int) -> int:
    """Return how many units stand for one of `total`: as many as keep the sum at or below 2^62."""
    return LARGEST // max(1, total)


def float_unit(total: float) -> float:
    """Return the power of two that brings `total` between 2^60 and 2^61: scaling by it changes no digit."""
    return math.ldexp(1.0, 61 - math.frexp(total)[1]) if total > 0 else 1.0
