"""c*: the largest user cap at which no account earns more than its fee."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.rules.core.budgets import sum_users

if TYPE_CHECKING:
    from fractions import Fraction

    from fairpay.fraud.audit.crowd import Crowd
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Users

__all__ = ["SafeCap", "counted", "earned_at", "safe_cap"]


@dataclass(frozen=True, slots=True)
class SafeCap:
    """How high a cap on the plays of a listener may be on this log."""

    cap: int
    """c* in plays a month; 0 where no cap is safe."""
    earns: Fraction
    """Fees that one account earns at one play more than c*."""


def counted(crowd: Crowd, cap: int) -> int:
    """Return Σ_u min(L_u, c): all listening that counts, in the measure (a listener's time counts as the plays do)."""

    def of(users: Users) -> Ints:
        plays = np.maximum(users.plays, 1)
        kept = np.minimum(plays, cap)
        if not crowd.terms.timed:
            return np.where(plays == kept, users.total, kept)
        from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

        out = np.empty_like(users.total)
        forces.scaled_ratio(users.total, kept, plays, 1, out)
        return out

    return sum_users(crowd.month, of)


def earned_at(crowd: Crowd, cap: int) -> Fraction:
    """Return alpha' · c / mean(min(L, c)): the fees one account earns by playing up to the cap."""
    return crowd.alpha * cap * crowd.play * crowd.facts.users / counted(crowd, cap)


def safe_cap(crowd: Crowd) -> SafeCap:
    """Find the largest whole c with mean(min(L, c)) >= alpha' · c, for accounts that pay the mean fee.

    mean(min(L, c)) / c falls as c rises, so bisection finds it; each step is one pass over the users' totals.
    """
    low, high = 0, int(crowd.facts.amount / (crowd.alpha * crowd.facts.users * crowd.play)) + 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if earned_at(crowd, middle) <= 1 else (low, middle - 1)
    return SafeCap(low, earned_at(crowd, low + 1))
