"""An allocation cannot exist unbalanced; sums of int64 cannot wrap."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairpay.errors import UnbalancedError
from fairpay.money.integers import sum_exactly
from fairpay.money.rounding import Allocation

INTS = st.lists(st.integers(-(2**63), 2**63 - 1), max_size=20)


@given(values=INTS)
def test_a_sum_is_exact_beyond_64_bits(values: list[int]) -> None:
    assert sum_exactly(np.array(values, dtype=np.int64)) == sum(values)


def test_the_sum_of_nothing_is_zero() -> None:
    assert sum_exactly(np.empty(0, dtype=np.int64)) == 0


@given(paid=st.lists(st.integers(0, 2**50), min_size=1, max_size=6))
def test_a_balanced_allocation_exists(paid: list[int]) -> None:
    assert Allocation("any", np.array(paid, dtype=np.int64), sum(paid)).pool == sum(paid)


@given(paid=st.lists(st.integers(0, 2**50), min_size=1, max_size=6), off=st.sampled_from([-1, 1, 2**62]))
def test_money_created_or_lost_is_refused(paid: list[int], off: int) -> None:
    """A single minor unit too much or too little; the error has status 70."""
    with pytest.raises(UnbalancedError, match="minor units of a pool") as caught:
        Allocation("any", np.array(paid, dtype=np.int64), sum(paid) + off)
    assert caught.value.status == 70


def test_a_negative_amount_is_refused() -> None:
    with pytest.raises(UnbalancedError):
        Allocation("any", np.array([3, -1], dtype=np.int64), 2)


def test_a_sum_that_wraps_is_not_taken_for_balanced() -> None:
    """2^63 + 2^63 is 0 in int64, and is not an empty pool."""
    with pytest.raises(UnbalancedError):
        Allocation("any", np.full(4, 2**62, dtype=np.int64), 0)
