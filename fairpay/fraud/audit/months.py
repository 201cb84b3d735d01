"""The month of an audit: its users in few large blocks, accounts added to it, and what is known before any are."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import NothingToPayError
from fairpay.pipeline.joined import Joined, in_blocks, pool_with
from fairpay.pipeline.measures import kth_largest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.pipeline.joined import Accounts
    from fairpay.rules.core.month import Facts, Month

__all__ = ["TIERS", "Baseline", "survey"]

TIERS = (("top 10", 10), ("11-100", 100), ("101-1,000", 1_000), ("1,001-10,000", 10_000), ("rest", None))
"""Tiers of artists by rank of listening, in the shape of the CNM/Deloitte study of 2021."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """The listeners and artists of a month before accounts are added, in the few figures that accounts are made of."""

    month: Month
    facts: Facts
    least_ms: int
    """The qualifying length, where the log has durations."""
    fee: int
    """Median fee, in fee units; the mean one where the median listener pays nothing."""
    order: Ints
    """int64[artists]: codes, the most heard first."""
    tier: Ints
    """int64[artists]: place in TIERS of each artist."""

    @property
    def rate(self) -> Fraction:
        """Alpha, the royalty rate; 1 where only a pool is known."""
        return Fraction(1) if self.facts.rate is None else self.facts.rate

    @property
    def timed(self) -> bool:
        """Whether listening is counted in milliseconds."""
        return self.facts.play is None

    @property
    def play(self) -> Fraction:
        """Listening of one play: 1, or the mean length of a play in milliseconds."""
        return Fraction(self.facts.amount, max(1, self.facts.plays)) if self.timed else Fraction(1)

    def money(self, fees: int) -> Fraction:
        """Return what `fees` fee units are in minor units; where only a pool is known, each listener paid alike."""
        if self.facts.fees_are_money:
            return Fraction(fees)
        return Fraction(fees * self.facts.pool, self.facts.fees) / self.rate

    def pool_with(self, fees: int) -> int:
        """Return the pool once accounts that pay `fees` fee units have joined."""
        return pool_with(self.facts, fees)

    def group_of(self, artist: Ints) -> Ints:
        """Return the tier of each artist code; made-up artists have the place after the last tier."""
        known = self.facts.artists
        return np.where(artist < known, self.tier[np.minimum(artist, known - 1)], len(TIERS))

    def joined(self, added: Sequence[Accounts], *, pool: int) -> Joined:
        """Return the month with accounts added."""
        made_up = max((int(a.artist.max()) + 1 - self.facts.artists for a in added), default=0)
        return Joined(self.month, added, pool, max(0, made_up))


def survey(month: Month, *, least_ms: int = 0) -> Baseline:
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
    month = in_blocks(month)
    fee = kth_largest(month, "fee", facts.users // 2 + 1) or max(1, facts.fees // facts.users)
    order = np.lexsort((np.arange(facts.artists), -month.artist_amount)).astype(np.int64)
    tier = np.empty(facts.artists, dtype=np.int64)
    ends = [end for _, end in TIERS if end is not None]
    tier[order] = np.searchsorted(ends, np.arange(facts.artists), side="right")
    return Baseline(month, facts, least_ms, fee, order, tier)
