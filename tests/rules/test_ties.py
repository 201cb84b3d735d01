"""The last minor units go where exact fractions say, however near the tie."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import NaiveMonth, exact, round_by_largest_remainder, rows_of, run

from fairpay.pipeline.division import divide
from fairpay.rules import find_rule
from fairpay.rules.core import ties

RULES = ("user-centric", "equal-split")
rows = st.lists(
    st.tuples(st.sampled_from("uvwxyz"), st.sampled_from("ABCDEFG"), st.integers(1, 3)), min_size=1, max_size=30
)


def test_a_tie_that_rounding_to_units_breaks_goes_to_the_smaller_id() -> None:
    month = NaiveMonth([("u", "A", 7), ("u", "B", 3), ("v", "A", 1)], pool=7_114_950, fees_are_money=False)
    assert run(find_rule("user-centric"), month).tolist() == [6_047_708, 1_067_242]


@pytest.mark.parametrize("name", RULES)
@given(rows=rows, pool=st.integers(1, 40) | st.integers(1, 2**61), blocks=st.integers(1, 3), seed=st.integers(0, 9))
def test_months_full_of_ties_are_paid_as_exact_fractions_say(
    name: str, rows: list[tuple[str, str, int]], pool: int, blocks: int, seed: int
) -> None:
    month = NaiveMonth(rows, pool=pool, blocks=blocks, seed=seed, fees_are_money=False)
    rule = find_rule(name)
    shares = exact(rule, month.listeners, artists=len(month.names), pool=Fraction(pool), rate=Fraction(1))
    assert run(rule, month).tolist() == round_by_largest_remainder(shares, pool)


ALL = ("user-centric", "market-centric", "equal-split", "weighted", "norm", "top-artist")


@given(rows=rows, pool=st.integers(1, 40) | st.integers(1, 2**61), blocks=st.integers(1, 3))
def test_rules_settled_together_pay_what_each_pays_alone(
    rows: list[tuple[str, str, int]], pool: int, blocks: int
) -> None:
    month = NaiveMonth(rows, pool=pool, blocks=blocks, fees_are_money=False)
    together = divide(month, [find_rule(name) for name in ALL]).payouts
    assert [payout.allocation.paid.tolist() for payout in together] == [
        run(find_rule(name), month).tolist() for name in ALL
    ]


@given(digits=st.lists(st.lists(st.integers(0, 2**62), min_size=4, max_size=4), min_size=1, max_size=3))
def test_carrying_changes_no_weight_and_leaves_room_in_every_digit(digits: list[list[int]]) -> None:
    held = np.array([[units >> 2, *rest] for units, *rest in digits], dtype=np.int64)
    before = ties.as_integers(held)
    ties.carry(held)
    assert ties.as_integers(held) == before
    assert (held[:, 1:] < 2**32).all()


EXACT = ("user-centric", "market-centric", "equal-split", "top-artist", "median", "independent-markets", "norm:p=inf")


@pytest.mark.parametrize("name", EXACT)
@given(rows=rows, pool=st.integers(1, 40) | st.integers(1, 10**9), blocks=st.integers(1, 3))
def test_the_last_units_of_every_rational_rule_go_as_exact_fractions_say(
    name: str, rows: list[tuple[str, str, int]], pool: int, blocks: int
) -> None:
    month = NaiveMonth(rows, pool=pool, blocks=blocks, fees_are_money=False)
    rule = find_rule(name)
    shares = exact(rule, month.listeners, artists=len(month.names), pool=Fraction(pool), rate=Fraction(1))
    assert run(rule, month).tolist() == round_by_largest_remainder(shares, pool)


@pytest.mark.parametrize(
    ("rule", "listening", "pool", "paid"),
    [
        ("median", {"u2": {"10": 1, "aa": 5}}, 3, {"10": 1, "aa": 2}),
        (
            "independent-markets",
            {"u0": {"2": 1, "A": 1, "a": 1}, "u1": {"A": 1, "a": 1}},
            14,
            {"2": 5, "A": 5, "a": 4},
        ),
        ("norm:p=inf", {"u0": {"aa": 2000, "B": 1}, "u1": {"é": 150}}, 1333, {"aa": 667, "B": 0, "é": 666}),
        (
            "bounded:force=bayes,b=1/2,allow-unsafe=yes",
            {"u0": {"10": 1, "A": 1, "_x": 1, "aa": 1}, "u1": {"_x": 1}},
            99_999,
            {"10": 16_667, "A": 16_667, "_x": 49_999, "aa": 16_666},
        ),
        ("geometric-median", {"u": {"A": 1, "B": 5}}, 3, {"A": 1, "B": 2}),
    ],
)
def test_exact_ties_go_to_the_smaller_id(
    rule: str, listening: dict[str, dict[str, int]], pool: int, paid: dict[str, int]
) -> None:
    month = NaiveMonth(rows_of(listening), pool=pool, fees_are_money=False)
    assert dict(zip(month.names, run(find_rule(rule), month).tolist(), strict=True)) == paid


def test_a_tie_that_floats_cannot_tell_is_said_and_an_exact_one_is_not() -> None:
    rows = [("u0", "aa", 2000), ("u0", "B", 1), ("u1", "é", 150)]
    month = NaiveMonth(rows, pool=1333, fees_are_money=False)
    said = divide(month, [find_rule("norm:p=inf"), find_rule("user-centric"), find_rule("median")]).remarks
    assert [line.split(":")[0] for line in said if "too near to a tie" in line] == ["norm"]


@pytest.mark.parametrize("name", ["user-centric", "equal-split", "top-artist", "top-artist:share=100%"])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from("uvwxyz"), st.sampled_from("ABCDEFG"), st.integers(1, 999)), min_size=1, max_size=30
    ),
    pool=st.integers(2**60, 2**62),
)
def test_pools_near_the_largest_are_exact_to_the_unit(name: str, rows: list[tuple[str, str, int]], pool: int) -> None:
    month = NaiveMonth(rows, pool=pool, fees_are_money=False)
    rule = find_rule(name)
    shares = exact(rule, month.listeners, artists=len(month.names), pool=Fraction(pool), rate=Fraction(1))
    assert run(rule, month).tolist() == round_by_largest_remainder(shares, pool)


def test_top_artist_is_divided_where_both_parts_together_stay_within_62_bits() -> None:
    month = NaiveMonth([("u", "A", 1)], fees={"u": 3}, pool=10, fees_are_money=False)
    assert run(find_rule("top-artist:share=100%"), month).tolist() == [10]


@pytest.mark.parametrize("rule", ["norm", "weighted", "bounded:force=smooth,b=1/2,allow-unsafe=yes"])
def test_artists_with_the_same_listening_tie_and_nothing_is_to_be_said(rule: str) -> None:
    rows = [(user, artist, plays) for user, plays in (("u", 7), ("v", 3)) for artist in "ABC"] + [("v", "D", 5)]
    division = divide(NaiveMonth(rows, pool=101, fees_are_money=False), [find_rule(rule)])
    a, b, c, _ = division.payouts[0].allocation.paid.tolist()
    assert a >= b >= c >= a - 1
    assert not [line for line in division.remarks if "too near to a tie" in line]
