"""Turning a scenario into accounts on a given month."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import UsageError
from fairpay.fraud.audit.accounts import Accounts
from fairpay.money.currency import Currency, round_half_even

if TYPE_CHECKING:
    from fairpay.fraud.audit.crowd import Crowd
    from fairpay.fraud.audit.scenario import Scenario
    from fairpay.kernels.arrays import Ints

__all__ = ["Attack", "plan", "spread"]

DAY_MS = 86_400_000
SHORTEST_MS = 31_000
"""How long a play takes at least, where neither scenario nor log says it."""


@dataclass(frozen=True, eq=False)
class Attack:
    """A scenario on a month."""

    scenario: Scenario
    crowd: Crowd
    count: int
    """Accounts added."""
    fee: int
    """What each pays, in fee units."""

    @property
    def accounts(self) -> Accounts:
        """The accounts, playing as much as the scenario says, or as a day holds."""
        wanted = self.scenario.streams_a_day
        return self.playing(min(wanted, DAY_MS // self.play_ms) * self.scenario.days)

    @property
    def most_plays(self) -> int:
        """How many plays of this length fit into all the days."""
        return max(1, DAY_MS // self.play_ms) * self.scenario.days

    @property
    def play_ms(self) -> int:
        """How long a play takes; never shorter than the qualifying length, since it would not count."""
        terms, seconds = self.crowd.terms, self.scenario.seconds
        if seconds is not None:
            wanted = seconds * 1000
        else:
            wanted = round_half_even(self.crowd.play) if terms.timed else SHORTEST_MS
        return min(DAY_MS, max(1, wanted, terms.least_ms))

    @property
    def pool(self) -> int:
        """The pool with the fees of the accounts in it."""
        return self.crowd.pool_with(self.count * self.fee)

    def playing(self, plays: int) -> Accounts:
        """The accounts with so many plays each: first the cover, then the made-up artists, both evenly."""
        scenario, crowd = self.scenario, self.crowd
        cover = int(plays * scenario.camouflage_share)
        real = spread(cover, min(scenario.camouflage_artists, crowd.facts.artists))
        new = spread(plays - cover, scenario.artists)
        codes = np.concatenate([crowd.order[: len(real)], crowd.facts.artists + np.arange(len(new))])
        weight = self.play_ms if crowd.terms.timed else 1
        return Accounts(self.count, self.fee, codes, np.concatenate([real, new]) * weight, plays)


def spread(plays: int, artists: int) -> Ints:
    """Divide plays evenly; what is left goes one each to the first. Only artists with a play are returned."""
    each, left = divmod(plays, max(1, artists))
    counts = np.full(artists, each, dtype=np.int64)
    counts[:left] += 1
    return counts[counts > 0]


def plan(scenario: Scenario, crowd: Crowd) -> Attack:
    """Work out how many accounts there are and what they pay.

    Raises:
        UsageError: a fee that is no amount, or an amount where only a pool is stated.

    """
    fee = fee_of(scenario, crowd)
    if isinstance(scenario.accounts, Fraction):
        wanted = scenario.accounts / (1 - scenario.accounts) * crowd.facts.fees / fee
        return Attack(scenario, crowd, max(1, round_half_even(wanted)), fee)
    return Attack(scenario, crowd, scenario.accounts, fee)


def fee_of(scenario: Scenario, crowd: Crowd) -> int:
    """Return what an account pays, in fee units."""
    if scenario.fee == "median":
        return crowd.fee
    if not crowd.facts.fees_are_money:
        message = f"scenario {scenario.name}: fee is {scenario.fee!r}, but it is not known what listeners paid"
        raise UsageError(message, advice='State --fee or --subscribers, or write fee = "median".')
    fee = Currency("", crowd.facts.digits).units(scenario.fee)
    if not fee:
        message = f"scenario {scenario.name}: fee is 0"
        raise UsageError(message, advice="What an account earns is held against its fee: give one above 0.")
    return fee
