"""Rules that give each user a budget and split it by listening: most rules are this, and nothing else.

A budget is an int64 in units fixed from facts of the whole month, so that budgets add up below 2^62 in any order.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairpay.money.currency import LARGEST
from fairpay.money.integers import sum_exactly
from fairpay.money.rounding import largest_remainder
from fairpay.rules.core.rule import Rule
from fairpay.rules.core.ties import Part, settle_roughly

if TYPE_CHECKING:
    from collections.abc import Callable
    from fractions import Fraction

    import numpy as np
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Users
    from fairpay.rules.core.ties import Unsettled
    from fairpay.rules.core.usage import Usage

__all__ = ["Budgeted", "float_unit", "settle_budgets", "sum_users", "units_each"]


@dataclass(frozen=True)
class Budgeted(Rule):
    """A rule with a budget for each user, split by share of listening."""

    @abstractmethod
    def weight_of(self, users: Users | Usage, prepared: Any) -> Ints:  # noqa: ANN401 - what `prepare` returned
        """Return each user's budget, int64[users], summing below 2^62 over the month."""

    def weigh(self, usage: Usage, prepared: Any, out: Ints) -> None:  # noqa: ANN401 - what `prepare` returned
        """Split each user's budget by listening."""
        from fairpay.kernels import split  # noqa: PLC0415 - Numba is loaded where it is used

        budget = self.weight_of(usage, prepared)
        split.add_proportional(usage.start, usage.artist, usage.amount, usage.whole, budget, out[0])

    def settle(self, weights: Ints, pool: int, prepared: Any) -> Ints:  # noqa: ANN401, ARG002 - units cancel
        """Divide the pool by what each artist drew."""
        return largest_remainder(weights[0], pool)

    def settling(self, weights: Ints, month: Month, prepared: Any) -> Unsettled | Ints:  # noqa: ANN401 - what `prepare` returned
        """Divide the pool exactly: where rounding to units would decide over a minor unit, look again."""
        return settle_budgets(
            month, weights[0], lambda usage: self.weight_of(usage, prepared), loose=self.loose(month, prepared)
        )

    def loose(self, month: Month, prepared: Any) -> Fraction | None:  # noqa: ANN401, ARG002 - what `prepare` returned
        """Return by which part of itself a budget may be off, beside a unit; None where every budget is exact."""
        return None


def settle_budgets(
    month: Month, weights: Ints, budget_of: Callable[[Usage], Ints], *, loose: Fraction | None = None
) -> Unsettled | Ints:
    """Divide the month's pool by budgets that were split by listening, as if no part had been rounded.

    Args:
        month: where to look again.
        weights: int64[artists], what the splits came to.
        budget_of: each user's budget, int64[users], as it was split.
        loose: where budgets are rounded, what besides a unit each may be off, as a part of it; None: they are exact.

    """
    budgets = sum_exactly(weights)
    if not budgets or not month.facts.pool:
        return largest_remainder(weights, month.facts.pool)

    def split(usage: Usage, place: NDArray[np.int32], out: Ints) -> None:
        from fairpay.kernels import fine  # noqa: PLC0415 - Numba is loaded where it is used

        fine.add_proportional_fine(usage.start, usage.artist, usage.amount, usage.whole, budget_of(usage), place, out)

    return settle_roughly(month, weights, budgets=budgets, parts=[Part(split)], loose=loose)


def sum_users(month: Month, value: Callable[[Users], Ints]) -> int:
    """Add up an integer per user over the month, exactly."""
    return sum(month.each_users(lambda users: sum_exactly(value(users))))


def units_each(total: int) -> int:
    """Return how many units stand for one of `total`: as many as keep the sum at or below 2^62."""
    return LARGEST // max(1, total)


def float_unit(total: float) -> float:
    """Return the power of two that brings `total` between 2^60 and 2^61: scaling by it changes no digit."""
    return math.ldexp(1.0, 61 - math.frexp(total)[1]) if total > 0 else 1.0
