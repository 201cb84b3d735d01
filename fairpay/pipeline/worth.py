"""What one more listener and 100 more plays are worth to some artists: the month is divided again, with them in it.

No rule is asked for a formula: what is added is laid beside the month that the engine holds, and every rule prepares,
weighs and settles it as any month. What is paid is looked at in units of which 2^62 are the pool.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.money.currency import LARGEST, round_half_even
from fairpay.money.integers import sum_exactly
from fairpay.pipeline.division import weigh
from fairpay.pipeline.joined import Accounts, Joined, PlayedMore, in_blocks, pool_with, spread
from fairpay.reports.explanation import Joiner

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.pipeline.factors import ListenerSums
    from fairpay.reports.explanation import RulePaid
    from fairpay.rules.core.month import Month
    from fairpay.rules.core.rule import Rule

__all__ = ["MORE", "Growth", "can_grow", "shares_in", "worth_of"]

MORE = 100
"""Plays whose worth is told."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What listening that is added brings, in minor units, not rounded; by rule."""

    listener: Mapping[Rule, Fraction]
    """What one more listener brings, who pays into the pool as well."""
    plays: Mapping[Rule, Fraction]
    """What 100 more plays bring, by those who listen already."""
    joiner: Joiner
    """Who was added."""
    added: int
    """How many plays were."""

    def earned(self, earned: Sequence[RulePaid]) -> list[RulePaid]:
        """Put it beside what is paid."""
        return [replace(one, listener=self.listener.get(one.rule), plays=self.plays.get(one.rule)) for one in earned]


def can_grow(month: Month, audience: ListenerSums) -> bool:
    """Whether what is added can be told: somebody listens and pays, and nobody's listening is divided anew.

    Where listeners state themselves what they want, nobody knows what more plays would make of it.
    """
    facts = month.facts
    return bool(audience.count and facts.fees and facts.pool) and not facts.divided


def worth_of(month: Month, earned: Sequence[RulePaid], chosen: Ints, audience: ListenerSums, plays: int) -> Growth:
    """Divide the month twice more: with a listener more, and with more plays of those there are.

    Each of these plays as often more as brings about 100 plays in all, at least once: of many listeners that is more
    than 100, and 100 are worth their part of it.

    Args:
        month: see `can_grow`.
        earned: what is paid now.
        chosen: int64[chosen]: the artists.
        audience: their listeners.
        plays: their plays.

    """
    facts, rules = month.facts, [one.rule for one in earned]
    listener, own = typical_listener(month, chosen, audience, plays)
    extra = added_money(month, listener.fee)
    each = max(1, round_half_even(Fraction(MORE, audience.count)))
    longer = max(1, round_half_even(Fraction(each * sum_exactly(month.artist_amount[chosen]), plays)))
    added, among = each * audience.count, np.isin(np.arange(facts.artists), chosen)
    joined = shares_of(Joined(month, [listener], pool_with(facts, listener.fee)), rules, chosen)
    busier = shares_of(in_blocks(PlayedMore(month, among, each, longer, audience.count)), rules, chosen)
    return Growth(
        {one.rule: joined[one.rule] * (facts.pool + extra) - one.of_pool * facts.pool for one in earned},
        {one.rule: (busier[one.rule] - one.of_pool) * facts.pool * MORE / added for one in earned},
        joiner=Joiner(fee=listener_money(month, listener.fee), plays=listener.plays, own=own),
        added=added,
    )


def shares_of(month: Month, rules: Sequence[Rule], chosen: Ints) -> dict[Rule, Fraction]:
    """Divide a month, and return the part of the pool that some artists are paid together under each rule."""
    prepared = {rule: rule.prepare(month) for rule in rules}
    return shares_in(weigh(month, prepared).weights, prepared, chosen)


def shares_in(weights: Mapping[Rule, Ints], prepared: Mapping[Rule, Any], chosen: Ints) -> dict[Rule, Fraction]:
    """Settle 2^62 units by weights, for rules that find any: 0 under the others."""
    return {
        rule: Fraction(sum_exactly(rule.settle(weights[rule], LARGEST, ready)[chosen]), LARGEST)
        if weights[rule].any()
        else Fraction(0)
        for rule, ready in prepared.items()
    }


def typical_listener(month: Month, chosen: Ints, audience: ListenerSums, plays: int) -> tuple[Accounts, int]:
    """Lay out a listener who pays, listens and plays the artists as much as those there are do on average.

    What is not theirs goes in equal parts to as many others as those listeners play on average, the most heard first.
    Also returned is how many plays of theirs that is.
    """
    count = audience.count

    def mean(total: int) -> int:
        return max(1, round_half_even(Fraction(total, count)))

    heard = month.artist_amount
    order = np.argsort(-heard, kind="stable")
    theirs = np.isin(order, chosen)
    mine, others = order[theirs], order[~theirs]
    own = spread(mean(sum_exactly(heard[chosen])), mean(audience.own_artists))
    kinds = min(len(others), max(1, mean(audience.artists) - len(own)))
    rest = spread(max(0, mean(audience.amount) - sum_exactly(own)), kinds) if kinds else own[:0]
    listener = Accounts(
        count=1,
        fee=round_half_even(Fraction(audience.fees, count)),
        artist=np.concatenate([mine[: len(own)], others[: len(rest)]]),
        amount=np.concatenate([own, rest]),
        plays=mean(audience.plays),
    )
    return listener, mean(plays)


def listener_money(month: Month, fee: int) -> Fraction:
    """Return what a fee in fee units is in minor units; of a stated pool, a listener's part of it."""
    facts = month.facts
    return Fraction(fee, facts.fee_unit) if facts.fees_are_money else Fraction(facts.pool * fee, facts.fees)


def added_money(month: Month, fee: int) -> Fraction:
    """Return what a listener who pays `fee` fee units adds to the pool, in minor units.

    Where only a pool is stated each listener brings as much as those there are.
    """
    paid, rate = listener_money(month, fee), month.facts.rate
    return paid * rate if month.facts.fees_are_money and rate is not None else paid
