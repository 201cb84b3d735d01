"""Own history and wishes divide one listener's money by their definitions, and lose nothing."""

from __future__ import annotations

from fractions import Fraction

import naive_layers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairpay.adjust.layering import (
    BLOCKED,
    LARGEST,
    Wishes,
    apportion,
    divide_listening,
    fitted,
    with_history,
    with_wishes,
)

AMOUNTS = st.dictionaries(st.sampled_from("abcdé"), st.integers(1, 10**6), min_size=1)
PAST = st.dictionaries(st.sampled_from("abcxyz"), st.integers(1, 500))
KAPPAS = st.sampled_from([Fraction(0), Fraction(1, 2), Fraction(20), Fraction(10**6)])
SHARES = st.sampled_from([Fraction(0), Fraction(1, 10), Fraction(1, 3), Fraction(1, 4)])


@given(own=AMOUNTS, past=PAST, kappa=KAPPAS, plays=st.integers(1, 1000))
def test_history_is_its_definition(own: dict[str, int], past: dict[str, int], kappa: Fraction, plays: int) -> None:
    """A past of kappa plays, of the listener's own mean length."""
    found = naive_layers.shares(with_history(own, plays=plays, past=past, kappa=kappa))
    k = kappa * sum(own.values()) / plays if past else Fraction(0)
    expected = naive_layers.history(own, past, k) if past else naive_layers.shares(own)
    assert found == {a: x for a, x in expected.items() if x}


def test_history_moves_halfway_when_it_counts_as_much_as_the_month() -> None:
    """Four plays of A this month, a past of B, kappa 4."""
    weights = with_history({"A": 4}, plays=4, past={"B": 7}, kappa=Fraction(4))
    assert naive_layers.shares(weights) == {"A": Fraction(1, 2), "B": Fraction(1, 2)}


@given(own=AMOUNTS, gifts=st.dictionaries(st.sampled_from("axy"), SHARES, max_size=3), boost=st.fractions(1, 9))
def test_wishes_are_their_definition(own: dict[str, int], gifts: dict[str, Fraction], boost: Fraction) -> None:
    """Gifts first, the rest by masked shares."""
    wishes = Wishes(gifts, {"b"}, {"c": boost})
    if set(own) <= {"b"}:
        return
    found = naive_layers.shares(with_wishes(own, past={}, wishes=wishes))
    expected = naive_layers.wishes(naive_layers.shares(own), gifts, {"b": Fraction(0), "c": boost})
    assert found == {a: x for a, x in expected.items() if x}


def test_a_gift_of_everything_leaves_nothing_for_what_was_played() -> None:
    """Lambda of 1."""
    assert with_wishes({"A": 3}, past={}, wishes=Wishes({"B": Fraction(1)})).keys() == {"B"}


@pytest.mark.parametrize(
    ("wishes", "past", "expected"),
    [
        (Wishes({"B": Fraction(1, 4)}, {"A"}), {"C": 1}, {"B"}),
        (Wishes({}, {"A"}), {"C": 1, "A": 5}, {"C"}),
        (Wishes({}, {"A"}), {"A": 5}, {BLOCKED}),
        (Wishes({}, {"A"}), {}, {BLOCKED}),
    ],
)
def test_where_everything_is_blocked_gifts_come_first_then_history_then_a_named_line(
    wishes: Wishes, past: dict[str, int], expected: set[str]
) -> None:
    assert set(with_wishes({"A": 3}, past=past, wishes=wishes)) == expected


@given(weights=AMOUNTS, total=st.integers(0, 2**62))
def test_units_are_divided_whole(weights: dict[str, int], total: int) -> None:
    units = apportion(weights, total)
    assert sum(units.values()) == total
    exact = naive_layers.shares(weights)
    assert all(abs(units.get(a, 0) - total * x) < 1 for a, x in exact.items())


def test_a_tie_goes_to_the_smaller_id() -> None:
    assert apportion({"b": 1, "a": 1, "é": 1}, 4) == {"a": 2, "b": 1, "é": 1}


@given(own=AMOUNTS, past=PAST, kappa=KAPPAS, gift=SHARES)
def test_all_layers_together_are_their_definitions_one_after_the_other(
    own: dict[str, int], past: dict[str, int], kappa: Fraction, gift: Fraction
) -> None:
    wishes = Wishes({"g": gift}, {"a", "b"}, {"c": Fraction(3)})
    found = divide_listening(own, plays=3, past=past, kappa=kappa, wishes=wishes)
    assert not {"a", "b"} & set(found)
    mixed = naive_layers.history(own, past, kappa * sum(own.values()) / 3) if past else naive_layers.shares(own)
    left = {a: x for a, x in mixed.items() if x and a not in {"a", "b"}}
    if left:
        expected = naive_layers.wishes(left, {"g": gift} if gift else {}, {"c": Fraction(3)})
        assert naive_layers.shares(found) == {a: x for a, x in expected.items() if x}


@given(weights=AMOUNTS, times=st.integers(1, 2**80))
def test_parts_that_fit_in_62_bits_are_kept_exactly(weights: dict[str, int], times: int) -> None:
    found, exact = fitted({a: x * times for a, x in weights.items()})
    assert exact
    assert naive_layers.shares(found) == naive_layers.shares(weights)


def test_finer_parts_are_cut_off_alike_and_none_is_lost() -> None:
    """2^90 + 1, twice, beside 1."""
    found, exact = fitted({"a": 2**90 + 1, "b": 2**90 + 1, "c": 1})
    assert not exact
    assert found["a"] == found["b"]
    assert found["c"] == 1
    assert 2**61 < sum(found.values()) <= LARGEST
