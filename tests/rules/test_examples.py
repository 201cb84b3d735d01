"""Every worked example of every rule, taken from the registry: through the rule, and through exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING

import naive
import pytest

from fairpay.rules import rule_classes

if TYPE_CHECKING:
    from fairpay.rules.core.promise import Example
    from fairpay.rules.core.rule import Rule

EXAMPLES = [
    pytest.param(cls.parse(example.parameters), example, id=f"{cls.parse(example.parameters).label}-{i}")
    for cls in rule_classes().values()
    for i, example in enumerate(cls.examples)
]
CLASSES = [pytest.param(cls, id=name) for name, cls in rule_classes().items()]


def month_of(example: Example, *, blocks: int = 1, seed: int | None = None) -> naive.NaiveMonth:
    """The example's month; money is made fine enough for every exact fraction to be a whole number of minor units."""
    fees = {user: example.fees.get(user, 1) for user in example.listening}
    fine = 1
    if example.pool is None:
        denominators = [Fraction(text).denominator for text in example.pays.values()]
        fine = math.lcm(example.rate.denominator, *denominators) * 1000
    return naive.NaiveMonth(
        rows=naive.rows_of(example.listening),
        fees={user: fee * fine for user, fee in fees.items()},
        pool=example.pool if example.pool is not None else int(sum(fees.values()) * example.rate * fine),
        rate=example.rate,
        blocks=blocks,
        seed=seed,
        fees_are_money=example.pool is None,
    )


def paid(rule: Rule, example: Example, month: naive.NaiveMonth) -> dict[str, Fraction]:
    """What the rule pays, in the example's units."""
    fine = (
        1
        if example.pool is not None
        else sum(month.fees.values()) // sum(example.fees.get(user, 1) for user in example.listening)
    )
    return {a: Fraction(int(x), fine) for a, x in zip(month.names, naive.run(rule, month), strict=True)}


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_a_rule_pays_what_its_example_says(rule: Rule, example: Example) -> None:
    found = paid(rule, example, month_of(example, blocks=2, seed=1))
    assert found.keys() == example.pays.keys()
    assert all(naive.shown(text, found[artist]) for artist, text in example.pays.items()), found


@pytest.mark.parametrize(("rule", "example"), EXAMPLES)
def test_an_example_is_right_in_exact_fractions(rule: Rule, example: Example) -> None:
    month = month_of(example)
    fees = sum(example.fees.get(user, 1) for user in example.listening)
    pool = Fraction(example.pool) if example.pool is not None else fees * example.rate
    exact = naive.exact(rule, month.listeners, artists=len(month.names), pool=pool, rate=example.rate)
    if example.pool is not None:
        exact = [Fraction(x) for x in naive.round_by_largest_remainder(exact, example.pool)]
    found = dict(zip(month.names, exact, strict=True))
    assert all(naive.shown(text, found[artist]) for artist, text in example.pays.items()), found


@pytest.mark.parametrize("cls", CLASSES)
def test_a_rule_has_an_example_with_a_tie(cls: type[Rule]) -> None:
    tied = [e for e in cls.examples if e.pool is not None and len(set(e.pays.values())) < len(e.pays)]
    assert tied
