"""Crowd: what an audit knows of everybody, before it adds anybody."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import NothingToPayError
from fairpay.fraud.audit.held import held
from fairpay.money.currency import round_half_even
from fairpay.pipeline.measures import kth_largest

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Facts, Month

__all__ = ["TIERS", "Crowd", "Terms", "survey"]

TIERS = (("top 10", 10), ("11-100", 100), ("101-1,000", 1_000), ("1,001-10,000", 10_000), ("rest", None))
"""Tiers of artists by rank of listening, in the shape of the CNM/Deloitte study of 2021."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What the month itself does not say."""

    timed: bool = False
    """Whether listening is counted in milliseconds."""
    least_ms: int = 0
    """The qualifying length, where the log has durations."""


@dataclass(frozen=True, slots=True)
class Crowd:
    """The listeners and artists of a month, in the few figures that accounts are made of."""

    month: Month
    facts: Facts
    terms: Terms
    rate: Fraction
    """Alpha, the royalty rate; 1 where only a pool is known."""
    alpha: Fraction
    """Alpha' = P/F: what is paid out for each unit of fee of those who listened."""
    fee: int
    """Median fee, in fee units; the mean one where the median listener pays nothing."""
    order: Ints
    """int64[artists]: codes, the most heard first."""
    tier: Ints
    """int64[artists]: place in TIERS of each artist."""

    def money(self, fees: int) -> Fraction:
        """Return what `fees` fee units are in minor units; where only a pool is known, each listener paid alike."""
        if self.facts.fees_are_money:
            return Fraction(fees)
        return Fraction(fees * self.facts.pool, self.facts.fees) / self.rate

    def pool_with(self, fees: int) -> int:
        """Return the pool once accounts that pay `fees` fee units have joined, rounded as the pool itself is."""
        facts = self.facts
        if not facts.fees_are_money:
            return facts.pool + round_half_even(Fraction(facts.pool * fees, facts.fees))
        gross = facts.fees + facts.inactive_fees
        return facts.pool + round_half_even(self.rate * (gross + fees)) - round_half_even(self.rate * gross)

    @property
    def play(self) -> Fraction:
        """Listening of one play: 1, or the mean length of a play in milliseconds."""
        return Fraction(self.facts.amount, max(1, self.facts.plays)) if self.terms.timed else Fraction(1)


def survey(month: Month, terms: Terms) -> Crowd:
    """Look at everybody: fees, and artists by rank.

    Raises:
        NothingToPayError: nobody who listened pays anything, or nothing is paid out, so that no account can be held
            against its fee.

    """
    facts = month.facts
    if not facts.users or not facts.fees:
        message = "nothing to audit: nobody with listening pays a fee"
        raise NothingToPayError(message, advice="Check the subscriber file and the fee.")
    if not facts.pool:
        message = "nothing to audit: the pool is empty, so that no account can earn anything"
        raise NothingToPayError(message, advice="Check the money and --royalty-rate.")
    month = held(month)
    fee = kth_largest(month, "fee", facts.users // 2 + 1)
    order = np.lexsort((np.arange(facts.artists), -month.artist_amount)).astype(np.int64)
    tier = np.empty(facts.artists, dtype=np.int64)
    start = 0
    for place, (_, end) in enumerate(TIERS):
        tier[order[start:end]] = place
        start = end or 0
    return Crowd(
        month=month,
        facts=facts,
        terms=terms,
        rate=Fraction(1) if facts.rate is None else facts.rate,
        alpha=facts.alpha or Fraction(1),
        fee=fee or max(1, facts.fees // facts.users),
        order=order,
        tier=tier,
    )
