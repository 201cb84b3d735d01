"""A promise a rule does not keep has a stored counter-example, and its numbers are right."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import naive
import promises
import pytest

from fairpay.rules import rule_classes
from fairpay.rules.core.promise import OWN, Promise

if TYPE_CHECKING:
    from fairpay.rules.core.promise import CounterExample
    from fairpay.rules.core.rule import Rule

STORED = [
    pytest.param(cls.parse(example.parameters), example, id=f"{name}-{example.promise.value}-{i}")
    for name, cls in rule_classes().items()
    for i, example in enumerate(cls.breaks)
]


@pytest.mark.parametrize(("rule", "example"), STORED)
def test_a_stored_counterexample_breaks_the_promise(rule: Rule, example: CounterExample) -> None:
    assert promises.excess(rule, example.promise, promises.of_example(example)) > 0
    assert example.promise not in rule.keeps()


@pytest.mark.parametrize(("rule", "example"), STORED)
def test_a_stored_counterexample_shows_the_right_numbers(rule: Rule, example: CounterExample) -> None:
    change = promises.of_example(example)
    was = promises.pays(rule, change.before, change.fees, change.rate)
    if example.promise is Promise.PROPORTIONAL:
        less, more = example.artists
        assert naive.shown(example.was, was[more] / was[less])
        assert naive.shown(example.becomes, Fraction(*(sum(promises.played(change)[a]) for a in (more, less))))
        return
    assert naive.shown(example.was, sum(was.get(a, Fraction(0)) for a in example.artists))
    if example.promise in OWN:
        only = [u for u, mine in change.before.items() if set(mine) <= set(example.artists)]
        becomes = change.rate * change.fee(only)
    else:
        now = promises.pays(rule, change.after, change.fees, change.rate)
        becomes = sum(now.get(a, Fraction(0)) for a in example.artists_after or example.artists)
    assert naive.shown(example.becomes, becomes)


@pytest.mark.parametrize("rule", promises.VARIANTS, ids=lambda rule: rule.label)
def test_every_broken_promise_is_shown_broken(rule: Rule) -> None:
    assert set(rule.broken()) <= {example.promise for example in rule.breaks}


@pytest.mark.parametrize(("_", "example"), STORED)
def test_a_counterexample_says_its_numbers(_: Rule, example: CounterExample) -> None:
    assert all(part in example.sentence() for part in (example.promise.value, example.was, example.becomes))
