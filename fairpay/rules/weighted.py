"""weighted: between user-centric and market-centric, by one number."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.rules.core.budgets import Budgeted, float_unit, sum_users, units_each
from fairpay.rules.core.promise import ALWAYS, THREE, CounterExample, Example, Promise, moved_by_one, tie, underpaid
from fairpay.rules.core.rule import Heavy, Joining, Reason, parameter

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage, Users
    from fairpay.rules.core.rule import Added

ROUND = Fraction(1, 2**49)
"""How far a mean may be off, as a part of it."""


@dataclass(frozen=True)
class Weighted(Budgeted):
    """Each listener steers a weighted geometric mean of fee and listening: beta 0 is user-centric, 1 market-centric.

    At beta 1/2 a listener who plays four times as much steers twice as much money. Like market-centric it has no bound
    on what one listener can move, it only gets there more slowly.
    """

    name: ClassVar[str] = "weighted"
    aliases: ClassVar[tuple[str, ...]] = ("weighted-index", "weighted-indices")
    source: ClassVar[str] = "Bergantiños and Moreno-Ternero, weighted indices for music streaming, arXiv 2310.11861"
    formula: ClassVar[str] = "W_u = f_u^(1-β) · L_u^β,  pay_j = P · Σ_u W_u s_uj / Σ_u W_u"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="four times the listening steers twice the money",
            listening={"u1": {"A": 1}, "u2": {"B": 4}},
            pays={"A": "2/3", "B": "4/3"},
        ),
        Example(
            title="beta 0 is user-centric",
            listening=THREE,
            pays={"A": "3/4", "B": "3/4", "C": "3/2"},
            parameters="beta=0",
        ),
        Example(
            title="beta 1 is market-centric",
            listening=THREE,
            pays={"A": "9/25", "B": "9/50", "C": "123/50"},
            parameters="beta=1",
        ),
        tie({"u1": {"A": 9}, "u2": {"B": 9}, "u3": {"C": 9}}),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        *underpaid(
            title="A's only listener plays little, so part of that listener's money goes to B",
            before={"u1": {"A": 1}, "u2": {"B": 4}},
            artists=("A",),
            was="2/3",
            becomes="1",
        ),
        CounterExample(
            promise=Promise.FRAUD_PROOF,
            title="one added account that pays 1 and plays B 100 times brings B 20/11",
            before={"u1": {"A": 1}},
            after={"u1": {"A": 1}, "bot": {"B": 100}},
            artists=("B",),
            was="0",
            becomes="20/11",
        ),
        *moved_by_one(
            title="u2, who pays 1, plays B 100 times instead of A once",
            before={"u1": {"A": 1}, "u2": {"A": 1}},
            after={"u1": {"A": 1}, "u2": {"B": 100}},
            artists=("B",),
            was="0",
            becomes="20/11",
        ),
    )
    joining: ClassVar[Joining] = Joining.STEADY
    heavy: ClassVar[Heavy | None] = Heavy.IS_HELD_BACK

    beta: Fraction = parameter(  # noqa: RUF009 - a dataclass field
        Fraction(1, 2), help="0 is user-centric, 1 is market-centric", low=0, high=1
    )

    def keeps(self) -> frozenset[Promise]:
        """Everything at beta 0; above it what market-centric keeps."""
        if self.beta == 0:
            return frozenset(Promise)
        return ALWAYS | {Promise.MONOTONE, Promise.PROPORTIONAL, Promise.SPLIT_PROOF}

    def prepare(self, month: Month) -> float:
        """Return the unit: an integer at the two ends, else a power of two fixed from the sum of the weights.

        A weight lies between the user's fee and listening, so the larger of the month's sums bounds the first unit.
        """
        facts = month.facts
        if self.beta in (0, 1):
            return units_each(facts.amount if self.beta else facts.fees)
        rough = float_unit(float(facts.fees) + float(facts.amount))
        return float_unit((sum_users(month, lambda users: self.powers(users, rough)) + facts.users) / rough)

    def budgets(self, users: Users | Usage, prepared: float) -> Ints:
        """Each user steers the mean of fee and listening."""
        if self.beta in (0, 1):
            return (users.total if self.beta else users.fee) * int(prepared)
        return self.powers(users, prepared)

    def loose(self, month: Month, prepared: float) -> Fraction | None:  # noqa: ARG002 - it is always the same
        """Between the two ends a budget is a product of two powers in floats."""
        return None if self.beta in (0, 1) else ROUND

    def powers(self, users: Users | Usage, unit: float) -> Ints:
        """Work the means out in floats, one user at a time, and make them integers."""
        from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

        out = np.empty_like(users.total)
        forces.powers(users.fee, users.total, float(self.beta), unit, out)
        return out

    def steers(self, added: Added, prepared: float) -> Fraction:  # noqa: ARG002 - units cancel
        """The mean of its fee and listening."""
        if self.beta in (0, 1):
            return Fraction(added.total if self.beta else added.fee)
        return Fraction(math.pow(added.fee, 1 - self.beta) * math.pow(added.total, self.beta))

    def reason(self, month: Month, limit: Fraction | None) -> Reason:
        """Nothing limits it, more slowly."""
        if limit is not None:
            return super().reason(month, limit)
        slower = f"{2 ** (1 / float(self.beta)):.3g}"
        return Reason(
            f"{slower}x the plays move 2x the money",
            f"as market-centric, only slower: to move twice as much money, play {slower} times as much",
        )
