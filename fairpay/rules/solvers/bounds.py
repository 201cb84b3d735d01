"""Solving for the force of `bounded`: how much of the fee each may steer, so that together it is b of all fees."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairpay.money.integers import sum_exactly
from fairpay.rules.core.budgets import float_unit, sum_users, units_each

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Users
    from fairpay.rules.core.usage import Usage

__all__ = ["TOLERANCE", "CapForce", "PlainForce", "SmoothForce", "solve_cap", "solve_smooth"]

WORD = 2**62
"""Numerators and denominators below this are compared in compiled code, larger ones as Python integers."""
TOLERANCE = 2**-20
"""How near the sum of forces comes to b of all fees, in minor units of the pool."""


@dataclass(frozen=True, slots=True)
class PlainForce:
    """Everybody saturated: each user steers the fee; or nobody: each steers by listening."""

    by: Literal["fee", "total"]
    unit: int

    def budgets(self, users: Users | Usage) -> Ints:
        """int64[users]."""
        return (users.fee if self.by == "fee" else users.total) * self.unit

    def steers(self, fee: int, total: int, rate: Fraction) -> Fraction:
        """Return what one user steers, exactly; `rate` is the worth of one of listening where nobody is saturated."""
        return Fraction(fee) if self.by == "fee" else rate * total


@dataclass(frozen=True, slots=True)
class CapForce:
    """min(f, rho L), with rho = up / down."""

    up: int
    down: int
    unit: int

    def budgets(self, users: Users | Usage) -> Ints:
        """int64[users]."""
        from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

        out = np.empty_like(users.fee)
        forces.capped(users.fee, users.total, self.up, self.down, self.unit, out)
        return out

    def steers(self, fee: int, total: int, rate: Fraction) -> Fraction:  # noqa: ARG002 - rho is known
        """Return what one user steers, exactly."""
        return min(Fraction(fee), Fraction(self.up, self.down) * total)


@dataclass(frozen=True, slots=True)
class SmoothForce:
    """f psi(rho L / f), psi in floats within one user."""

    kind: int
    """0: r / sqrt(1 + r^2); 1: r / (1 + r)."""
    rate: float
    """rho, in fee units for one of listening."""
    unit: float

    def budgets(self, users: Users | Usage) -> Ints:
        """int64[users]."""
        from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

        out = np.empty_like(users.fee)
        forces.saturating(users.fee, users.total, self.rate, self.unit, self.kind, out)
        return out

    def steers(self, fee: int, total: int, rate: Fraction) -> Fraction:  # noqa: ARG002 - rho is known
        """Return what one user steers, to a float's precision."""
        pull = self.rate * total / fee
        return Fraction(fee * (pull / math.hypot(1, pull) if self.kind == 0 else pull / (1 + pull)))


def solve_cap(month: Month, target: Fraction) -> PlainForce | CapForce:
    """Find rho with Σ_u min(f_u, rho L_u) = target, exactly: Newton from below on a concave, piecewise straight sum.

    `target` is less than all fees, so somebody is always left unsaturated. Each step is one pass over the users.
    """
    rate = target / month.facts.amount
    while True:
        fees, listening = split_by(month, rate)
        after = (target - fees) / listening
        if after == rate:
            break
        rate = after
    if listening == month.facts.amount:
        return PlainForce("total", units_each(listening))
    up, down = rate.numerator, rate.denominator
    shift = max(0, max(up, down).bit_length() - 62)
    up, down = max(1, up >> shift), max(1, down >> shift)
    unit = units_each(month.facts.fees)
    return CapForce(up, down, unit // down * down if unit >= down else unit)


def split_by(month: Month, rate: Fraction) -> tuple[int, int]:
    """Return the fees of the users saturated at `rate` and the listening of the others."""
    from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

    up, down = rate.numerator, rate.denominator

    def one(users: Users) -> tuple[int, int]:
        full = np.empty(len(users.fee), dtype=np.bool_)
        if max(up, down) < WORD:
            forces.saturated(users.fee, users.total, up, down, full)
        else:
            pairs = zip(users.total.tolist(), users.fee.tolist(), strict=True)
            full[:] = [total * up >= fee * down for total, fee in pairs]
        return sum_exactly(users.fee[full]), sum_exactly(users.total[~full])

    found = list(month.each_users(one))
    return sum(fees for fees, _ in found), sum(listening for _, listening in found)


def solve_smooth(month: Month, target: Fraction, kind: int) -> SmoothForce:
    """Find rho with Σ_u f_u psi(rho L_u / f_u) = target by bisection; what is summed are integers.

    psi(r) <= r, so rho is at least target / Σ L. Stops within TOLERANCE minor units of the pool, or where two
    neighbouring floats are reached.
    """
    facts = month.facts
    unit = float_unit(float(facts.fees))
    goal = int(target * Fraction(unit))
    near = int(Fraction(unit) * facts.fees * Fraction(TOLERANCE) / max(1, facts.pool))

    def over(rate: float) -> int:
        force = SmoothForce(kind, rate, unit)
        return sum_users(month, force.budgets) - goal

    low = high = float(target / facts.amount)
    excess = over(high)
    while excess < 0:
        low, high = high, high * 2
        excess = over(high)
    while excess > near and low < (middle := low + (high - low) / 2) < high:
        found = over(middle)
        low, high, excess = (middle, high, excess) if found < 0 else (low, middle, found)
    return SmoothForce(kind, high, unit)
