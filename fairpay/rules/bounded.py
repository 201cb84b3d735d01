"""bounded: money follows listening, up to a limit set by what each listener paid."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar, Literal, TypeAlias

import numpy as np

from fairpay.errors import UsageError
from fairpay.money.integers import sum_exactly
from fairpay.rules.core.budgets import Budgeted, float_unit, sum_users, units_each
from fairpay.rules.core.promise import FRAUD, OWN, THREE, CounterExample, Example, Promise, moved_by_one, underpaid
from fairpay.rules.core.rule import Edge, Heavy, Joining, Reason, facts_with, own_fee, parameter, times_fee

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage, Users
    from fairpay.rules.core.rule import Added

WORD = 2**62
"""Numerators and denominators below this are compared in compiled code, larger ones as Python integers."""
TOLERANCE = 2**-20
"""How near the sum of forces comes to b of all fees, in minor units of a pool of `LEAST_POOL` or more."""
LEAST_POOL = 2**20
"""A smaller pool is solved as finely as one of so many minor units: of one unit, too, a near tie is decided."""
FINE = 10_000
"""The smallest safe b is told in parts of this."""
ROUND, ROUND_RATE = Fraction(1, 2**49), Fraction(1, 2**60)
"""How far a force in floats, and a rate of whole numbers, may be off, as a part of it."""
BOT = {f"u{i}": {"X": 1} for i in range(1, 6)} | {"bot": {"Y": 1000}}


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


Force: TypeAlias = PlainForce | CapForce | SmoothForce


@dataclass(frozen=True, slots=True)
class Solved:
    """What bounded works out first."""

    force: Force
    b: Fraction
    alpha: Fraction | None
    """Royalty rate times what inactive subscribers add: the pool over the fees of those who listened."""


@dataclass(frozen=True)
class Bounded(Budgeted):
    """Each listener steers money in proportion to listening, up to a limit set by what they paid.

    Heavy listeners reach the limit, their fee, and light ones stay below it; b says how much of all fees is steered.
    With b at or above the royalty rate no fake account brings in more than it pays, which is as near to market-centric
    as a rule can come and stay fraud-proof. At b = 1 the rule is user-centric. The force says how the limit is
    approached: cap bends sharply (ScaledUserProp), smooth and bayes gradually.
    """

    name: ClassVar[str] = "bounded"
    aliases: ClassVar[tuple[str, ...]] = ("scaled-user-prop",)
    source: ClassVar[str] = (
        "Ghosh, Neoh, Teh, Tyrovolas, ICML 2025, arXiv 2511.04465 (cap); Farhadkhani et al., ICML 2022 (smooth)"
    )
    formula: ClassVar[str] = "C_u = f_u · ψ(ρ L_u / f_u),  Σ C_u = b F,  pay_j = P/(b F) · Σ C_u s_uj"  # noqa: RUF001 - Greek
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each, 70 % of it paid out: the third is held to the fee",
            listening=THREE,
            pays={"A": "33/50", "B": "33/100", "C": "111/100"},
            rate=Fraction(7, 10),
        ),
        Example(
            title="the same at a royalty rate of one half",
            listening=THREE,
            pays={"A": "3/10", "B": "3/20", "C": "21/20"},
            rate=Fraction(1, 2),
        ),
        Example(
            title="the same at nine tenths: the first is held to the fee as well",
            listening=THREE,
            pays={"A": "3/4", "B": "3/5", "C": "27/20"},
            rate=Fraction(9, 10),
        ),
        Example(
            title="five listeners and a bot that paid 1 and plays 1,000 times: the bot brings Y exactly 1",
            listening=BOT,
            pays={"X": "3.2", "Y": "1.0"},
            rate=Fraction(7, 10),
        ),
        Example(
            title="the same, bent gradually",
            listening=BOT,
            pays={"X": "3.2000", "Y": "1.0000"},
            rate=Fraction(7, 10),
            parameters="force=smooth",
        ),
        Example(
            title="the same as a vote shrunk towards what everybody plays",
            listening=BOT,
            pays={"X": "3.2006", "Y": "0.9994"},
            rate=Fraction(7, 10),
            parameters="force=bayes",
        ),
        Example(
            title="b = 1 is user-centric, and a tie for the last cent goes to the smaller artist id",
            listening={"u1": {"A": 1}, "u2": {"B": 500}, "u3": {"C": 2}},
            pays={"A": "34", "B": "33", "C": "33"},
            pool=100,
            parameters="b=1",
        ),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        *underpaid(
            title="half of the fees is paid out; A's listener plays little, so some of that money goes to B",
            before={"u1": {"A": 1}, "u2": {"B": 3}},
            artists=("A",),
            was="1/4",
            becomes="1/2",
            rate=Fraction(1, 2),
        ),
        CounterExample(
            promise=Promise.FRAUD_PROOF,
            title="b below the royalty rate: an added account that pays 1 brings B 2",
            before={"u1": {"A": 1}, "u2": {"A": 1}, "u3": {"A": 1}},
            after={"u1": {"A": 1}, "u2": {"A": 1}, "u3": {"A": 1}, "bot": {"B": 100}},
            artists=("B",),
            was="0",
            becomes="2",
            parameters="b=1/2,allow-unsafe=yes",
        ),
        *moved_by_one(
            title="b below the royalty rate: u1, who pays 1, changes over to B and brings it 2",
            before={"u1": {"A": 1}, "u2": {"A": 1}, "u3": {"A": 1}},
            after={"u1": {"B": 100}, "u2": {"A": 1}, "u3": {"A": 1}},
            artists=("B",),
            was="0",
            becomes="2",
            parameters="b=1/2,allow-unsafe=yes",
        ),
    )
    joining: ClassVar[Joining] = Joining.SHIFTING
    heavy: ClassVar[Heavy | None] = Heavy.IS_HELD_BACK

    force: str = parameter("cap", help="how the limit is approached", choices=("cap", "smooth", "bayes"))
    b: Fraction | None = parameter(  # noqa: RUF009 - a dataclass field
        None,
        help="how much of all fees is steered; from the royalty rate to 1 it is safe",
        low=Fraction(1, 1000),
        high=1,
        unset="the royalty rate",
    )
    allow_unsafe: str = parameter(
        "no", help="run with a b at which fake accounts bring in more than they pay", choices=("no", "yes")
    )

    def keeps(self) -> frozenset[Promise]:
        """Everything at b = 1; the bounds hold for every b that is not refused; own money only at b = 1."""
        if self.b == 1:
            return frozenset(Promise)
        return frozenset(Promise) - OWN - (FRAUD if self.allow_unsafe == "yes" else set())

    def check_rate(self, rate: Fraction | None) -> None:
        """A b below the royalty rate is below what any month with that rate has."""
        self.choose(rate)

    def prepare(self, month: Month) -> Solved:
        """Solve for the force.

        Raises:
            UsageError: where the royalty rate is not known, or b is below it and unsafe rules were not allowed.

        """
        facts = month.facts
        alpha = facts.alpha
        b = self.choose(alpha)
        target = b * facts.fees
        if b == 1 or not facts.fees:
            return Solved(PlainForce("fee", units_each(facts.fees)), b, alpha)
        if self.force == "cap":
            return Solved(solve_cap(month, target), b, alpha)
        return Solved(solve_smooth(month, target, ("smooth", "bayes").index(self.force)), b, alpha)

    def choose(self, alpha: Fraction | None) -> Fraction:
        """Return b, by default the smallest safe one."""
        if self.b is not None and self.allow_unsafe == "yes":
            return self.b
        if alpha is None:
            message = "bounded needs the royalty rate: without it nobody can say which b is safe"
            raise UsageError(message, advice="State it with --royalty-rate 70%.")
        if alpha > 1 and self.allow_unsafe == "no":
            message = f"bounded: the pool is {float(alpha):.4g} of the fees of those who listened, so no b is safe"
            raise UsageError(message, advice="Use --inactive hold, or bounded:allow-unsafe=yes.")
        b = min(alpha, Fraction(1)) if self.b is None else self.b
        if b < alpha and self.allow_unsafe == "no":
            message = (
                f"bounded: b = {b} is below {alpha}: a fake account brings up to {float(alpha / b):.4g} of its fee"
            )
            stated = " and the real --royalty-rate" if alpha == 1 else ""
            raise UsageError(message, advice=f"Give b from {alpha} to 1{stated}, or add allow-unsafe=yes.")
        return b

    def budgets(self, users: Users | Usage, prepared: Solved) -> Ints:
        """Each user steers C_u."""
        return prepared.force.budgets(users)

    def loose(self, month: Month, prepared: Solved) -> Fraction | None:
        """Rates of smooth and bayes are solved in floats; what listening comes to below the cap is cut to units."""
        if isinstance(prepared.force, PlainForce):
            return None
        if isinstance(prepared.force, CapForce):
            return ROUND_RATE
        return ROUND + Fraction(2 * TOLERANCE) / (max(LEAST_POOL, month.facts.pool) * prepared.b)

    def remarks(self, prepared: Solved) -> tuple[str, ...]:
        """Say the bound, and that with net fees only user-centric is safe."""
        if prepared.alpha is None:
            return (f"{self.label}: without a royalty rate nothing is said about fake accounts",)
        most = f"{self.label}: a fake account brings in at most {float(prepared.alpha / prepared.b):.4g} of its fee"
        if prepared.alpha == 1 == prepared.b:
            return (most, "at a 100 % royalty rate only b = 1 is safe, which is user-centric")
        return (most,)

    def taken(self, added: Sequence[Added], prepared: Solved, weights: Ints) -> Fraction | None:  # noqa: ARG002 - b says what all steer
        """By C = f psi(rho T / f), with the rho that was solved with the accounts among the users."""
        facts = facts_with(added)
        all_of_it = prepared.b * facts.fees
        rate = Fraction(all_of_it, facts.amount)
        steered = (one.count * prepared.force.steers(one.fee, one.total, rate) * one.kept(self.split) for one in added)
        return sum(steered, Fraction(0)) / all_of_it

    def edge(self, month: Month) -> Edge | None:
        """The smallest safe b, alpha', to four digits from above."""
        least = Fraction(math.ceil((month.facts.alpha or 2) * FINE), FINE)
        if least > 1:
            return None
        said = f"{float(least):.4g}"
        return Edge("b", replace(self, b=least), f"every b from {said} on", f"b = {said}")

    def limit(self, month: Month) -> Fraction | None:
        """Theorem A; 1 where b is the smallest safe one."""
        alpha = month.facts.alpha or Fraction(1)
        return alpha / self.choose(alpha)

    def reason(self, month: Month, limit: Fraction | None) -> Reason:
        """The fee over b limits it."""
        if limit == (month.facts.alpha or 1):
            return own_fee(limit)
        sentence = f"what an account moves is limited by its fee: it gets back at most {times_fee(limit)}"
        return Reason("what an account moves has a limit", sentence)


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

    psi(r) <= r, so rho is at least target / Σ L. Stops within TOLERANCE of the pool, or where two
    neighbouring floats are reached.
    """
    facts = month.facts
    unit = float_unit(float(facts.fees))
    goal = int(target * Fraction(unit))
    near = int(Fraction(unit) * facts.fees * Fraction(TOLERANCE) / max(LEAST_POOL, facts.pool))

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
