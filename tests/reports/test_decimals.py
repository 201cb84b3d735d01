from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from fairpay.reports.tables import change_percent, decimals, shares

amounts = st.one_of(st.integers(0, 12), st.integers(0, 10**6), st.integers(0, 2**62))


def whole(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.sampled_from([0, 2, 3, 4]))
def test_units_become_the_decimal_they_stand_for(units: list[int], digits: int) -> None:
    made = decimals(whole(units), digits)
    made.validate(full=True)
    assert made.type == pa.decimal128(38, digits)
    assert made.to_pylist() == [Decimal(u).scaleb(-digits, context=None) for u in units]


def test_missing_values_are_null() -> None:
    made = decimals(whole([1, 2, 3]), 2, missing=np.array([False, True, False]))
    assert made.to_pylist() == [Decimal("0.01"), None, Decimal("0.03")]
    assert made.null_count == 1


@given(st.lists(st.tuples(amounts, amounts), min_size=1))
def test_change_percent_is_the_exact_fraction_rounded_half_to_even(pairs: list[tuple[int, int]]) -> None:
    before, after = (whole(list(side)) for side in zip(*pairs, strict=True))
    expected = [round(Fraction(b - a, a) * 100, 2) if a else None for a, b in pairs]
    got = change_percent(before, after).to_pylist()
    assert [None if x is None else Fraction(x) for x in got] == expected


def test_half_a_hundredth_of_a_percent_goes_to_the_even_neighbour() -> None:
    got = change_percent(whole([20_000, 20_000, 20_000]), whole([20_001, 20_003, 19_999]))
    assert [str(x) for x in got.to_pylist()] == ["0.00", "0.02", "0.00"]


def test_a_change_from_one_unit_to_2_62_is_not_cut_to_64_bits() -> None:
    assert change_percent(whole([1]), whole([2**62])).to_pylist() == [Decimal((2**62 - 1) * 100)]


@given(st.lists(amounts, min_size=1, max_size=9))
def test_shares_are_the_exact_fraction_of_the_pool_rounded_half_to_even(values: list[int]) -> None:
    paid = [v // len(values) for v in values]
    pool = sum(paid)
    got = shares(whole(paid), pool).to_pylist()
    assert [None if x is None else Fraction(x) for x in got] == [
        round(Fraction(p, pool), 10) if pool else None for p in paid
    ]
