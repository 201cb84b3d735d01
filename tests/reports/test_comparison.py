from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from outcomes import outcome

from fairpay.money.currency import Currency
from fairpay.reports.tables import comparison, payouts

TWO = {"market-centric": [500, 300, 200], "user-centric": [400, 300, 300]}


def test_the_columns_are_those_of_the_design_in_order() -> None:
    table = next(comparison(outcome(TWO)))
    assert table.column_names == [
        *("artist", "plays", "seconds", "listeners", "market_centric", "user_centric"),
        *("user_centric_difference", "user_centric_change_percent", "fan_intensity", "currency"),
    ]


def test_a_third_rule_gets_its_own_difference_and_change() -> None:
    table = next(comparison(outcome({**TWO, "trial": [1000, 0, 0]})))
    assert table.column_names[4:7] == ["market_centric", "user_centric", "trial"]
    assert table.column_names[7:11] == [
        *("user_centric_difference", "user_centric_change_percent", "trial_difference", "trial_change_percent"),
    ]
    assert table["trial_difference"].to_pylist() == [Decimal("5.00"), Decimal("-3.00"), Decimal("-2.00")]


def test_names_stand_beside_the_ids_only_where_an_artist_file_was_given() -> None:
    table = next(comparison(outcome(TWO, names={"a0002": "Zoë", "a0000": "=1+1"})))
    assert table.column_names[:2] == ["artist", "name"]
    assert table["name"].to_pylist() == ["=1+1", None, "Zoë"]


def test_amounts_are_decimals_with_the_digits_of_the_currency() -> None:
    for digits, text in ((0, "500"), (2, "5.00"), (3, "0.500")):
        table = next(comparison(outcome(TWO, currency=Currency("XXX", digits))))
        assert table.schema.field("market_centric").type == pa.decimal128(38, digits)
        assert str(table["market_centric"][0].as_py()) == text


def test_rows_stand_by_the_first_payout_and_ties_by_the_bytes_of_the_id() -> None:
    table = next(comparison(outcome({"market-centric": [5, 9, 5, 5]}, artist=["a", "b", "é", "\U0001f3b5"])))
    assert table["artist"].to_pylist() == ["b", "a", "é", "\U0001f3b5"]


def test_two_rules_with_one_column_name_do_not_clash() -> None:
    clash = [("market-centric", [3, 4]), ("trial:force=b.c", [4, 3]), ("trial:force=b/c", [5, 2])]
    table = next(comparison(outcome(clash)))
    assert "trial_force_b_c" in table.column_names
    assert "trial_force_b_c_2" in table.column_names
    assert "trial_force_b_c_2_difference" in table.column_names
    assert len(set(table.column_names)) == len(table.column_names)


def test_seconds_are_exact_and_null_where_the_log_has_no_duration() -> None:
    assert [str(x) for x in next(comparison(outcome(TWO)))["seconds"].to_pylist()] == ["0.000", "1.001", "2.002"]
    silent = next(comparison(outcome(TWO, ms=None)))["seconds"]
    assert silent.null_count == 3
    assert silent.type == pa.decimal128(38, 3)


weights = st.integers(0, 2**40)


@given(st.lists(st.tuples(weights, weights), min_size=1, max_size=8))
def test_fan_intensity_is_the_ratio_of_the_two_shares(pairs: list[tuple[int, int]]) -> None:
    market, user = (list(side) for side in zip(*pairs, strict=True))
    made = outcome({"market-centric": [1] * len(pairs)}, market_weight=market, user_weight=user)
    got = next(comparison(made))["fan_intensity"].to_pylist()
    for m, u, value in zip(market, user, got, strict=True):
        if u == 0:
            assert value is None
        else:
            exact = Fraction(m, max(1, sum(market))) / Fraction(u, sum(user))
            assert math.isclose(value, exact, rel_tol=1e-12, abs_tol=0.50001e-4)


def test_fan_intensity_of_weights_near_2_62_does_not_wrap() -> None:
    made = outcome({"market-centric": [1, 1]}, market_weight=[2**61, 2**61], user_weight=[2**61, 2**60])
    assert next(comparison(made))["fan_intensity"].to_pylist() == [0.75, 1.5]


def test_a_payable_report_has_the_columns_of_the_design_and_shares_of_the_pool() -> None:
    table = next(payouts(outcome({"user-centric": [1, 5, 2]})))
    assert table.column_names == ["artist", "plays", "seconds", "listeners", "payout", "share", "currency"]
    assert table["artist"].to_pylist() == ["a0001", "a0002", "a0000"]
    assert [str(x) for x in table["share"].to_pylist()] == ["0.6250000000", "0.2500000000", "0.1250000000"]


def test_an_outcome_with_many_artists_is_laid_out_as_the_sorted_list() -> None:
    paid = np.random.default_rng(3).integers(0, 50, 3_000).tolist()
    table = next(comparison(outcome({"market-centric": paid, "user-centric": paid[::-1]})))
    order = sorted(range(3_000), key=lambda i: (-paid[i], i))
    assert table["artist"].to_pylist() == [f"a{i:04d}" for i in order]
    assert table["plays"].to_pylist() == [i + 1 for i in order]
    assert table["user_centric"].to_pylist() == [Decimal(paid[2_999 - i]) / 100 for i in order]
