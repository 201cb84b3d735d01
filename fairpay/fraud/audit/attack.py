"""Turning a scenario into accounts on a given month."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import UsageError
from fairpay.fraud.audit.months import Accounts
from fairpay.money.currency import Currency, round_half_even

if TYPE_CHECKING:
    from fairpay.fraud.audit.months import Baseline
    from fairpay.fraud.audit.scenario import Scenario
    from fairpay.kernels.arrays import Ints

__all__ = ["Attack", "plan", "spread"]

DAY_MS = 86_400_000
SHORTEST_MS = 31_000
"""How long a play takes at least, where neither scenario nor log says it."""


@dataclass(frozen=True)
class Attack:
    """A scenario as it is played on a month, which it does not hold on to."""

    scenario: Scenario
    count: int
    """Accounts added."""
    fee: int
    """What each pays, in fee units."""
    price: Fraction
    """What all of them pay, in minor units, not rounded."""
    fee_share: Fraction
    """Their part of all fees of users with listening."""
    pool: int
    """The pool with their fees in it."""
    play_ms: int
    """How long a play takes."""
    timed: bool
    """Whether listening is counted in milliseconds."""
    cover: Ints = field(compare=False)
    """int64[n]: codes of the real artists that serve as cover."""
    artists: int
    """Artists of the month; codes from here on are made-up artists."""

    @property
    def fees(self) -> int:
        """What all accounts pay, in minor units."""
        return round_half_even(self.price)

    @property
    def cost(self) -> int:
        """The same, or 0 where fans pay their fees anyway."""
        return self.fees if self.scenario.paid_by == "attacker" else 0

    @property
    def most_plays(self) -> int:
        """How many plays of this length fit into all the days."""
        return max(1, DAY_MS // self.play_ms) * self.scenario.days

    @property
    def accounts(self) -> Accounts:
        """The accounts, playing as much as the scenario says, or as a day holds."""
        return self.playing(min(self.scenario.streams_a_day, DAY_MS // self.play_ms) * self.scenario.days)

    def playing(self, plays: int) -> Accounts:
        """The accounts with so many plays each: first the cover, then the made-up artists, both evenly."""
        hidden = int(plays * self.scenario.camouflage_share)
        real, new = spread(hidden, len(self.cover)), spread(plays - hidden, self.scenario.artists)
        codes = np.concatenate([self.cover[: len(real)], self.artists + np.arange(len(new))])
        amount = np.concatenate([real, new]) * (self.play_ms if self.timed else 1)
        return Accounts(self.count, self.fee, codes, amount, plays)


def spread(plays: int, artists: int) -> Ints:
    """Divide plays evenly; what is left goes one each to the first. Only artists with a play are returned."""
    each, left = divmod(plays, max(1, artists))
    counts = np.full(artists, each, dtype=np.int64)
    counts[:left] += 1
    return counts[counts > 0]


def plan(scenario: Scenario, baseline: Baseline) -> Attack:
    """Work out how many accounts there are, what they pay and how long they play.

    A play is never shorter than the qualifying length, since it would not count.

    Raises:
        UsageError: a fee that is no amount, or an amount where only a pool is stated.

    """
    facts, fee, count = baseline.facts, fee_of(scenario, baseline), scenario.accounts
    if isinstance(count, Fraction):
        count = max(1, round_half_even(count / (1 - count) * facts.fees / fee))
    usual = round_half_even(baseline.play) if baseline.timed else SHORTEST_MS
    wanted = usual if scenario.seconds is None else scenario.seconds * 1000
    return Attack(
        scenario=scenario,
        count=count,
        fee=fee,
        price=baseline.money(count * fee),
        fee_share=Fraction(count * fee, facts.fees + count * fee),
        pool=baseline.pool_with(count * fee),
        play_ms=min(DAY_MS, max(1, wanted, baseline.least_ms)),
        timed=baseline.timed,
        cover=baseline.order[: scenario.camouflage_artists].copy(),
        artists=facts.artists,
    )


def fee_of(scenario: Scenario, baseline: Baseline) -> int:
    """Return what an account pays, in fee units."""
    if scenario.fee == "median":
        return baseline.fee
    if not baseline.facts.fees_are_money:
        message = f"scenario {scenario.name}: fee is {scenario.fee!r}, but it is not known what listeners paid"
        raise UsageError(message, advice='State --fee or --subscribers, or write fee = "median".')
    fee = Currency("", baseline.facts.digits).units(scenario.fee)
    if not fee:
        message = f"scenario {scenario.name}: fee is 0"
        raise UsageError(message, advice="What an account earns is held against its fee: give one above 0.")
    return fee
