"""market-centric: one common pot, shared by total listening."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from fairpay.money.rounding import largest_remainder
from fairpay.rules.core.budgets import settle_budgets, units_each
from fairpay.rules.core.rule import CounterExample, Example, Promise, Rule

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Users
    from fairpay.rules.core.ties import Unsettled
    from fairpay.rules.core.usage import Usage


@dataclass(frozen=True)
class MarketCentric(Rule):
    """All the money lies in one pot and is shared by total listening.

    Whoever plays more steers more money, whatever they paid: a listener with ten times the average listening moves
    ten times the average fee. Also called pro-rata or GlobalProp. It favours artists whose listeners listen a lot.
    """

    name: ClassVar[str] = "market-centric"
    source: ClassVar[str] = "industry practice since 2008; Maasø 2014, 'User-centric settlement for music streaming'"
    formula: ClassVar[str] = "pay_j = P · Σ_u x_uj / Σ_u L_u"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; the third plays most",
            listening={"u1": {"A": 6, "B": 2}, "u2": {"B": 1, "C": 1}, "u3": {"C": 40}},
            pays={"A": "9/25", "B": "9/50", "C": "123/50"},
        ),
        Example(
            title="a tie for the last cent goes to the smaller artist id",
            listening={"u1": {"A": 1, "B": 1, "C": 1}},
            pays={"A": "34", "B": "33", "C": "33"},
            pool=100,
        ),
    )

    breaks: ClassVar[tuple[CounterExample, ...]] = (
        CounterExample(
            promise=Promise.OWN_MONEY,
            title="u1 and u2 play only A and B, and most of their money goes to C, whom they never played",
            before={"u1": {"A": 6, "B": 2}, "u2": {"A": 1, "B": 1}, "u3": {"C": 40}},
            artists=("A", "B"),
            was="3/5",
            becomes="2",
        ),
        CounterExample(
            promise=Promise.FRAUD_PROOF,
            title="an added account that pays 1 and plays B 980 times brings B nearly everything",
            before={"u1": {"A": 10}, "u2": {"A": 10}},
            after={"u1": {"A": 10}, "u2": {"A": 10}, "bot": {"B": 980}},
            artists=("B",),
            was="0",
            becomes="147/50",
        ),
        CounterExample(
            promise=Promise.BRIBERY_PROOF,
            title="u2, who pays 1, leaves a loop running and plays B 990 times instead of A 10 times",
            before={"u1": {"A": 10}, "u2": {"A": 10}},
            after={"u1": {"A": 10}, "u2": {"B": 990}},
            artists=("B",),
            was="0",
            becomes="99/50",
        ),
        CounterExample(
            promise=Promise.CLICK_FRAUD_PROOF,
            title="u2, who pays 1, leaves a loop running and plays B 990 times instead of A 10 times",
            before={"u1": {"A": 10}, "u2": {"A": 10}},
            after={"u1": {"A": 10}, "u2": {"B": 990}},
            artists=("B",),
            was="0",
            becomes="99/50",
        ),
    )

    def keeps(self) -> frozenset[Promise]:
        """Pro-rata is monotone and split-proof, and nothing bounds what one user can do."""
        return frozenset(
            {Promise.CONSERVES, Promise.NULL_ARTIST, Promise.MONOTONE, Promise.SPLIT_PROOF, Promise.ANONYMOUS}
        )

    def prepare(self, month: Month) -> int:
        """Return how many units stand for one of listening, where some of it is divided anew; else 0: it is whole."""
        return units_each(month.facts.amount) if month.facts.divided else 0

    def weight_of(self, users: Users | Usage, prepared: int) -> Ints:
        """Each user steers as much as they listened."""
        return users.total * prepared if prepared else users.total

    def weigh(self, usage: Usage, prepared: int, out: Ints) -> None:
        """Add each artist's listening."""
        from fairpay.kernels import split  # noqa: PLC0415 - Numba is loaded where it is used

        if not prepared:
            split.add_amounts(usage.artist, usage.amount, out[0])
            return
        budget = self.weight_of(usage, prepared)
        split.add_proportional(usage.start, usage.artist, usage.amount, usage.whole, budget, out[0])

    def settle(self, weights: Ints, pool: int, prepared: int) -> Ints:  # noqa: ARG002 - units cancel
        """Divide the pool by listening."""
        return largest_remainder(weights[0], pool)

    def settling(self, weights: Ints, month: Month, prepared: int) -> Unsettled | Ints:
        """Divide the pool exactly: whole listening as it is, and what is divided anew with a second look."""
        if not prepared:
            return self.settle(weights, month.facts.pool, prepared)
        return settle_budgets(month, weights[0], lambda usage: self.weight_of(usage, prepared))
