"""median: each artist's fee-weighted median share over all subscribers."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.money.rounding import largest_remainder, largest_remainder_exact
from fairpay.rules.core.budgets import settle_budgets, units_each
from fairpay.rules.core.rule import CounterExample, Example, Promise, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.ties import Unsettled
    from fairpay.rules.core.usage import Usage


@dataclass(frozen=True, slots=True)
class Middle:
    """What median works out first."""

    medians: Mapping[int, Fraction]
    """artist -> twice the median share, exactly, where it is above zero; empty where every median is zero."""
    unit: int
    """Units for one fee unit, for the user-centric shares paid then."""


@dataclass(frozen=True)
class Median(Rule):
    """Each artist is paid by the median of its shares: the share that half of all the money exceeds.

    Where a whole interval of shares is a median, its middle is taken. An artist whom subscribers with less than half
    of the fees played has the median zero, so nearly nobody is paid; where every median is zero the money is divided
    user-centric, and the result says so. It is what taking the coordinate-wise median literally does.
    """

    name: ClassVar[str] = "median"
    source: ClassVar[str] = "coordinate-wise median, taken naively; compare Freeman et al., arXiv 1905.00457"
    formula: ClassVar[str] = "pay_j = P · med_j / Σ_k med_k,  med_j the f-weighted median over u of s_uj"
    experimental: ClassVar[bool] = True
    examples: ClassVar[tuple[Example, ...]] = (
        Example(
            title="of three users two play B, so only B has a median above zero",
            listening={"u1": {"A": 6, "B": 2}, "u2": {"B": 1, "C": 1}, "u3": {"C": 40}},
            pays={"A": "0", "B": "1", "C": "2"},
        ),
        Example(
            title="no artist reaches half of the subscribers: user-centric",
            listening={"u1": {"A": 1}, "u2": {"B": 3}, "u3": {"C": 9}},
            pays={"A": "1", "B": "1", "C": "1"},
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
        CounterExample(
            promise=Promise.BRIBERY_PROOF,
            title="u2, who pays 1, changes sides and B goes from 0 to everything",
            before={"u1": {"A": 1}, "u2": {"A": 1}, "u3": {"B": 1}},
            after={"u1": {"A": 1}, "u2": {"B": 1}, "u3": {"B": 1}},
            artists=("B",),
            was="0",
            becomes="3",
        ),
        CounterExample(
            promise=Promise.CLICK_FRAUD_PROOF,
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
        return frozenset({Promise.CONSERVES, Promise.NULL_ARTIST, Promise.MONOTONE, Promise.ANONYMOUS})

    def prepare(self, month: Month) -> Middle:
        """Find the medians, eight bits at a pass, of the artists whose listeners hold half of the fees or more."""
        from fairpay.kernels import levels  # noqa: PLC0415 - Numba is loaded where it is used

        fees = month.facts.fees
        held = month.gather(lambda u, out: levels.add_fees(u.start, u.artist, u.fee, out[0]), rows=1)[0]
        chosen = np.flatnonzero(held >= fees - held) if fees else np.empty(0, dtype=np.int64)
        found = select(month, chosen, fees - held[chosen]) if len(chosen) else []
        medians = {artist: twice for artist, twice in zip(chosen.tolist(), found, strict=True) if twice}
        return Middle(medians, units_each(fees))

    def weigh(self, usage: Usage, prepared: Middle, out: Ints) -> None:
        """Split each fee by listening where every median is zero; else everything is known already."""
        from fairpay.kernels import split  # noqa: PLC0415 - Numba is loaded where it is used

        if not prepared.medians:
            budget = usage.fee * prepared.unit
            split.add_proportional(usage.start, usage.artist, usage.amount, usage.whole, budget, out[0])

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
        return settle_budgets(month, weights[0], lambda usage: usage.fee * prepared.unit)

    def remarks(self, prepared: Middle) -> tuple[str, ...]:
        """Say so where no median is above zero."""
        alone = "median: no artist was played by subscribers with half of the fees; divided user-centric instead"
        return (*super().remarks(prepared), *([] if prepared.medians else [alone]))


def select(month: Month, chosen: Ints, without: Ints) -> list[Fraction]:
    """Return the lower plus the upper weighted median of each chosen artist's shares, exactly.

    Radix selection on shares in units of 2^-61: 256 bins of fees per artist and pass, eight passes; one more pass
    brings the shares themselves. `without` are the fees of those who never played the artist, whose share is zero.
    """
    from fairpay.kernels import levels  # noqa: PLC0415 - Numba is loaded where it is used

    fees = month.facts.fees
    need = np.array([[(fees + 1) // 2], [fees // 2 + 1]])
    below = np.stack([without, without])
    zero = below >= need
    slot = np.full(month.facts.artists, -1, dtype=np.int64)
    slot[chosen] = np.arange(len(chosen))
    prefix = np.zeros((2, len(chosen)), dtype=np.int64)
    for shift in range(56, -8, -8):

        def count(usage: Usage, shift: int = shift, prefix: Ints = prefix) -> Ints:
            bins = np.zeros((2, len(chosen), 256), dtype=np.int64)
            keys = np.empty(len(usage.artist), dtype=np.int64)
            levels.share_keys(usage.start, usage.amount, usage.whole, keys)
            levels.add_digits(usage.start, usage.artist, usage.fee, keys, slot, prefix, shift, bins)
            return bins

        bins = sum(month.each(count), np.zeros((2, len(chosen), 256), dtype=np.int64))
        running = below[:, :, None] + np.cumsum(bins, axis=2)
        digit = np.argmax(running >= need[:, :, None], axis=2)
        below = np.take_along_axis(running - bins, digit[:, :, None], axis=2)[:, :, 0]
        prefix = prefix << 8 | digit
    both = [Fraction(0)] * len(chosen)
    for which in range(2):
        shares = shares_at(month, slot, np.where(zero[which], -1, prefix[which]))
        for place, mine in shares.items():
            both[place] += reached(mine, int(need[which, 0] - below[which, place]))
    return both


def shares_at(month: Month, slot: Ints, keys: Ints) -> dict[int, dict[Fraction, int]]:
    """Return, for each slot, the shares that have the slot's key, and the fees of those who have them."""
    from fairpay.kernels import levels  # noqa: PLC0415 - Numba is loaded where it is used

    def look(usage: Usage) -> tuple[Ints, Ints]:
        own = np.empty(len(usage.artist), dtype=np.int64)
        levels.share_keys(usage.start, usage.amount, usage.whole, own)
        user = np.repeat(np.arange(usage.users), np.diff(usage.start))
        place = slot[usage.artist]
        met = (place >= 0) & (own == keys[place]) & (usage.fee[user] > 0)
        rows = np.stack([place[met], usage.amount[met], usage.whole[user[met]]], axis=1)
        alike, which = np.unique(rows, axis=0, return_inverse=True)
        fees = np.zeros(len(alike), dtype=np.int64)
        np.add.at(fees, which.reshape(-1), usage.fee[user[met]])
        return alike, fees

    found: dict[int, dict[Fraction, int]] = {}
    for alike, fees in month.each(look):
        for (place, amount, whole), fee in zip(alike.tolist(), fees.tolist(), strict=True):
            mine = found.setdefault(place, {})
            share = Fraction(amount, whole)
            mine[share] = mine.get(share, 0) + fee
    return found


def reached(shares: Mapping[Fraction, int], need: int) -> Fraction:
    """Return the share at which fees, added up by rising share, reach what is needed."""
    for share in sorted(shares):
        need -= shares[share]
        if need <= 0:
            return share
    return max(shares)
