"""top-artist: part of each fee to the artist played most, the rest shared by all listening."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

from fairpay.money.integers import sum_exactly
from fairpay.money.rounding import largest_remainder, largest_remainder_mixed
from fairpay.rules.core.budgets import units_each
from fairpay.rules.core.rule import CounterExample, Example, Promise, Rule, parameter
from fairpay.rules.core.ties import Part, settle_roughly

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.ties import Split, Unsettled
    from fairpay.rules.core.usage import Usage


@dataclass(frozen=True, slots=True)
class Units:
    """What stands for one fee unit, and for one of listening."""

    fee: int
    listening: int
    divided: bool
    """Whether some listening is divided anew, so that its parts are not whole."""


@dataclass(frozen=True)
class TopArtist(Rule):
    """A share of each subscriber's fee goes to the artist that subscriber played most; the rest is market-centric.

    Artists who tie for most played share it equally. It was Tidal's direct artist payout, 10 % of the HiFi Plus fee
    (2021 to 2023). It favours artists with a devoted following, a little.
    """

    name: ClassVar[str] = "top-artist"
    source: ClassVar[str] = "Tidal, direct artist payouts (2021)"
    formula: ClassVar[str] = "pay_j = P · (σ Σ_u f_u [j tops u] / |tops of u| / Σ f_u + (1-σ) Σ_u x_uj / Σ L_u)"  # noqa: RUF001 - Greek
    rows: ClassVar[int] = 2
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="10 % to the most played; u2 plays two artists alike",
            listening={"u1": {"A": 6, "B": 2}, "u2": {"B": 1, "C": 1}, "u3": {"C": 40}},
            pays={"A": "53/125", "B": "53/250", "C": "591/250"},
        ),
        Example(
            title="all of it to the most played",
            listening={"u1": {"A": 6, "B": 2}, "u2": {"B": 1, "C": 1}, "u3": {"C": 40}},
            pays={"A": "1", "B": "1/2", "C": "3/2"},
            parameters="share=100%",
        ),
        Example(
            title="a tie for the last cent goes to the smaller artist id",
            listening={"u1": {"A": 4, "B": 4, "C": 4}},
            pays={"A": "34", "B": "33", "C": "33"},
            pool=100,
        ),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        CounterExample(
            promise=Promise.OWN_MONEY,
            title="u1 plays only A, and nearly all of the money goes to B, whom u1 never played",
            before={"u1": {"A": 1}, "u2": {"B": 99}},
            artists=("A",),
            was="0.118",
            becomes="1",
        ),
        CounterExample(
            promise=Promise.FRAUD_PROOF,
            title="an added account that pays 1 and plays B 98 times brings B 2.8 of 3",
            before={"u1": {"A": 1}, "u2": {"A": 1}},
            after={"u1": {"A": 1}, "u2": {"A": 1}, "bot": {"B": 98}},
            artists=("B",),
            was="0",
            becomes="2.746",
        ),
        CounterExample(
            promise=Promise.BRIBERY_PROOF,
            title="u2, who pays 1, plays B 99 times instead of A once",
            before={"u1": {"A": 1}, "u2": {"A": 1}},
            after={"u1": {"A": 1}, "u2": {"B": 99}},
            artists=("B",),
            was="0",
            becomes="1.882",
        ),
        CounterExample(
            promise=Promise.CLICK_FRAUD_PROOF,
            title="u2, who pays 1, plays B 99 times instead of A once",
            before={"u1": {"A": 1}, "u2": {"A": 1}},
            after={"u1": {"A": 1}, "u2": {"B": 99}},
            artists=("B",),
            was="0",
            becomes="1.882",
        ),
    )

    share: Fraction = parameter(  # noqa: RUF009 - a dataclass field
        Fraction(1, 10), help="part of each fee that goes to the most played", low=0, high=1
    )

    def keeps(self) -> frozenset[Promise]:
        """Monotone and split-proof; the common part is as open to fraud as market-centric."""
        kept = {Promise.CONSERVES, Promise.NULL_ARTIST, Promise.MONOTONE, Promise.SPLIT_PROOF, Promise.ANONYMOUS}
        return frozenset(Promise) if self.share == 1 else frozenset(kept)

    def prepare(self, month: Month) -> Units:
        """Return how many units stand for one fee unit, and for one of listening where some of it is divided anew."""
        facts = month.facts
        return Units(units_each(facts.fees), units_each(facts.amount) if facts.divided else 1, divided=facts.divided)

    def weigh(self, usage: Usage, prepared: Units, out: Ints) -> None:
        """Add listening to the first row, and each fee to its most played artists in the second."""
        from fairpay.kernels import shares, split  # noqa: PLC0415 - Numba is loaded where it is used

        if prepared.divided:
            heard = usage.total * prepared.listening
            split.add_proportional(usage.start, usage.artist, usage.amount, usage.whole, heard, out[0])
        else:
            split.add_amounts(usage.artist, usage.amount, out[0])
        shares.add_top(usage.start, usage.artist, usage.amount, usage.fee * prepared.fee, out[1])

    def settle(self, weights: Ints, pool: int, prepared: Units) -> Ints:  # noqa: ARG002 - units cancel
        """Divide the pool by the two parts together, exactly: each is a share of its own sum."""
        heard, topped = sum_exactly(weights[0]), sum_exactly(weights[1])
        if self.share in (0, 1) or not heard or not topped:
            return largest_remainder(weights[1 if self.share else 0], pool)
        return largest_remainder_mixed((weights[0], weights[1]), ((1 - self.share) / heard, self.share / topped), pool)

    def settling(self, weights: Ints, month: Month, prepared: Units) -> Unsettled | Ints:
        """Divide the pool exactly: where rounding to units would decide over a minor unit, look again."""
        heard, topped = sum_exactly(weights[0]), sum_exactly(weights[1])
        if (self.share == 0 and not prepared.divided) or (self.share and not topped) or not month.facts.pool:
            return self.settle(weights, month.facts.pool, prepared)
        up, down = self.share.numerator, self.share.denominator
        times = ((down - up) * topped, up * heard)
        whole = weights[0].astype(object) * times[0] + weights[1].astype(object) * times[1]
        rounded = (prepared.divided, True)
        parts = [Part(*part) for part in zip(splits(prepared), times, rounded, strict=True) if part[1]]
        return settle_roughly(month, whole, budgets=down * heard * topped, parts=parts)


def splits(units: Units) -> tuple[Split, Split]:
    """Return how listening, and how the fees, are split once more for artists in doubt."""

    def heard(usage: Usage, place: NDArray[np.int32], out: Ints) -> None:
        from fairpay.kernels import fine  # noqa: PLC0415 - Numba is loaded where it is used

        budget = usage.total * units.listening
        fine.add_proportional_fine(usage.start, usage.artist, usage.amount, usage.whole, budget, place, out)

    def topped(usage: Usage, place: NDArray[np.int32], out: Ints) -> None:
        from fairpay.kernels import fine  # noqa: PLC0415 - Numba is loaded where it is used

        fine.add_top_fine(usage.start, usage.artist, usage.amount, usage.fee * units.fee, place, out)

    return heard, topped
