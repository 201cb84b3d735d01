"""c*: the largest cap on the plays of a listener at which no account earns more than its fee."""

from __future__ import annotations

import weakref
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fairpay.money.currency import LARGEST
from fairpay.rules.core.budgets import sum_users

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage, Users

__all__ = ["earned_at", "plays_capped", "safe_cap"]

FOUND: dict[tuple[int, int], int] = {}
"""c* of months that are held, by identity and by what a play is: each value of a sweep asks for it."""


def plays_capped(users: Users | Usage, cap: int, play: int) -> tuple[Ints, Ints]:
    """Return each user's plays up to the cap, and all of them, at least 1: int64[users] each.

    With `play`, which is what one play comes to in the measure, these are weighted plays in their units; 0: plays made.
    """
    plays = np.maximum(users.total if play else users.plays, 1)
    return np.minimum(plays, min(cap * max(1, play), LARGEST)), plays


def earned_at(month: Month, cap: int, *, play: int = 0) -> Fraction:
    """Return alpha' · c / mean(min(L, c)): the fees that an account earns which pays the mean fee and plays c times.

    A listener's time counts as the plays do, and each play of the account lasts as long as the mean play.
    """
    from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

    facts = month.facts
    timed = facts.play is None

    def counted(users: Users) -> Ints:
        kept, plays = plays_capped(users, cap, play)
        if timed:
            forces.scaled_ratio(users.total, kept, plays, 1, kept)
        return kept

    one = Fraction(facts.amount, max(1, facts.plays)) if timed else max(1, play)
    return (facts.alpha or Fraction(1)) * cap * one * facts.users / sum_users(month, counted)


def safe_cap(month: Month, *, play: int = 0) -> int:
    """Return c*, the largest whole c with mean(min(L, c)) >= alpha' · c, for accounts that pay the mean fee; 0: none.

    mean(min(L, c)) / c falls as c rises, so bisection finds it; each step is one pass over the users' totals.
    """
    key = id(month), play
    if key not in FOUND:
        FOUND[key] = searched(month, play)
        weakref.finalize(month, FOUND.pop, key)
    return FOUND[key]


def searched(month: Month, play: int) -> int:
    facts = month.facts
    all_plays = facts.amount // play if play else facts.plays
    low, high = 0, int(all_plays / ((facts.alpha or Fraction(1)) * facts.users)) + 1
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if earned_at(month, middle, play=play) <= 1 else (low, middle - 1)
    return low
