"""top-artist: part of each fee to the artist played most, the rest shared by all listening."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, ClassVar

from fairpay.money.integers import sum_exactly
from fairpay.money.rounding import largest_remainder, largest_remainder_exact
from fairpay.rules.core.budgets import units_each
from fairpay.rules.core.month import Split
from fairpay.rules.core.promise import (
    ALWAYS,
    THREE,
    CounterExample,
    Example,
    Promise,
    moved_by_one,
    tie,
    underpaid,
    uneven,
)
from fairpay.rules.core.rule import Joining, Reason, Rule, facts_with, parameter
from fairpay.rules.core.ties import TiePart, settle_roughly

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage
    from fairpay.rules.core.rule import Added
    from fairpay.rules.core.ties import Unsettled


@dataclass(frozen=True)
class TopArtist(Rule):
    """A share of each subscriber's fee goes to the artist that subscriber played most; the rest is market-centric.

    Artists who tie for most played share it equally. It was Tidal's direct artist payout, 10 % of the HiFi Plus fee
    (2021 to 2023). It favours artists with a devoted following, a little.
    """

    name: ClassVar[str] = "top-artist"
    aliases: ClassVar[tuple[str, ...]] = ("direct-artist-payouts",)
    source: ClassVar[str] = "Tidal, direct artist payouts (2021)"
    formula: ClassVar[str] = "pay_j = P · (σ Σ_u f_u [j tops u] / |tops of u| / Σ f_u + (1-σ) Σ_u x_uj / Σ L_u)"  # noqa: RUF001 - Greek
    rows: ClassVar[int] = 2
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="10 % to the most played; u2 plays two artists alike",
            listening=THREE,
            pays={"A": "53/125", "B": "53/250", "C": "591/250"},
        ),
        Example(
            title="all of it to the most played",
            listening=THREE,
            pays={"A": "1", "B": "1/2", "C": "3/2"},
            parameters="share=100%",
        ),
        tie({"u1": {"A": 4, "B": 4, "C": 4}}),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        uneven(
            title="the most played artist takes the direct part alone",
            before={"u1": {"A": 1, "B": 3}},
            artists=("A", "B"),
            was="31/9",
            becomes="3",
        ),
        *underpaid(
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
        *moved_by_one(
            title="u2, who pays 1, plays B 99 times instead of A once",
            before={"u1": {"A": 1}, "u2": {"A": 1}},
            after={"u1": {"A": 1}, "u2": {"B": 99}},
            artists=("B",),
            was="0",
            becomes="1.882",
        ),
    )
    joining: ClassVar[Joining] = Joining.STEADY
    mixable: ClassVar[bool] = True

    share: Fraction = parameter(  # noqa: RUF009 - a dataclass field
        Fraction(1, 10), help="part of each fee that goes to the most played", low=0, high=1
    )

    def keeps(self) -> frozenset[Promise]:
        """Monotone and split-proof; the common part is as open to fraud as market-centric."""
        return (
            frozenset(Promise) - {Promise.PROPORTIONAL}
            if self.share == 1
            else ALWAYS | {Promise.MONOTONE, Promise.SPLIT_PROOF}
        )

    def prepare(self, month: Month) -> tuple[TiePart, TiePart]:
        """Return how listening, and how fees, are split: the rows of the weights."""
        facts = month.facts
        fee_unit, unit = units_each(facts.fees), units_each(facts.amount) if facts.divided else 1
        listening = TiePart(
            lambda usage: usage.total if unit == 1 else usage.total * unit, Split.BY_LISTENING, rounded=facts.divided
        )
        return listening, TiePart(lambda usage: usage.fee * fee_unit, Split.TO_THE_TOP, row=1)

    def weigh(self, usage: Usage, prepared: tuple[TiePart, TiePart], out: Ints) -> None:
        """Add listening to the first row, and each fee to its most played artists in the second."""
        for part, row in zip(prepared, out, strict=True):
            part.split.add(usage, part.budgets(usage), row)

    def mixed(self, weights: Ints) -> tuple[tuple[int, int], NDArray[Any]]:
        """Return what a unit of each row counts, and the rows together, object[artists]: integers of any size."""
        listened, topped = sum_exactly(weights[0]), sum_exactly(weights[1])
        up, down = self.share.numerator, self.share.denominator
        times = ((down - up) * topped, up * listened)
        return times, weights[0].astype(object) * times[0] + weights[1].astype(object) * times[1]

    def settle(self, weights: Ints, pool: int, prepared: tuple[TiePart, TiePart]) -> Ints:  # noqa: ARG002 - units cancel
        """Divide the pool by the two parts together, exactly: each is a share of its own sum."""
        if self.share in (0, 1) or not weights.any(axis=1).all():
            return largest_remainder(weights[1 if self.share else 0], pool)
        return largest_remainder_exact(self.mixed(weights)[1].tolist(), pool)

    def settling(self, weights: Ints, month: Month, prepared: tuple[TiePart, TiePart]) -> Unsettled | Ints:
        """Divide the pool exactly: where rounding to units would decide over a minor unit, look again."""
        facts = month.facts
        if not facts.pool or not weights[1].any() or (self.share == 0 and not facts.divided):
            return self.settle(weights, facts.pool, prepared)
        whole = self.mixed(weights)[1]
        return settle_roughly(month, whole, budgets=sum(whole.tolist()), parts=self.parts_of(weights, month, prepared))

    def proportions(self, weights: Ints, prepared: tuple[TiePart, TiePart]) -> NDArray[Any]:  # noqa: ARG002 - units cancel
        """Both parts together."""
        return self.mixed(weights)[1]

    def parts_of(self, weights: Ints, month: Month, prepared: tuple[TiePart, TiePart]) -> Sequence[TiePart]:
        """Both parts, each at what its units count."""
        times = self.mixed(weights)[0]
        fine = self.fine_parts(month, prepared)
        return [replace(part, times=count) for part, count in zip(fine, times, strict=False) if count]

    def fine_parts(self, month: Month, prepared: tuple[TiePart, TiePart]) -> Sequence[TiePart]:
        """Both parts, but for whole listening alone."""
        return prepared if self.share or month.facts.divided else ()

    def taken(self, added: Sequence[Added], prepared: tuple[TiePart, TiePart], weights: Ints) -> Fraction | None:  # noqa: ARG002 - units cancel
        """By fees for the most played, by listening for the rest."""
        facts = facts_with(added)
        direct = sum(one.count * one.fee * one.kept(Split.TO_THE_TOP) for one in added)
        common = sum(one.count * one.total * one.kept(Split.BY_LISTENING) for one in added)
        return self.share * Fraction(direct, facts.fees) + (1 - self.share) * Fraction(common, facts.amount)

    def reason(self, month: Month, limit: Fraction | None) -> Reason:
        """The common pot has no limit."""
        if limit is not None:
            return super().reason(month, limit)
        common = f"{float(1 - self.share) * 100:.3g} %"
        return Reason(
            f"{common} is in the common pot",
            f"{common} of the money is in the common pot, where whoever plays more moves more",
        )
