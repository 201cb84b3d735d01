"""Largest remainder: exact, and the same in the fast and in the slow form."""

from __future__ import annotations

from fractions import Fraction

import naive
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairpay.errors import NothingToPayError
from fairpay.money.rounding import largest_remainder, largest_remainder_exact, largest_remainder_mixed

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


COUNTS = st.integers(0, 3) | st.integers(0, 2**40) | st.integers(0, 2**58)
SHARES = st.integers(0, 2) | st.fractions(0, 1, max_denominator=10**9)


@given(
    pairs=st.lists(st.tuples(COUNTS, COUNTS), min_size=1, max_size=12).filter(
        lambda pairs: all(any(x[i] for x in pairs) for i in (0, 1))
    ),
    share=SHARES.filter(bool),
    pool=POOLS,
)
def test_two_weights_together_are_divided_as_exact_fractions_say(
    pairs: list[tuple[int, int]], share: Fraction, pool: int
) -> None:
    rows = np.array(pairs, dtype=np.int64).T
    factors = (Fraction(1, sum(rows[0].tolist())), Fraction(share, sum(rows[1].tolist())))
    together = [factors[0] * a + factors[1] * b for a, b in pairs]
    found = largest_remainder_mixed((rows[0], rows[1]), factors, pool)
    assert found.tolist() == naive.round_by_largest_remainder(together, pool)


def test_many_equal_remainders_of_two_weights_go_to_the_first() -> None:
    rows = (np.full(1000, 7), np.full(1000, 11))
    found = largest_remainder_mixed(rows, (Fraction(9, 70_000), Fraction(1, 110_000)), 1_234_567)
    assert found.tolist() == [1235] * 567 + [1234] * 433


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
    with pytest.raises(NothingToPayError):
        largest_remainder_mixed((np.zeros(2, dtype=np.int64),), (Fraction(1),), pool)


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
