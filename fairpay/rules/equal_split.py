"""equal-split: each subscriber's money in equal parts to the artists played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from fairpay.rules.core.budgets import Budgeted, units_each
from fairpay.rules.core.month import Split
from fairpay.rules.core.promise import THREE, CounterExample, Example, Promise, tie, uneven
from fairpay.rules.core.rule import Joining, Reason, own_fee

if TYPE_CHECKING:
    from fractions import Fraction

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage, Users


@dataclass(frozen=True)
class EqualSplit(Budgeted):
    """Each subscriber's fee is divided in equal parts among the artists that subscriber played, however often.

    One play counts as much as a thousand. It is the Shapley value of the game in which artists bring subscribers, and
    it is also called the Shapley index or UserEQ. It favours artists whom many people play a little, and it rewards an
    artist for appearing under several names.
    """

    name: ClassVar[str] = "equal-split"
    aliases: ClassVar[tuple[str, ...]] = ("shapley", "shapley-index", "user-eq")
    source: ClassVar[str] = "Bergantiños and Moreno-Ternero, 'The Shapley index for music streaming', arXiv 2411.07166"
    formula: ClassVar[str] = "pay_j = P · Σ_u f_u [x_uj > 0] / |L_u| / Σ_u f_u"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; one play counts as much as six",
            listening=THREE,
            pays={"A": "1/2", "B": "1", "C": "3/2"},
        ),
        tie({"u1": {"A": 9, "B": 1, "C": 2}}),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        uneven(
            title="one play counts as much as three",
            before={"u1": {"A": 1, "B": 3}},
            artists=("A", "B"),
            was="1",
            becomes="3",
        ),
        CounterExample(
            promise=Promise.SPLIT_PROOF,
            title="A takes a second name, A2, and its one listener now pays two of three parts",
            before={"u1": {"A": 2, "B": 1}},
            after={"u1": {"A": 1, "A2": 1, "B": 1}},
            artists=("A",),
            artists_after=("A", "A2"),
            was="1/2",
            becomes="2/3",
        ),
    )
    joining: ClassVar[Joining] = Joining.STEADY
    split: ClassVar[Split] = Split.EQUALLY

    def keeps(self) -> frozenset[Promise]:
        """All but two: one play counts as much as many, and names count. A user moves one fee, to artists played."""
        return frozenset(Promise) - {Promise.PROPORTIONAL, Promise.SPLIT_PROOF}

    def prepare(self, month: Month) -> int:
        """Return how many units stand for one fee unit."""
        return units_each(month.facts.fees)

    def budgets(self, users: Users | Usage, prepared: int) -> Ints:
        """Each user steers the fee."""
        return users.fee * prepared

    def reason(self, month: Month, limit: Fraction | None) -> Reason:  # noqa: ARG002 - the same on every month
        """The fee limits it, but not what an artist with many names gets."""
        sentence = f"{own_fee(limit).sentence}; but an artist under many names gets a part for each"
        return Reason("own fee only; more names get more", sentence)
