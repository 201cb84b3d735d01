"""The three factors, and the listeners they are made of."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import oracle_factors
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from months import months
from naive import NaiveMonth, run

from fairpay.pipeline.factors import ListenerSums
from fairpay.reports.explanation import Factors, bands
from fairpay.rules import find_rule

NEAR = Fraction(1, 10**12)
THREE = [("u1", "A", 6), ("u1", "B", 2), ("u2", "A", 1), ("u2", "B", 1), ("u3", "C", 40)]
"""The three users of the rule book."""


def chosen_of(month: NaiveMonth, artists: set[str]) -> np.ndarray:
    """bool[artists]."""
    return np.array([name in artists for name in month.names])


def people(month: NaiveMonth) -> list[tuple[Fraction, dict[str, Fraction]]]:
    """The listeners as the slow answer takes them."""
    return [(Fraction(u.fee), {month.names[j]: Fraction(x) for j, x in u.amounts.items()}) for u in month.listeners]


def factors_of(month: NaiveMonth, artists: set[str]) -> Factors | None:
    """What the pipeline makes of them."""
    chosen = chosen_of(month, artists)
    listening = Fraction(int(month.artist_amount[chosen].sum()), month.facts.amount)
    return ListenerSums.of(month, chosen).factors(month, listening)


def test_the_rule_books_three_users_by_hand() -> None:
    """A: 2 of 3 listeners play 7 of 50; they give it 6/8 and 1/2; all paid 1. 25/63 times 9/25 is UC 3/4 over 0.36."""
    found = factors_of(NaiveMonth(THREE, pool=300), {"A"})
    assert found is not None
    assert found.reach == Fraction(2, 3) / Fraction(7, 50)
    assert abs(found.share - Fraction(5, 8)) < NEAR
    assert abs(found.fees - 1) < NEAR
    assert abs(found.product - Fraction(125, 100) / Fraction(42, 100)) < NEAR


def test_fees_behind_the_listening_are_weighed_by_it() -> None:
    """u1 pays 3 and gives A 6/8, u2 pays 1 and gives it 1/2: (3 · 3/4 + 1/2) / (5/4) over the mean fee of 5/3."""
    found = factors_of(NaiveMonth(THREE, {"u1": 3}, pool=500), {"A"})
    assert found is not None
    assert abs(found.fees - Fraction(11, 5) / Fraction(5, 3)) < NEAR


@given(months(), st.data())
def test_the_product_is_user_centric_over_market_centric_for_any_fees_and_any_artists(
    month: NaiveMonth, data: st.DataObject
) -> None:
    artists = set(data.draw(st.lists(st.sampled_from(month.names), min_size=1)))
    assume(month.facts.fees)
    market, user = oracle_factors.both(people(month), artists)
    found = factors_of(month, artists)
    assert found is not None
    assert abs(found.product - user / market) <= NEAR * user / market


@given(months(), st.data())
def test_each_factor_is_what_its_definition_says(month: NaiveMonth, data: st.DataObject) -> None:
    artists = set(data.draw(st.lists(st.sampled_from(month.names), min_size=1)))
    assume(month.facts.fees)
    found = factors_of(month, artists)
    assert found is not None
    exactly = oracle_factors.factors(people(month), artists)
    for value, exact in zip((found.reach, found.share, found.fees), exactly, strict=True):
        assert abs(value - exact) <= NEAR * exact


@given(months(huge=True))
def test_of_huge_listening_and_fees_the_product_is_exact_to_2_to_the_59th_of_the_pool(month: NaiveMonth) -> None:
    assume(month.facts.fees)
    for name in month.names:
        market, user = oracle_factors.both(people(month), {name})
        found = factors_of(month, {name})
        assert found is not None
        assert abs(found.product * market - user) <= Fraction(1, 2**59)


@given(months(), st.integers(2, 5), st.integers(0, 9))
def test_sums_are_the_same_in_any_order_and_any_blocks(month: NaiveMonth, blocks: int, seed: int) -> None:
    chosen = chosen_of(month, {month.names[0]})
    assert ListenerSums.of(replace(month, blocks=blocks, seed=seed), chosen) == ListenerSums.of(month, chosen)


@given(months())
def test_what_is_paid_user_centric_is_the_product_of_what_is_paid_market_centric_to_a_rounded_unit(
    month: NaiveMonth,
) -> None:
    assume(month.facts.fees and month.facts.pool <= 10**12)
    market, user = (run(find_rule(name), month).tolist() for name in ("market-centric", "user-centric"))
    for place, name in enumerate(month.names):
        found = factors_of(month, {name})
        assert found is not None
        assert abs(user[place] - market[place] * found.product) <= 1 + found.product


def test_there_are_no_factors_where_no_listener_pays() -> None:
    assert factors_of(NaiveMonth([("u", "A", 1)], {"u": 0}), {"A"}) is None


def test_of_a_listener_who_pays_nothing_the_fees_are_nothing() -> None:
    found = factors_of(NaiveMonth([("u", "A", 1), ("v", "B", 1)], {"u": 0, "v": 9}), {"A"})
    assert found is not None
    assert found.fees == 0


@given(st.lists(st.integers(1, 40), min_size=1, max_size=60), st.integers(1, 4))
def test_deciles_count_listeners_by_how_many_listen_less(totals: list[int], blocks: int) -> None:
    """Somebody is above an edge who listens as much as the lightest of the heaviest nine, eight, ... tenths."""
    rows = [(f"u{i}", "A" if i % 2 else "B", total) for i, total in enumerate(totals)]
    month = NaiveMonth(rows, blocks=blocks)
    found = ListenerSums.of(month, chosen_of(month, {"A"}))
    heaviest = sorted(totals, reverse=True)
    edges = [heaviest[max(1, len(totals) * part // 10) - 1] for part in range(9, 0, -1)]
    expected = [0] * 10
    for total in totals[1::2]:
        expected[sum(total >= edge for edge in edges)] += 1
    assert list(found.by_decile) == expected
    assert sum(found.everybody) == len(totals)


@given(st.lists(st.integers(0, 9), min_size=10, max_size=10), st.integers(1, 12))
def test_a_band_has_at_least_k_listeners_and_none_is_lost(own: list[int], k: int) -> None:
    found = bands([9] * 10, own, range(1, 10), k=k)
    assert all(band.listeners >= k for band in found)
    assert sum(band.listeners for band in found) == (sum(own) if sum(own) >= k else 0)
    assert [band.first for band in found[1:]] == [band.last + 1 for band in found[:-1]]


@pytest.mark.parametrize(("own", "told"), [([4] + [0] * 9, 0), ([5] + [0] * 9, 1), ([5, 4] + [0] * 7 + [5], 2)])
def test_tenths_with_few_listeners_are_told_together(own: list[int], told: int) -> None:
    assert len(bands([9] * 10, own, range(1, 10), k=5)) == told
