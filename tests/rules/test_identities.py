"""Where two rules are the same rule, they pay the same to the last minor unit."""

from __future__ import annotations

from fractions import Fraction

import naive
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from months import months

from fairpay.rules import find_rule, rule_classes
from fairpay.rules.core.budgets import Budgeted
from fairpay.rules.core.month import Split

some = settings(max_examples=40, deadline=None)
SAME = [
    ("bounded:b=1", "user-centric"),
    ("bounded:b=1,force=smooth", "user-centric"),
    ("bounded:b=1,force=bayes", "user-centric"),
    ("user-cap:cap=999999999999", "market-centric"),
    ("user-cap:tail=1", "market-centric"),
    ("weighted:beta=0", "user-centric"),
    ("weighted:beta=1", "market-centric"),
    ("norm:p=1", "user-centric"),
    ("top-artist:share=0", "market-centric"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
@some
@given(month=months())
def test_two_names_for_one_rule(one: str, other: str, month: naive.NaiveMonth) -> None:
    assert naive.run(find_rule(one), month).tolist() == naive.run(find_rule(other), month).tolist()


@pytest.mark.parametrize(("one", "other"), [pair for pair in SAME if "cap=9" not in pair[0]])
@some
@given(month=months(huge=True))
def test_two_names_for_one_rule_on_huge_months(one: str, other: str, month: naive.NaiveMonth) -> None:
    assert naive.run(find_rule(one), month).tolist() == naive.run(find_rule(other), month).tolist()


@some
@given(month=months(), fee=st.integers(1, 10**6))
def test_cap_with_nobody_saturated_is_market_centric(month: naive.NaiveMonth, fee: int) -> None:
    month.fees = dict.fromkeys(month.users, fee)
    month.__post_init__()
    rule = find_rule("bounded:b=1/1000,allow-unsafe=yes")
    assert naive.run(rule, month).tolist() == naive.run(find_rule("market-centric"), month).tolist()


@some
@given(mine=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 10**6), min_size=1), pool=st.integers(0, 10**9))
def test_for_one_user_all_rules_that_split_by_share_agree(mine: dict[str, int], pool: int) -> None:
    month = naive.NaiveMonth(naive.rows_of({"u": mine}), pool=pool, fees_are_money=False)
    budgeted = [cls for cls in rule_classes().values() if issubclass(cls, Budgeted)]
    rules = [cls() for cls in budgeted if cls.split is Split.BY_LISTENING]
    market = naive.run(find_rule("market-centric"), month).tolist()
    assert all(naive.run(rule, month).tolist() == market for rule in rules)
    assert len(rules) >= 4


def test_a_cent_of_those_who_played_nothing_counts_for_the_least_safe_b() -> None:
    month = naive.NaiveMonth([("u", "a", 1)], {"u": 999, "idle": 1}, pool=667, rate=Fraction(2, 3))
    assert month.facts.alpha == Fraction(2, 3) * Fraction(1000, 999)
