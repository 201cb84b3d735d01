"""median: each artist's fee-weighted median share over all subscribers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.money.rounding import largest_remainder, largest_remainder_exact
from fairpay.rules.core.budgets import settle_part, units_each
from fairpay.rules.core.month import Split
from fairpay.rules.core.promise import ALWAYS, THREE, CounterExample, Example, Promise, moved_by_one, tie, underpaid
from fairpay.rules.core.rule import Needs, Rule
from fairpay.rules.core.ties import TiePart
from fairpay.rules.solvers.fans import gather_fans, ranges

if TYPE_CHECKING:
    from collections.abc import Mapping
    from fractions import Fraction

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage
    from fairpay.rules.core.ties import Unsettled


@dataclass(frozen=True, slots=True)
class Middle:
    """What median works out first."""

    medians: Mapping[int, Fraction]
    """artist -> twice the median share, exactly, where it is above zero; empty where every median is zero."""
    fees: TiePart
    """Fees split by listening: what is paid by then."""


@dataclass(frozen=True)
class Median(Rule):
    """Each artist is paid by the median of its shares: the share that half of all the money exceeds.

    Where a whole interval of shares is a median, its middle is taken. An artist whom subscribers with less than half
    of the fees played has the median zero, so nearly nobody is paid; where every median is zero the money is divided
    user-centric, and the result says so. It is what taking the coordinate-wise median literally does.
    """

    name: ClassVar[str] = "median"
    aliases: ClassVar[tuple[str, ...]] = ("coordinate-wise-median",)
    source: ClassVar[str] = "coordinate-wise median, taken naively; compare Freeman et al., arXiv 1905.00457"
    formula: ClassVar[str] = "pay_j = P · med_j / Σ_k med_k,  med_j the f-weighted median over u of s_uj"
    experimental: ClassVar[bool] = True
    needs: ClassVar[Needs] = Needs.LISTENERS
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="of three users two play B, so only B has a median above zero",
            listening=THREE,
            pays={"A": "0", "B": "1", "C": "2"},
        ),
        Example(
            title="no artist reaches half of the subscribers: user-centric",
            listening={"u1": {"A": 1}, "u2": {"B": 3}, "u3": {"C": 9}},
            pays={"A": "1", "B": "1", "C": "1"},
        ),
        tie({"u1": {"A": 4, "B": 4, "C": 4}}),
    )
    breaks: ClassVar[tuple[CounterExample, ...]] = (
        *underpaid(
            title="u1 plays only A, which two of three never play, so nothing reaches A",
            before={"u1": {"A": 1}, "u2": {"B": 1}, "u3": {"B": 1}},
            artists=("A",),
            was="0",
            becomes="1",
        ),
        CounterExample(
            promise=Promise.FRAUD_PROOF,
            title="an added account that pays 1 tips the majority: B goes from 0 to everything",
            before={"u1": {"A": 1}, "u2": {"A": 1}, "u3": {"B": 1}, "u4": {"B": 1}},
            after={"u1": {"A": 1}, "u2": {"A": 1}, "u3": {"B": 1}, "u4": {"B": 1}, "bot": {"B": 1}},
            artists=("B",),
            was="2",
            becomes="5",
        ),
        *moved_by_one(
            title="u2, who pays 1, changes sides and B goes from 0 to everything",
            before={"u1": {"A": 1}, "u2": {"A": 1}, "u3": {"B": 1}},
            after={"u1": {"A": 1}, "u2": {"B": 1}, "u3": {"B": 1}},
            artists=("B",),
            was="0",
            becomes="3",
        ),
        CounterExample(
            promise=Promise.SPLIT_PROOF,
            title="A appears as A and A2, each with a median as high as the whole had",
            before={"u1": {"A": 1, "B": 2}, "u2": {"A": 2}, "u3": {"A": 1, "B": 2}},
            after={"u1": {"A2": 1, "B": 2}, "u2": {"A": 1, "A2": 1}, "u3": {"A": 1, "B": 2}},
            artists=("A",),
            artists_after=("A", "A2"),
            was="1",
            becomes="3/2",
        ),
    )

    def keeps(self) -> frozenset[Promise]:
        """More listening to j raises j's shares and lowers all others, so also their medians: monotone."""
        return ALWAYS | {Promise.MONOTONE, Promise.PROPORTIONAL}

    def prepare(self, month: Month) -> Middle:
        """Find the medians, of the artists whose listeners hold half of the fees or more."""

        def add_fees(usage: Usage, out: Ints) -> None:
            np.add.at(out[0], usage.artist, np.repeat(usage.fee, np.diff(usage.start)))

        fees, unit = month.facts.fees, units_each(month.facts.fees)
        held = month.gather(add_fees, rows=1)[0][0]
        chosen = np.flatnonzero(held >= fees - held) if fees else held[:0]
        medians = {}
        for artists in ranges(chosen, month.artist_listeners):
            fans = gather_fans(month, artists)
            for place, artist in enumerate(artists.tolist()):
                twice = fans.share_beyond(place, fees // 2) + fans.share_beyond(place, (fees - 1) // 2)
                if twice:
                    medians[artist] = twice
        return Middle(medians, TiePart(lambda usage: usage.fee * unit, Split.BY_LISTENING))

    def weigh(self, usage: Usage, prepared: Middle, out: Ints) -> None:
        """Split each fee by listening where every median is zero; else everything is known already."""
        if not prepared.medians:
            prepared.fees.split.add(usage, prepared.fees.budgets(usage), out[0])

    def settle(self, weights: Ints, pool: int, prepared: Middle) -> Ints:
        """Divide the pool by the medians."""
        if not prepared.medians:
            return largest_remainder(weights[0], pool)
        paid = np.zeros(weights.shape[1], dtype=np.int64)
        paid[list(prepared.medians)] = largest_remainder_exact(list(prepared.medians.values()), pool)
        return paid

    def settling(self, weights: Ints, month: Month, prepared: Middle) -> Unsettled | Ints:
        """Divide the pool exactly, also where it is divided user-centric."""
        if prepared.medians:
            return self.settle(weights, month.facts.pool, prepared)
        return settle_part(month, weights[0], prepared.fees)

    def remarks(self, prepared: Middle) -> tuple[str, ...]:
        """Say so where no median is above zero."""
        alone = "median: no artist was played by subscribers with half of the fees; divided user-centric instead"
        return (*super().remarks(prepared), *([] if prepared.medians else [alone]))
