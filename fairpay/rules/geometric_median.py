"""geometric-median: one subscriber, one unit of force towards that subscriber's own shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.money.rounding import largest_remainder
from fairpay.rules.core.promise import ALWAYS, CounterExample, Example, Promise, moved_by_one, tie, underpaid
from fairpay.rules.core.rule import Needs, Rule
from fairpay.rules.core.ties import settle_nearly
from fairpay.rules.solvers.decimals import exact_median, is_small
from fairpay.rules.solvers.newton import Solution, solve
from fairpay.rules.solvers.weiszfeld import mean_point, on_a_line

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage
    from fairpay.rules.core.ties import Unsettled

FINE = 2.0**60
WITHIN = 1e-10
"""How precise a share of the pool is, at least, where floats can tell."""
FINEST_UNIT, EXACT_BITS = 1 << 120, 64
"""Units of a share in small months, and how many of its bits are right."""
NEARLY = 1e-6
"""How far from a line may count as on it in floats."""
FINEST = 2.0**-49
"""The precision beyond which floats tell nothing."""


@dataclass(frozen=True)
class GeometricMedian(Rule):
    """The pool is divided at the point nearest to all subscribers' shares, distances weighted by fee and not squared.

    Each subscriber pulls towards the own shares with a force of one fee, however far away, so extreme listeners move
    little. The majority of like listeners takes all: at 51 % against 49 % it pays 100 to 0. It does not even keep the
    promise that more listening never lowers an artist's pay. Where several points are best, the one nearest to the
    user-centric shares is taken. In small months (listeners and artists together, times the artists squared, at most
    20,000) the shares are right to 15 digits, even where two sides balance. In others they are found in floats, each
    to 1e-10 of the pool and an eighth of a minor unit, or as near as the stated precision says where two sides
    balance so well that floats can tell no more; another name of an artist may then change the pay by as much.
    """

    name: ClassVar[str] = "geometric-median"
    aliases: ClassVar[tuple[str, ...]] = ("spatial-median",)
    source: ClassVar[str] = (
        "one voter, one unit force: El-Mhamdi, Farhadkhani, Guerraoui and Hoang, 'On the strategyproofness of the "
        "geometric median', AISTATS 2023; Vardi and Zhang, PNAS 97 (2000)"
    )
    formula: ClassVar[str] = "pay = P · z,  z = argmin Σ_u f_u ‖z - s_u‖₂"
    experimental: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs.EVERYTHING
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="three users who paid 1 each; u2's own shares are the optimum",
            listening={"u1": {"B": 4}, "u2": {"A": 1, "B": 2}, "u3": {"B": 2, "C": 1}},
            pays={"A": "0.3333", "B": "2.3333", "C": "0.3333"},
        ),
        Example(
            title="51 against 49: the majority takes all",
            listening={"u1": {"X": 1}, "u2": {"Y": 1}},
            fees={"u1": 51, "u2": 49},
            pays={"X": "100.00", "Y": "0.00"},
        ),
        tie({"u1": {"A": 1}, "u2": {"B": 500}, "u3": {"C": 2}}),
        Example(
            title="two fans each: every division is best, and half and half is the nearest to user-centric",
            listening={"u1": {"X": 1}, "u2": {"X": 2}, "u3": {"Y": 1}, "u4": {"Y": 5}},
            pays={"X": "51", "Y": "50"},
            pool=101,
        ),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        CounterExample(
            promise=Promise.MONOTONE,
            title="u3 plays C four times instead of once, and C is paid less",
            before={"u1": {"B": 4}, "u2": {"A": 1, "B": 2}, "u3": {"B": 2, "C": 1}},
            after={"u1": {"B": 4}, "u2": {"A": 1, "B": 2}, "u3": {"B": 2, "C": 4}},
            artists=("C",),
            was="0.333",
            becomes="0.286",
        ),
        *underpaid(
            title="u1 plays only A, the other two only B, and A is paid nothing",
            before={"u1": {"A": 1}, "u2": {"B": 1}, "u3": {"B": 1}},
            artists=("A",),
            was="0.00",
            becomes="1",
        ),
        CounterExample(
            promise=Promise.FRAUD_PROOF,
            title="an added account that pays 1 tips the majority, and B takes everything",
            before={"u1": {"A": 1}, "u2": {"B": 1}},
            after={"u1": {"A": 1}, "u2": {"B": 1}, "bot": {"B": 1}},
            artists=("B",),
            was="1.00",
            becomes="3.00",
        ),
        *moved_by_one(
            title="u2, who pays 1, changes sides and B takes everything",
            before={"u1": {"A": 1}, "u2": {"A": 1}, "u3": {"B": 1}},
            after={"u1": {"A": 1}, "u2": {"B": 1}, "u3": {"B": 1}},
            artists=("B",),
            was="0.00",
            becomes="3.00",
        ),
        CounterExample(
            promise=Promise.SPLIT_PROOF,
            title="A appears as A and A2, and one listener of both is now the middle of all three",
            before={"u1": {"A": 2, "B": 1}, "u2": {"A": 2}, "u3": {"A": 2, "B": 1}},
            after={"u1": {"A": 2, "B": 1}, "u2": {"A": 1, "A2": 1}, "u3": {"A2": 2, "B": 1}},
            artists=("A",),
            artists_after=("A", "A2"),
            was="2.000",
            becomes="2.667",
        ),
    )

    def keeps(self) -> frozenset[Promise]:
        """Only what every division keeps."""
        return ALWAYS | {Promise.PROPORTIONAL}

    def prepare(self, month: Month) -> Solution:
        """Find the point: small months in decimals, others in floats, as precisely as the pool asks for."""
        if not month.facts.fees:
            return Solution(np.zeros(month.facts.artists), 0.0)
        if is_small(month):
            found = exact_median(month)
            if found is not None:
                point = np.array([float(share) for share in found])
                return Solution(point, 0.0, exact=True, shares=tuple(found))
        mean = mean_point(month)
        line = on_a_line(month, mean)
        if line is not None:
            return Solution(line, NEARLY)
        return solve(month, mean, within=max(FINEST, min(WITHIN, 1 / (8 * max(1, month.facts.pool)))))

    def weigh(self, usage: Usage, prepared: Solution, out: Ints) -> None:
        """Add nothing: everything is known already."""

    def settle(self, weights: Ints, pool: int, prepared: Solution) -> Ints:  # noqa: ARG002 - nothing was weighed
        """Divide the pool at the point that was found."""
        return largest_remainder((prepared.point * FINE).astype(np.int64), pool)

    def settling(self, weights: Ints, month: Month, prepared: Solution) -> Unsettled | Ints:
        """Divide the pool; in small months ties go by id, in others the stated precision says what is decided."""
        if not prepared.shares:
            return self.settle(weights, month.facts.pool, prepared)
        shares = [int(share * FINEST_UNIT) for share in prepared.shares]
        return settle_nearly(shares, month.facts.pool, error=FINEST_UNIT >> EXACT_BITS)

    def remarks(self, prepared: Solution) -> tuple[str, ...]:
        """Say how good the point is."""
        how = "found exactly" if prepared.exact else f"found to {prepared.error:.1e} of the pool"
        if prepared.error > NEARLY:
            how = "two sides balance so well that floats cannot tell which division is best"
        return (*super().remarks(prepared), f"{self.label}: {how}")
