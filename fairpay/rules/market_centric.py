"""market-centric: one common pot, shared by total listening."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from fairpay.rules.core.budgets import Budgeted, units_each
from fairpay.rules.core.promise import ALWAYS, COMMON_POT, THREE, CounterExample, Example, Promise, tie
from fairpay.rules.core.rule import Heavy, Joining, Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage, Users
    from fairpay.rules.core.rule import Added
    from fairpay.rules.core.ties import TiePart, Unsettled


@dataclass(frozen=True)
class MarketCentric(Budgeted):
    """All the money lies in one pot and is shared by total listening.

    Whoever plays more steers more money, whatever they paid: a listener with ten times the average listening moves
    ten times the average fee. Also called pro-rata or GlobalProp. It favours artists whose listeners listen a lot.
    """

    name: ClassVar[str] = "market-centric"
    aliases: ClassVar[tuple[str, ...]] = (
        "pro-rata",
        "mcps",
        "market-centric-payment",
        "streamshare",
        "big-pool",
        "global-prop",
    )
    source: ClassVar[str] = "industry practice since 2008; Maasø 2014, 'User-centric settlement for music streaming'"
    formula: ClassVar[str] = "pay_j = P · Σ_u x_uj / Σ_u L_u"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; the third plays most",
            listening=THREE,
            pays={"A": "9/25", "B": "9/50", "C": "123/50"},
        ),
        tie({"u1": {"A": 1, "B": 1, "C": 1}}),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (*COMMON_POT,)
    joining: ClassVar[Joining] = Joining.STEADY
    heavy: ClassVar[Heavy | None] = Heavy.STEERS_MORE
    heading: ClassVar[str] = "Market"

    def keeps(self) -> frozenset[Promise]:
        """Pro-rata is monotone and split-proof, and nothing bounds what one user can do."""
        return ALWAYS | {Promise.MONOTONE, Promise.PROPORTIONAL, Promise.SPLIT_PROOF}

    def prepare(self, month: Month) -> int:
        """Return how many units stand for one of listening: more than 1 where some of it is divided anew."""
        return units_each(month.facts.amount) if month.facts.divided else 1

    def budgets(self, users: Users | Usage, prepared: int) -> Ints:
        """Each user steers as much as they listened."""
        return users.total if prepared == 1 else users.total * prepared

    def settling(self, weights: Ints, month: Month, prepared: int) -> Unsettled | Ints:
        """Divide the pool exactly: whole listening as it is, and what is divided anew with a second look."""
        if not month.facts.divided:
            return self.settle(weights, month.facts.pool, prepared)
        return super().settling(weights, month, prepared)

    def fine_parts(self, month: Month, prepared: int) -> Sequence[TiePart]:
        """Whole listening is exact as it is."""
        return super().fine_parts(month, prepared) if month.facts.divided else ()

    def steers(self, added: Added, prepared: int) -> Fraction:  # noqa: ARG002 - units cancel
        """What an account listened."""
        return Fraction(added.total)

    def reason(self, month: Month, limit: Fraction | None) -> Reason:  # noqa: ARG002 - the same on every month
        """Nothing limits it: twice the plays, twice the money."""
        return Reason(
            "more plays move more, without limit",
            "whoever plays more moves more money, without limit, whatever they paid",
        )
