"""What holds for every rule of the registry, with its default and with its examples' parameters, on any month."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from months import POOLS, months

from fairpay.money.currency import LARGEST
from fairpay.money.integers import sum_exactly
from fairpay.rules import rule_classes
from fairpay.rules.core.rule import Joining

if TYPE_CHECKING:
    from fairpay.rules.core.rule import Rule

VARIANTS = [
    pytest.param(cls.parse(text), id=cls.parse(text).label)
    for cls in rule_classes().values()
    for text in dict.fromkeys(["", *(e.parameters for e in cls.examples)])
]
every_rule = pytest.mark.parametrize("rule", VARIANTS)
some = settings(max_examples=25, deadline=None)


@pytest.mark.parametrize("huge", [False, True])
@every_rule
@some
@given(data=st.data())
def test_a_rule_pays_the_pool_of_any_month_and_nobody_less_than_nothing(
    rule: Rule, data: st.DataObject, *, huge: bool
) -> None:
    month = data.draw(months(huge=huge))
    paid = naive.run(rule, month)
    assert sum_exactly(paid) == month.pool
    assert paid.min() >= 0


@every_rule
@some
@given(month=months(), blocks=st.integers(2, 7), seed=st.integers(0, 999))
def test_blocks_and_order_mean_nothing(rule: Rule, month: naive.NaiveMonth, blocks: int, seed: int) -> None:
    again = replace(month, blocks=blocks, seed=seed, rows=list(reversed(month.rows)))
    assert naive.run(rule, again).tolist() == naive.run(rule, month).tolist()


@every_rule
@some
@given(month=months())
def test_a_rule_is_within_a_minor_unit_of_the_exact_answer(rule: Rule, month: naive.NaiveMonth) -> None:
    """The slow answer in fractions; small months are precise for the geometric median too."""
    alpha = month.rate if not month.fees_are_money else None
    exact = naive.exact(rule, month.listeners, artists=len(month.names), pool=Fraction(month.pool), rate=alpha)
    room = 1 + month.pool * Fraction(1, 10**14)
    assert all(abs(int(a) - b) <= room for a, b in zip(naive.run(rule, month), exact, strict=True))


@every_rule
@some
@given(month=months())
def test_the_weights_of_users_add_up_within_62_bits(rule: Rule, month: naive.NaiveMonth) -> None:
    prepared = rule.prepare(month)
    weights = [rule.weight_of(usage, prepared) for usage in month.chunks()]
    if any(w is None for w in weights):
        return
    assert all(w.min() >= 0 and w.dtype == np.int64 for w in weights)
    assert sum(sum_exactly(w) for w in weights) <= 2**62


@every_rule
@pytest.mark.parametrize(("artists", "fees", "paid"), [("aa", (5, 7), [12]), ("ab", (0, 0), [0, 0])])
def test_one_artist_takes_everything_and_nothing_in_the_pool_pays_nothing(
    rule: Rule, artists: str, fees: tuple[int, int], paid: list[int]
) -> None:
    month = naive.NaiveMonth(
        [("u", artists[0], 3), ("v", artists[1], 1)], dict(zip("uv", fees, strict=True)), sum(fees)
    )
    assert naive.run(rule, month).tolist() == paid


def weighed(rule: Rule, month: naive.NaiveMonth) -> tuple[np.ndarray, Any]:
    """The month's weights under a rule, and what it prepared."""
    prepared = rule.prepare(month)
    return month.gather(lambda usage, out: rule.weigh(usage, prepared, out), rows=rule.rows)[0], prepared


@every_rule
@some
@given(month=months().filter(lambda month: any(u.fee for u in month.listeners)), pool=POOLS)
def test_the_pool_is_a_scale_and_nothing_else(rule: Rule, month: naive.NaiveMonth, pool: int) -> None:
    weights, prepared = weighed(rule, month)
    finest, paid = (rule.settle(weights, units, prepared) for units in (LARGEST, pool))
    for units, fine in zip(paid.tolist(), finest.tolist(), strict=True):
        assert abs(units - Fraction(pool * fine, LARGEST)) < 1 + Fraction(pool, LARGEST)


@pytest.mark.parametrize("rule", [each for each in VARIANTS if each.values[0].joining is not Joining.ANEW])
@some
@given(month=months().filter(lambda month: any(u.fee for u in month.listeners)), seed=st.integers(0, 99))
def test_artists_may_be_merged_unless_the_rule_is_weighed_anew(rule: Rule, month: naive.NaiveMonth, seed: int) -> None:
    weights, prepared = weighed(rule, month)
    group = np.random.default_rng(seed).integers(0, 3, weights.shape[1])
    merged = np.stack([weights[:, group == one].sum(axis=1) for one in range(3)], axis=1)
    apart, together = (rule.settle(each, LARGEST, prepared) for each in (weights, merged))
    for one in range(3):
        assert abs(int(apart[group == one].sum()) - int(together[one])) <= 1 + np.count_nonzero(group == one)
