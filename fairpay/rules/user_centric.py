"""user-centric: each subscriber's money goes only to the artists that subscriber played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from fairpay.rules.core.budgets import Budgeted, units_each
from fairpay.rules.core.promise import THREE, Example, Promise, tie
from fairpay.rules.core.rule import Heavy, Joining

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage, Users


@dataclass(frozen=True)
class UserCentric(Budgeted):
    """Each subscriber's fee is divided among the artists that subscriber played, by share of that listening.

    A listener steers what they paid, however much they play: a loop left running overnight moves one fee. Also called
    UCPS, UserProp or fan-powered. It favours artists whose listeners listen to little else.
    """

    name: ClassVar[str] = "user-centric"
    aliases: ClassVar[tuple[str, ...]] = (
        "ucps",
        "user-centric-payment",
        "user-centric-payment-system",
        "fan-powered",
        "subscriber-share",
        "user-prop",
    )
    source: ClassVar[str] = "Deezer UCPS (2019); SoundCloud fan-powered royalties (2021)"
    formula: ClassVar[str] = "pay_j = P · Σ_u f_u (x_uj / L_u) / Σ_u f_u"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; the third plays most, and moves no more than 1",
            listening=THREE,
            pays={"A": "3/4", "B": "3/4", "C": "3/2"},
        ),
        tie({"u1": {"A": 1}, "u2": {"B": 500}, "u3": {"C": 2}}),
    )
    joining: ClassVar[Joining] = Joining.STEADY
    heavy: ClassVar[Heavy | None] = Heavy.IS_HELD_BACK
    heading: ClassVar[str] = "User"

    def keeps(self) -> frozenset[Promise]:
        """Everything in the list: it is the only rule that does."""
        return frozenset(Promise)

    def prepare(self, month: Month) -> int:
        """Return how many units stand for one fee unit: as many as keep the sum over all users below 2^62."""
        return units_each(month.facts.fees)

    def budgets(self, users: Users | Usage, prepared: int) -> Ints:
        """Each user steers what they paid."""
        return users.fee * prepared
