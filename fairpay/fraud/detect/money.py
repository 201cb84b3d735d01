"""The money a finding moves: what part of the pool its plays steer under each rule, in whole minor units."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fairpay.money.currency import round_half_even
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Month, Users

__all__ = ["Moved", "moved"]


class Moved:
    """What users move under one rule."""

    def __init__(self, weight: Ints | None, pool: int) -> None:
        """Take int64[users] weights, None for rules under which no user has a part."""
        self.weight, self.pool = weight, pool
        self.whole = 0 if weight is None else sum_exactly(weight)

    def of(self, users: Ints) -> int | None:
        """Return the money of some users together; None where the rule does not say."""
        if self.weight is None or not self.whole:
            return None
        return round_half_even(Fraction(sum_exactly(self.weight[users]) * self.pool, self.whole))


def moved(outcome: Outcome, month: Month, users: Users) -> Sequence[Moved]:
    """Ask each rule how much of the pool each user steers; `users` are all users, in id order."""
    found = []
    for payout in outcome.payouts:
        weight = payout.rule.weight_of(users, payout.rule.prepare(month))
        found.append(Moved(None if weight is None else np.asarray(weight), outcome.money.pool))
    return found
