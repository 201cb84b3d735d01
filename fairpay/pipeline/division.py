"""Division: what every chosen rule pays on a month, from one walk over it, and what that says about listeners."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, TypeGuard

import numpy as np

from fairpay.errors import UsageError
from fairpay.money.currency import round_half_even
from fairpay.money.rounding import Allocation
from fairpay.pipeline.measures import HEAVY, Steering, median_fee, walk_payouts
from fairpay.reports.outcome import Payout
from fairpay.rules import find_rule, references, usual_rules
from fairpay.rules.core.rule import Joining
from fairpay.rules.core.ties import WORDS, Unsettled, carried, settle_together

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Month, Totals, Usage
    from fairpay.rules.core.rule import Rule
    from fairpay.rules.core.ties import TiePart

__all__ = ["Division", "divide", "runnable", "settled", "tied", "typical_fee", "undecided", "weigh"]


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
    ready: Sequence[tuple[Rule, Any]]
    """The rules, each with what it has prepared."""


def divide(month: Month, rules: Sequence[Rule], *, exact: bool = False) -> Division:
    """Run the rules in one walk, divide the month's pool under each, and look at what came out.

    `exact` has that walk see all weights as finely as near ties ask for, so that none is needed for these alone.

    Raises:
        NothingToPayError: a rule finds no weight to divide the pool by.
        UnbalancedError: a rule created or lost money.

    """
    by_listening, by_fee = references()
    prepared = {rule: rule.prepare(month) for rule in dict.fromkeys((*rules, by_listening, by_fee))}
    ready = [(rule, prepared[rule]) for rule in rules]
    steering = Steering.of(month, ready, HEAVY)
    fine = {rule: rule.fine_parts(month, prepared[rule]) for rule in rules if exact}
    weighed = weigh(month, prepared, fine=fine, look=steering.look)
    weights = weighed.weights
    allocations, begun = settled(month, rules, prepared, weighed, exact=exact)
    divided = [*zip(rules, allocations, strict=True)]
    heavy = steering.shares(month, weighed.looked)
    walked = walk_payouts(month, divided)
    typical = typical_fee(month)
    return Division(
        payouts=tuple(
            Payout(rule, allocation, heavy[rule][0], heavy[rule][1], stray)
            for (rule, allocation), stray in zip(divided, walked.stray, strict=True)
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
        ready=ready,
    )


def settled(
    month: Month, rules: Sequence[Rule], prepared: Mapping[Rule, Any], weighed: Weighed, *, exact: bool = False
) -> tuple[list[Allocation], list[Unsettled | Ints]]:
    """Divide the month's pool under each rule, by what a walk weighed; say, too, what was left to be settled.

    Raises:
        NothingToPayError: a rule finds no weight to divide the pool by.
        UnbalancedError: a rule created or lost money.

    """
    begun = [rule.settling(weighed.weights[rule], month, prepared[rule]) for rule in rules]
    paid = settle_together(month, begun, [weighed.digits[rule] for rule in rules] if exact else None)
    pool = month.facts.pool
    return [Allocation(rule.label, units, pool) for rule, units in zip(rules, paid, strict=True)], begun


def tied(begun: Unsettled | Ints) -> TypeGuard[Unsettled]:
    """Say whether the last minor units went by id among artists who may not tie exactly."""
    return isinstance(begun, Unsettled) and begun.undecided > 0


def undecided(rule: Rule, artists: int) -> str:
    """Say in a sentence which amounts were not decided."""
    return (
        f"{rule.label}: {artists:,} artists are too near to a tie for the last minor units to be decided, so these "
        "went to the smaller artist ids; such an amount may be off by one minor unit"
    )


@dataclass(frozen=True, slots=True)
class Weighed:
    """What one walk over a month adds up to."""

    weights: Mapping[Rule, Ints]
    """int64[rows, artists]: each rule's."""
    digits: Mapping[Rule, Mapping[int, Ints]]
    """The weights of parts that were to be seen finely, as `ties` has them, by their rows."""
    looked: Totals
    """What the look comes to."""


def weigh(
    month: Month,
    prepared: Mapping[Rule, Any],
    *,
    fine: Mapping[Rule, Sequence[TiePart]] | None = None,
    look: Callable[[Usage], Totals] = lambda _: (),
) -> Weighed:
    """Let every rule weigh every block, in one walk.

    Args:
        month: what is walked over.
        prepared: rules, each with what it has prepared.
        fine: parts of rules whose weights are to be seen to 96 bits below the unit, too.
        look: adds up what else is wanted of every block.

    """
    edges, end = {}, 0
    for rule in prepared:
        edges[rule] = slice(end, end + rule.rows)
        end += rule.rows
    parts = [(rule, part) for rule, several in (fine or {}).items() for part in several]
    places = [slice(end + WORDS * k, end + WORDS * (k + 1)) for k in range(len(parts))]
    every = np.arange(month.facts.artists if parts else 0, dtype=np.int32)

    def visit(usage: Usage, out: Ints) -> Totals:
        for rule, ready in prepared.items():
            rule.weigh(usage, ready, out[edges[rule]])
        for (_, part), place in zip(parts, places, strict=True):
            part.add_fine(usage, every, out[place].T)
        return look(usage)

    sums, looked = month.gather(visit, rows=end + WORDS * len(parts))
    digits: dict[Rule, dict[int, Ints]] = {rule: {} for rule in fine or {}}
    for (rule, part), place in zip(parts, places, strict=True):
        digits[rule][part.row] = carried(sums[place].T)
    return Weighed({rule: sums[edge] for rule, edge in edges.items()}, digits, looked)


def runnable(month: Month) -> tuple[list[Rule], list[str]]:
    """Return the usual rules that can run on this month, and a sentence for each that cannot."""
    found, notes = [], []
    for name in usual_rules():
        rule = find_rule(name)
        try:
            if rule.joining is Joining.SHIFTING:
                rule.prepare(month)
        except UsageError as problem:
            notes.append(f"{name} is left out: {problem.message.removeprefix(f'{name}: ')}")
        else:
            found.append(rule)
    return found, notes


def typical_fee(month: Month) -> Fraction:
    """Return the royalty money of the median listener, in minor units."""
    facts = month.facts
    if facts.fees_are_money and facts.rate is not None:
        return median_fee(month) * facts.rate / facts.fee_unit
    return Fraction(facts.pool, facts.users)
