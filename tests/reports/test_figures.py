from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairpay.reports.figures import bands, gini, largest_gains, largest_losses, shift, tiers, top_share
from fairpay.reports.outcome import MergedLines

payouts = st.lists(st.one_of(st.integers(0, 5), st.integers(0, 2**55)), min_size=1, max_size=120)


def whole(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def with_same_sum(pair: tuple[list[int], list[int]]) -> tuple[list[int], list[int]]:
    """Cut two lists to one length and level their sums."""
    a, b = (side[: min(map(len, pair))] for side in pair)
    a[0] += max(0, sum(b) - sum(a))
    b[0] += max(0, sum(a) - sum(b))
    return a, b


pairs = st.tuples(payouts, payouts).map(with_same_sum)


@given(payouts)
def test_gini_is_the_formula_of_the_field_in_fractions(values: list[int]) -> None:
    total, n = sum(values), len(values)
    ranked = sum(i * x for i, x in enumerate(sorted(values), start=1))
    expected = Fraction(2 * ranked, n * total) - Fraction(n + 1, n) if total else None
    assert gini(whole(values)) == expected


def test_gini_of_equal_payouts_is_0_and_of_one_winner_in_four_3_quarters() -> None:
    assert gini(whole([7, 7, 7])) == 0
    assert gini(whole([0, 9, 0, 0])) == Fraction(3, 4)


def test_gini_does_not_wrap_where_rank_times_payout_leaves_64_bits() -> None:
    assert gini(whole([2**60] * 4)) == 0


@given(payouts, st.sampled_from([1, 10, 50]))
def test_top_share_counts_the_floor_of_the_artists_and_at_least_one(values: list[int], percent: int) -> None:
    best = sorted(values, reverse=True)[: max(1, len(values) * percent // 100)]
    assert top_share(whole(values), percent) == (Fraction(sum(best), sum(values)) if sum(values) else None)


@given(pairs)
def test_moved_is_half_the_sum_of_the_differences(pair: tuple[list[int], list[int]]) -> None:
    a, b = pair
    got = shift(whole(a), whole(b))
    differences = [y - x for x, y in zip(a, b, strict=True)]
    assert got.moved == Fraction(sum(map(abs, differences)), 2)
    assert got.share == (Fraction(got.moved, sum(a)) if sum(a) else None)
    assert (got.gainers, got.losers) == (sum(d > 0 for d in differences), sum(d < 0 for d in differences))
    assert got.gainers + got.losers + got.unchanged == len(a)


def test_what_the_platform_gains_or_loses_changes_hands_too() -> None:
    """One artist gains 2 and another loses 3: the platform withholds 1 more."""
    before, after = np.array([5, 5]), np.array([7, 2])
    assert shift(before, after).moved == 3


@given(pairs, st.integers(1, 12))
def test_the_largest_gains_are_the_first_of_all_gains_sorted_ties_by_id(
    pair: tuple[list[int], list[int]], count: int
) -> None:
    a, b = pair
    gains = sorted((x - y, i) for i, (x, y) in enumerate(zip(a, b, strict=True)) if y > x)
    assert largest_gains(whole(a), whole(b), count=count) == [i for _, i in gains[:count]]
    assert largest_losses(whole(b), whole(a), count=count) == [i for _, i in gains[:count]]


@given(pairs)
def test_tiers_cover_every_artist_and_every_cent_once(pair: tuple[list[int], list[int]]) -> None:
    a, b = pair
    order = sorted(range(len(a)), key=lambda i: (-a[i], i))
    found = tiers(whole(order), whole(a), whole(b))
    edges = [0, 10, 100, 1_000, 10_000, None]
    for tier, start, end in zip(found, edges, edges[1:], strict=False):
        members = order[start:end]
        assert (tier.artists, tier.before, tier.after) == (
            len(members),
            sum(a[i] for i in members),
            sum(b[i] for i in members),
        )
    assert sum(t.artists for t in found) == len(a)


def test_a_tier_that_had_nothing_has_no_change_to_speak_of() -> None:
    (top, *_) = tiers(whole([0]), whole([0]), whole([0]))
    assert top.change is None


def test_a_change_of_exactly_40_per_cent_is_in_the_outer_band_and_a_unit_less_in_the_next() -> None:
    before = [100, 100, 100, 100, 100, 100, 7, 0, 0, 3]
    after = [60, 61, 91, 110, 139, 140, 14, 5, 0, 3]
    found = bands(whole(before), whole(after)).bands
    assert [(band.name, band.artists, band.before, band.after) for band in found] == [
        ("loses 40 % or more", 1, 100, 60),
        ("loses 10 % to 40 %", 1, 100, 61),
        ("changes by less than 10 %", 2, 103, 94),
        ("gains 10 % to 40 %", 2, 200, 249),
        ("gains 40 % to 100 %", 1, 100, 140),
        ("gains 100 % or more", 1, 7, 14),
        ("paid nothing before", 1, 0, 5),
        ("paid nothing under both", 1, 0, 0),
    ]


def test_who_gains_much_are_those_from_40_per_cent_on_and_those_paid_nothing_before() -> None:
    changed = bands(whole([10, 10, 10, 0, 0]), whole([14, 20, 1, 1, 0]))
    assert (changed.paid, changed.gain_much, changed.lose_much) == (4, 3, 1)


@given(pairs)
def test_bands_go_by_the_exact_change_also_of_amounts_near_64_bits(pair: tuple[list[int], list[int]]) -> None:
    a, b = pair

    def band_of(x: int, y: int) -> int:
        if not x:
            return 6 if y else 7
        change = Fraction(y - x, x)
        edges = [Fraction(step, 100) for step in (10, 40, 100)]
        if change < 0:
            return 2 - sum(-change >= edge for edge in edges[:2])
        return 2 + sum(change >= edge for edge in edges)

    places = [band_of(x, y) for x, y in zip(a, b, strict=True)]
    found = bands(whole(a), whole(b)).bands
    assert [band.artists for band in found] == [places.count(k) for k in range(8)]
    assert [band.after for band in found] == [
        sum(y for y, p in zip(b, places, strict=True) if p == k) for k in range(8)
    ]


def test_merged_lines_of_several_artists_are_a_band_of_their_own() -> None:
    lines = MergedLines(whole([1, 5, 1]), whole([0, 0, 0]), ("all",))
    found = bands(whole([10, 10, 0]), whole([5, 15, 0]), lines).bands
    assert [(band.name, band.artists) for band in found if band.artists] == [
        ("loses 40 % or more", 1),
        ("paid nothing under both", 1),
        ("in merged lines", 5),
    ]
