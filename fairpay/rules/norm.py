"""norm: one user, one unit of force in the Lp norm."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.money.integers import sum_exactly
from fairpay.rules.core.budgets import Budgeted, float_unit, units_each
from fairpay.rules.core.month import Usage
from fairpay.rules.core.promise import ALWAYS, THREE, CounterExample, Example, Promise, underpaid
from fairpay.rules.core.rule import Joining, Reason, parameter

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Totals, Users
    from fairpay.rules.core.rule import Added

FANS = {f"u{i}": {f"A{i}": 1} for i in range(1, 100)}
ALIASES = {f"X{i}": 1 for i in range(1, 101)}
ROUND_ONE, ROUND_MANY = Fraction(1, 2**50), Fraction(1, 2**44)
"""How far a ratio may be off, as a part of it: a quotient of floats; a root of many terms."""


@dataclass(frozen=True)
class Norm(Budgeted):
    """Each subscriber's fee is spread so that what reaches the artists has length f_u in the Lp norm, not in the sum.

    A listener of many artists steers more money than a listener of one: with p = 2 and k artists played alike, the
    square root of k times as much. p = 1 is user-centric; p = inf gives the fee in full to the artist played most and
    in proportion to the others. It rewards spreading plays over many names.
    """

    name: ClassVar[str] = "norm"
    aliases: ClassVar[tuple[str, ...]] = ("lp-norm",)
    source: ClassVar[str] = (
        "per-user normalisation as in collaborative scoring: Allouah et al., Solidago / Tournesol (2022)"
    )
    formula: ClassVar[str] = "W_u = f_u · ‖x_u‖₁ / ‖x_u‖_p,  pay_j = P · Σ_u W_u s_uj / Σ_u W_u"
    experimental: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; the one who splits evenly steers most",
            listening=THREE,
            pays={"A": "0.773567", "B": "0.834439", "C": "1.391994"},
        ),
        Example(
            title="the same with p = inf",
            listening=THREE,
            pays={"A": "9/13", "B": "12/13", "C": "18/13"},
            parameters="p=inf",
        ),
        Example(
            title="p = 1 is user-centric, and a tie for the last cent goes to the smaller artist id",
            listening={"u1": {"A": 1}, "u2": {"B": 500}, "u3": {"C": 2}},
            pays={"A": "34", "B": "33", "C": "33"},
            pool=100,
            parameters="p=1",
        ),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        *underpaid(
            title="A's only listener plays one artist, the other listener two, and steers more than one fee",
            before={"u1": {"A": 1}, "u2": {"B": 1, "C": 1}},
            artists=("A",),
            was="0.8284",
            becomes="1",
        ),
        CounterExample(
            promise=Promise.FRAUD_PROOF,
            title="an added account that pays 1 and plays 100 artists once each brings them 9.2",
            before=FANS,
            after=FANS | {"bot": ALIASES},
            artists=tuple(ALIASES),
            was="0",
            becomes="9.174",
        ),
        CounterExample(
            promise=Promise.BRIBERY_PROOF,
            title="u100, who pays 1, plays 100 artists once each instead of one artist 100 times",
            before=FANS | {"u100": {"A1": 100}},
            after=FANS | {"u100": ALIASES},
            artists=tuple(ALIASES),
            was="0",
            becomes="9.174",
        ),
        CounterExample(
            promise=Promise.CLICK_FRAUD_PROOF,
            title="u2, who pays 1, adds 24 artists to B, so A loses more than 1",
            before={"u1": {"A": 1}, "u2": {"A": 1}, "u3": {"A": 1}},
            after={"u1": {"A": 1}, "u2": {"A": 1}, "u3": {f"B{i}": 1 for i in range(1, 26)}},
            artists=("A",),
            was="3",
            becomes="0.857",
        ),
        CounterExample(
            promise=Promise.SPLIT_PROOF,
            title="one fan of 100: the artist splits into 100 names, played alike, and takes 9.2 % instead of 1 %",
            before=FANS | {"u100": {"X": 100}},
            after=FANS | {"u100": ALIASES},
            artists=("X",),
            artists_after=tuple(ALIASES),
            was="1",
            becomes="9.174",
        ),
    )
    joining: ClassVar[Joining] = Joining.STEADY

    p: Fraction | str = parameter(  # noqa: RUF009 - a dataclass field
        Fraction(2), help="which norm has length one", low=1, choices=("inf",)
    )

    def keeps(self) -> frozenset[Promise]:
        """Everything at p = 1; above it the promises that have nothing to do with spreading plays.

        Monotone: what j draws from a user grows with x_j at least as fast as all the user steers, and pays at most P.
        """
        if self.p == 1:
            return frozenset(Promise)
        return ALWAYS | {Promise.MONOTONE, Promise.PROPORTIONAL}

    def prepare(self, month: Month) -> float:
        """Return the unit: a power of two fixed from the sum of the weights, which stays below 2^62 in it.

        No ratio exceeds the number of artists, so that bounds a first unit for adding up. A month may show one of many
        users who are alike: then the fees say how much was not seen.
        """
        facts = month.facts
        if self.p == 1:
            return units_each(facts.fees)
        rough = float_unit(float(facts.fees) * float(facts.artists))

        def look(usage: Usage, _: Ints) -> Totals:
            budgets = (usage.fee * self.ratios(usage) * rough).astype(np.int64)
            return sum_exactly(budgets), sum_exactly(usage.fee)

        rounded, fees = month.gather(look, rows=0)[1] or (0, 0)
        unseen = 0.0
        if fees < facts.fees:
            largest = max(month.each(lambda usage: float(self.ratios(usage).max(initial=1.0))), default=1.0)
            unseen = (facts.fees - fees) * largest
        return float_unit((rounded + facts.users) / rough + unseen)

    def weight_of(self, users: Users | Usage, prepared: float) -> Ints | None:
        """Return what each user steers; only the plays tell, so None for users without them."""
        return self.budgets(users, prepared) if self.p == 1 or isinstance(users, Usage) else None

    def budgets(self, users: Users | Usage, prepared: float) -> Ints:
        """Each user steers the fee times |x|_1 / |x|_p."""
        if self.p == 1 or not isinstance(users, Usage):
            return users.fee * int(prepared)
        budgets: Ints = (users.fee * self.ratios(users) * prepared).astype(np.int64)
        return budgets

    def ratios(self, usage: Usage) -> np.ndarray:
        """Return |x|_1 / |x|_p of each user, float64[users]."""
        from fairpay.kernels import forces  # noqa: PLC0415 - Numba is loaded where it is used

        out = np.empty(usage.users, dtype=np.float64)
        forces.norm_ratios(usage.start, usage.amount, usage.whole, float(self.p), out)
        return out

    def loose(self, month: Month, prepared: float) -> Fraction | None:  # noqa: ARG002 - it is always the same
        """A budget is a product with a quotient of floats, or with a root of many terms."""
        return None if self.p == 1 else ROUND_ONE if self.p == "inf" else ROUND_MANY

    def steers(self, added: Added, prepared: float) -> Fraction:  # noqa: ARG002 - units cancel
        """Its fee times |x|_1 / |x|_p."""
        p = float(self.p)
        if p == 1:
            return Fraction(added.fee)
        largest = float(added.one.amount.max())
        norm = largest
        if not math.isinf(p):
            norm *= math.fsum(x**p for x in (added.one.amount / largest).tolist()) ** (1 / p)
        return Fraction(added.fee * (added.total / norm))

    def reason(self, month: Month, limit: Fraction | None) -> Reason:
        """Artists make an account heavy."""
        if limit is not None:
            return super().reason(month, limit)
        gain = f"{100 ** (1 - 1 / float(self.p)):.3g}"
        return Reason(
            f"100 fake artists weigh {gain}x",
            f"the more artists an account plays, the heavier it is: 100 made-up ones multiply it by {gain}",
        )
