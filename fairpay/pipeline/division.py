"""Division: what every chosen rule pays on a month, from one walk over it, and what that says about listeners."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeGuard

from fairpay.money.currency import round_half_even
from fairpay.money.rounding import Allocation
from fairpay.pipeline.measures import HEAVY, median_fee, steered, walk_payouts
from fairpay.reports.outcome import Payout
from fairpay.rules import references
from fairpay.rules.core.ties import Unsettled, settle_together

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Usage
    from fairpay.rules.core.rule import Rule

__all__ = ["Division", "divide", "tied", "undecided", "weigh"]


@dataclass(frozen=True, slots=True)
class Division:
    """The results of one walk. Arrays are in artist order."""

    payouts: tuple[Payout, ...]
    listeners: Ints
    market_weight: Ints
    user_weight: Ints
    median_fee: int
    mcdonald: Fraction | None
    remarks: tuple[str, ...]
    """What the rules have to say about themselves on this month."""


def divide(month: Month, rules: Sequence[Rule]) -> Division:
    """Run the rules in one walk, divide the month's pool under each, and look at what came out.

    Raises:
        NothingToPayError: a rule finds no weight to divide the pool by.
        UnbalancedError: a rule created or lost money.

    """
    by_listening, by_fee = references()
    prepared = {rule: rule.prepare(month) for rule in dict.fromkeys((*rules, by_listening, by_fee))}
    weights = weigh(month, prepared)
    pool = month.facts.pool
    begun = [rule.settling(weights[rule], month, prepared[rule]) for rule in rules]
    paid = settle_together(month, begun)
    divided = [(rule, Allocation(rule.label, units, pool)) for rule, units in zip(rules, paid, strict=True)]
    ready = [(rule, prepared[rule]) for rule in rules]
    top_1, top_10 = steered(month, ready, HEAVY)
    walked = walk_payouts(month, divided)
    typical = typical_fee(month)
    return Division(
        payouts=tuple(
            Payout(rule, allocation, top_1[i], top_10[i], walked.stray[i])
            for i, (rule, allocation) in enumerate(divided)
        ),
        listeners=month.artist_listeners,
        market_weight=weights[by_listening][0],
        user_weight=weights[by_fee][0],
        median_fee=round_half_even(typical),
        mcdonald=walked.mcdonald,
        remarks=(
            *(remark for rule, state in ready for remark in rule.remarks(state)),
            *(undecided(rule, one.undecided) for rule, one in zip(rules, begun, strict=True) if tied(one)),
        ),
    )


def tied(begun: Unsettled | Ints) -> TypeGuard[Unsettled]:
    """Say whether the last minor units went by id among artists who may not tie exactly."""
    return isinstance(begun, Unsettled) and begun.undecided > 0


def undecided(rule: Rule, artists: int) -> str:
    """Say in a sentence which amounts were not decided."""
    return (
        f"{rule.label}: {artists:,} artists are too near to a tie for the last minor units to be decided, so these "
        "went to the smaller artist ids; such an amount may be off by one minor unit"
    )


def weigh(month: Month, prepared: Mapping[Rule, Any]) -> dict[Rule, Ints]:
    """Let every rule weigh every block, in one walk; return each rule's rows of weights."""
    edges, end = {}, 0
    for rule in prepared:
        edges[rule] = slice(end, end + rule.rows)
        end += rule.rows

    def visit(usage: Usage, out: Ints) -> None:
        for rule, ready in prepared.items():
            rule.weigh(usage, ready, out[edges[rule]])

    weights, _ = month.gather(visit, rows=end)
    return {rule: weights[edge] for rule, edge in edges.items()}


def typical_fee(month: Month) -> Fraction:
    """Return the royalty money of the median listener, in minor units."""
    facts = month.facts
    if facts.fees_are_money and facts.rate is not None:
        return median_fee(month) * facts.rate / facts.fee_unit
    return Fraction(facts.pool, facts.users)
