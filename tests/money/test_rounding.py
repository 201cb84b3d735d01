"""Largest remainder: exact, and the same in the fast and in the slow form."""

from __future__ import annotations

from fractions import Fraction

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairpay.errors import NothingToPayError
from fairpay.money.rounding import largest_remainder, largest_remainder_exact

WEIGHTS = st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**58)), min_size=1, max_size=12).filter(any)
POOLS = st.one_of(st.integers(0, 50), st.integers(0, 2**62), st.just(2**62))


@given(weights=WEIGHTS, pool=POOLS)
def test_it_is_hamiltons_method(weights: list[int], pool: int) -> None:
    """Floors, then one unit each to the largest remainders, ties to the smaller index."""
    found = largest_remainder(np.array(weights, dtype=np.int64), pool)
    assert found.tolist() == naive.round_by_largest_remainder([Fraction(w) for w in weights], pool)


@given(weights=WEIGHTS, pool=POOLS)
def test_the_slow_form_for_integers_is_the_same(weights: list[int], pool: int) -> None:
    expected = naive.round_by_largest_remainder([Fraction(w) for w in weights], pool)
    assert largest_remainder_exact(weights, pool).tolist() == expected
    assert largest_remainder_exact([w << 100 for w in weights], pool).tolist() == expected


@given(weights=st.lists(st.fractions(0, 10, max_denominator=97), min_size=1, max_size=8).filter(any), pool=POOLS)
def test_the_slow_form_for_fractions_is_the_same(weights: list[Fraction], pool: int) -> None:
    assert largest_remainder_exact(weights, pool).tolist() == naive.round_by_largest_remainder(weights, pool)


def test_weights_above_62_bits_take_the_slow_form() -> None:
    """A sum of weights beyond 2^62 is divided all the same."""
    weights = np.array([2**62, 2**62, 2**62], dtype=np.int64)
    assert largest_remainder(weights, 100).tolist() == [34, 33, 33]


@pytest.mark.parametrize("pool", [1, 2**62])
def test_money_without_a_weight_is_an_error(pool: int) -> None:
    with pytest.raises(NothingToPayError, match="no play of a paying listener"):
        largest_remainder(np.zeros(3, dtype=np.int64), pool)
    with pytest.raises(NothingToPayError):
        largest_remainder_exact([0, 0], pool)


def test_no_money_needs_no_weight() -> None:
    assert largest_remainder(np.zeros(3, dtype=np.int64), 0).tolist() == [0, 0, 0]
    assert largest_remainder_exact([0], 0).tolist() == [0]


@pytest.mark.parametrize("pool", [-1, -100])
def test_a_negative_pool_is_refused(pool: int) -> None:
    """Corrections are divided as amounts and negated by the caller."""
    with pytest.raises(ValueError, match="negative"):
        largest_remainder(np.array([1, 2], dtype=np.int64), pool)


def test_a_negative_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        largest_remainder(np.array([3, -1], dtype=np.int64), 10)
