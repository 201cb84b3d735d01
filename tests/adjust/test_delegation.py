"""Delegated power is what its definition says, cycles among it, and no fee is lost."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import naive_layers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairpay.adjust.payers import delegate

HALF, ALL = Fraction(1, 2), Fraction(1)


@st.composite
def delegations(draw: Any) -> tuple[dict[str, int], dict[str, dict[str, Fraction]]]:  # noqa: ANN401
    """Some subscribers, some of whom delegate to some others."""
    users = [f"u{i}" for i in range(draw(st.integers(2, 5)))]
    fees = {u: draw(st.sampled_from([0, 999, 999, 1499, 10**9])) for u in users}
    shares: dict[str, dict[str, Fraction]] = {}
    for user in draw(st.lists(st.sampled_from(users), unique=True)):
        others = draw(st.lists(st.sampled_from([u for u in users if u != user]), unique=True, min_size=1, max_size=3))
        shares[user] = {v: Fraction(draw(st.integers(1, 4)), 4 * len(others)) for v in others}
    return fees, shares


@settings(max_examples=25 if settings.default.derandomize else 100)  # few by day, more in the nightly search
@given(
    given_=delegations(),
    d=st.sampled_from([Fraction(0), HALF, Fraction(4, 5)]),
    cap=st.sampled_from([HALF, Fraction(5)]),
)
def test_delegation_is_its_definition(
    given_: tuple[dict[str, int], dict[str, dict[str, Fraction]]], d: Fraction, cap: Fraction
) -> None:
    """The fixed point in fractions, as near as the slow answer itself comes, and the fees in all unchanged."""
    fees, shares = given_
    found, unit = delegate(fees, shares, viscosity=d, cap=cap)
    assert sum(found.values()) == sum(fees.values()) * unit <= 2**62
    assert min(found.values()) >= 0
    exact = naive_layers.delegation(fees, shares, d, cap)
    assert all(abs(Fraction(found[u], unit) - exact[u]) <= Fraction(1 + fees[u], 10**7) for u in fees)


def test_a_cycle_between_equals_changes_nothing() -> None:
    fees = {"a": 1000, "b": 1000}
    shares = {"a": {"b": HALF}, "b": {"a": HALF}}
    assert delegate(fees, shares, viscosity=Fraction(9, 10), cap=Fraction(100)) == (fees, 1)


def test_power_fades_with_every_step() -> None:
    """Half of 1,000 reaches b, a quarter of 1,000 and half of b's own reach c."""
    fees = {"a": 1000, "b": 1000, "c": 1000}
    shares = {"a": {"b": ALL}, "b": {"c": ALL}}
    assert delegate(fees, shares, viscosity=HALF, cap=Fraction(100)) == ({"a": 500, "b": 750, "c": 1750}, 1)


def test_what_a_capped_delegate_cannot_take_returns_to_the_delegators() -> None:
    """Ten delegators of 1,000, a delegate who may receive two fees."""
    fees = {f"u{i}": 1000 for i in range(10)} | {"star": 1000}
    shares = {f"u{i}": {"star": ALL} for i in range(10)}
    found, unit = delegate(fees, shares, viscosity=HALF, cap=Fraction(2))
    assert unit == 1
    assert found["star"] == 3000
    assert {found[f"u{i}"] for i in range(10)} == {800}


@pytest.mark.parametrize("viscosity", [Fraction(0), Fraction(99, 100)])
def test_nobody_delegating_changes_nothing(viscosity: Fraction) -> None:
    assert delegate({"a": 5}, {}, viscosity=viscosity, cap=ALL) == ({"a": 5}, 1)


def test_what_is_steered_is_not_rounded_to_minor_units() -> None:
    """A third of the half that arrives of 9.99: 1.665."""
    found, unit = delegate({"a": 999, "b": 999}, {"a": {"b": Fraction(1, 3)}}, viscosity=HALF, cap=Fraction(5))
    assert (found, unit) == ({"a": 1665, "b": 2331}, 2)


def test_what_no_unit_of_the_room_holds_is_divided_in_the_finest_that_does() -> None:
    shares = {"a": {"b": Fraction(1, 3)}, "b": {"c": Fraction(1, 3)}}
    found, unit = delegate({"a": 1, "b": 1, "c": 1}, shares, viscosity=HALF, cap=Fraction(5), room=12)
    assert (unit, sum(found.values())) == (4, 12)
