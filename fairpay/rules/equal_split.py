"""equal-split: each subscriber's money in equal parts to the artists played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from fairpay.money.currency import LARGEST
from fairpay.money.rounding import largest_remainder
from fairpay.rules.core.rule import CounterExample, Example, Promise, Rule
from fairpay.rules.core.ties import Part, settle_roughly

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Users
    from fairpay.rules.core.ties import Unsettled
    from fairpay.rules.core.usage import Usage


@dataclass(frozen=True)
class EqualSplit(Rule):
    """Each subscriber's fee is divided in equal parts among the artists that subscriber played, however often.

    One play counts as much as a thousand. It is the Shapley value of the game in which artists bring subscribers, and
    it is also called the Shapley index or UserEQ. It favours artists whom many people play a little, and it rewards an
    artist for appearing under several names.
    """

    name: ClassVar[str] = "equal-split"
    source: ClassVar[str] = "Bergantiños and Moreno-Ternero, 'The Shapley index for music streaming', arXiv 2411.07166"
    formula: ClassVar[str] = "pay_j = P · Σ_u f_u [x_uj > 0] / |L_u| / Σ_u f_u"
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; one play counts as much as six",
            listening={"u1": {"A": 6, "B": 2}, "u2": {"B": 1, "C": 1}, "u3": {"C": 40}},
            pays={"A": "1/2", "B": "1", "C": "3/2"},
        ),
        Example(
            title="a tie for the last cent goes to the smaller artist id",
            listening={"u1": {"A": 9, "B": 1, "C": 2}},
            pays={"A": "34", "B": "33", "C": "33"},
            pool=100,
        ),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
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

    def keeps(self) -> frozenset[Promise]:
        """Everything but split-proof: a user moves one fee, and only to artists played."""
        return frozenset(Promise) - {Promise.SPLIT_PROOF}

    def prepare(self, month: Month) -> int:
        """Return how many units stand for one fee unit."""
        return LARGEST // max(1, month.facts.fees)

    def weight_of(self, users: Users | Usage, prepared: int) -> Ints:
        """Each user steers the fee."""
        return users.fee * prepared

    def weigh(self, usage: Usage, prepared: int, out: Ints) -> None:
        """Split each user's fee, in fine units, equally."""
        from fairpay.kernels import shares  # noqa: PLC0415 - Numba is loaded where it is used

        shares.add_equal(usage.start, usage.artist, self.weight_of(usage, prepared), out[0])

    def settle(self, weights: Ints, pool: int, prepared: int) -> Ints:  # noqa: ARG002 - units cancel
        """Divide the pool by the fees each artist drew."""
        return largest_remainder(weights[0], pool)

    def settling(self, weights: Ints, month: Month, prepared: int) -> Unsettled | Ints:
        """Divide the pool exactly: where rounding to units would decide over a minor unit, look again."""
        if not month.facts.fees:
            return self.settle(weights, month.facts.pool, prepared)

        def split(usage: Usage, place: NDArray[np.int32], out: Ints) -> None:
            from fairpay.kernels import fine  # noqa: PLC0415 - Numba is loaded where it is used

            fine.add_equal_fine(usage.start, usage.artist, self.weight_of(usage, prepared), place, out)

        return settle_roughly(month, weights[0], budgets=month.facts.fees * prepared, parts=[Part(split)])
