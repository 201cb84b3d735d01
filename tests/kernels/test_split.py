"""Splits of one user's budget, against fractions."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairpay.kernels import split

BUDGETS = st.one_of(st.integers(0, 50), st.integers(0, 2**62), st.integers(2**62 - 3, 2**62))
AMOUNTS = st.one_of(
    st.lists(st.integers(1, 4), min_size=1, max_size=12),
    st.lists(st.integers(1, 2**32), min_size=1, max_size=8),
    st.lists(st.integers(2**31 - 4, 2**31 + 4), min_size=1, max_size=3),
    st.lists(st.integers(1, 2**58), min_size=1, max_size=8),
)


def largest_remainder(amounts: list[int], budget: int, codes: list[int]) -> list[int]:
    """Divide by floors, then by remainders, ties to the smaller code."""
    exact = [Fraction(budget * x, sum(amounts)) for x in amounts]
    paid = [int(x) for x in exact]
    order = sorted(range(len(amounts)), key=lambda i: (paid[i] - exact[i], codes[i]))
    for i in order[: budget - sum(paid)]:
        paid[i] += 1
    return paid


def to_nearest(amounts: list[int], budget: int, codes: list[int]) -> list[int]:
    """Divide to the nearest, halves up; the largest entry takes the rest, ties to the smaller code."""
    paid = [int(Fraction(budget * x, sum(amounts)) + Fraction(1, 2)) for x in amounts]
    largest = min(range(len(amounts)), key=lambda i: (-amounts[i], codes[i]))
    paid[largest] += budget - sum(paid)
    return paid


@settings(max_examples=300, deadline=None)
@given(amounts=AMOUNTS, budget=BUDGETS, random=st.randoms(use_true_random=False))
def test_one_user_gets_what_fractions_say(amounts: list[int], budget: int, random: object) -> None:
    codes = list(range(len(amounts)))
    random.shuffle(codes)  # type: ignore[attr-defined]
    out = np.zeros(len(amounts), dtype=np.int64)
    split.add_proportional(
        np.array([0, len(amounts)]), np.array(codes, dtype=np.uint32), np.array(amounts), np.array([sum(amounts)]),
        np.array([budget]), out,
    )  # fmt: skip
    few = budget < len(amounts) ** 2
    wanted = (largest_remainder if few else to_nearest)(amounts, budget, codes)
    assert [int(out[c]) for c in codes] == wanted
    assert sum(wanted) == budget
    assert min(wanted) >= 0


@pytest.mark.parametrize("budget", [0, 1, 2, 3, 4])
def test_units_of_a_tie_go_to_the_smaller_codes(budget: int) -> None:
    out = np.zeros(4, dtype=np.int64)
    split.add_proportional(
        np.array([0, 4]), np.array([3, 1, 0, 2], dtype=np.uint32), np.array([7, 7, 7, 7]), np.array([28]),
        np.array([budget]), out,
    )  # fmt: skip
    assert out.tolist() == [1] * budget + [0] * (4 - budget)


def test_users_add_up_in_one_array() -> None:
    out = np.zeros(3, dtype=np.int64)
    split.add_proportional(
        np.array([0, 2, 3]), np.array([0, 2, 2], dtype=np.uint32), np.array([1, 3, 5]), np.array([4, 5]),
        np.array([100, 7]), out,
    )  # fmt: skip
    assert out.tolist() == [25, 0, 82]
