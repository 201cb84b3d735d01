"""Who steers the pool, and where a typical listener's money goes."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import NaiveMonth

from fairpay.kernels.split import count_kept
from fairpay.pipeline import measures
from fairpay.pipeline.division import divide
from fairpay.pipeline.measures import kth_largest, steered
from fairpay.rules import find_rule

MARKET, USER = find_rule("market-centric"), find_rule("user-centric")


def month_of(totals: list[int], *, blocks: int = 1) -> NaiveMonth:
    """Return a month of users who each play an artist of their own, and pay 1."""
    rows = [(f"u{i}", f"a{i:03}", total) for i, total in enumerate(totals)]
    return NaiveMonth(rows, pool=100 * len(totals), blocks=blocks, fees_are_money=False)


@given(st.lists(st.integers(1, 2**40) | st.integers(1, 5), min_size=1, max_size=40), st.data())
def test_the_kth_largest_is_found_without_sorting_all(totals: list[int], data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, len(totals)))
    month = month_of(totals, blocks=data.draw(st.integers(1, 5)))
    assert kth_largest(month, "total", rank) == sorted(totals, reverse=True)[rank - 1]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(1, 5), st.sampled_from([1, 10, 50]))
def test_the_heaviest_steer_their_share_of_listening(totals: list[int], blocks: int, part: int) -> None:
    """Under market-centric it is their listening; under user-centric, with equal fees, their number."""
    month = month_of(totals, blocks=blocks)
    rank = max(1, len(totals) * part // 100)
    asked = [(rule, rule.prepare(month)) for rule in (MARKET, USER)]
    heavy = Fraction(sum(sorted(totals, reverse=True)[:rank]), sum(totals))
    assert steered(month, asked, [Fraction(part, 100)]) == {MARKET: [heavy], USER: [Fraction(rank, len(totals))]}


def test_what_strays_is_what_the_pot_pays_to_artists_never_played() -> None:
    """One artist each: the pot sends nine tenths of the lighter listener's money elsewhere, user-centric nothing."""
    division = divide(month_of([1, 9]), (MARKET, USER))
    market, user = division.payouts
    assert user.stray == 0
    assert market.stray is not None
    assert abs(market.stray - Fraction(9, 10)) <= Fraction(1, 1 << 15)


def test_stray_money_is_the_median_of_each_subscribers_own() -> None:
    """Of 1, 2 and 9 paid, market-centric sends 11/12, 10/6 and 9/4 or so elsewhere; the median fee is 2."""
    month = NaiveMonth(
        [("u", "A", 1), ("v", "B", 1), ("w", "C", 8)], fees={"u": 1, "v": 2, "w": 9}, pool=12, rate=Fraction(1)
    )
    (market,) = divide(month, (MARKET,)).payouts
    paid = market.allocation.paid.tolist()
    own = sorted(fee * Fraction(12 - part, 12) for fee, part in zip((1, 2, 9), paid, strict=True))
    assert market.stray is not None
    assert abs(market.stray * 2 - own[1]) <= Fraction(1, 1 << 14)


@given(
    st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=4, unique=True), min_size=1, max_size=9),
    st.lists(st.lists(st.integers(0, 2**40), min_size=4, max_size=4).filter(any), min_size=1, max_size=3),
)
def test_users_are_counted_by_what_their_artists_are_paid(played: list[list[int]], columns: list[list[int]]) -> None:
    """Column by column, as a loop counts; the last bin is for all of the pool."""
    value, pool = np.array(columns, dtype=np.int64).T, max(map(sum, columns))
    start = np.cumsum([0, *map(len, played)])
    artist = np.concatenate(played).astype(np.uint32)
    counts = np.zeros((len(columns), 8), dtype=np.int64)
    fee = np.ones(len(played), dtype=np.int64)
    count_kept(start, artist, fee, 1, np.ascontiguousarray(value), float(pool), counts)
    bins = [[min(int(sum(column[a] for a in mine) / pool * 7), 7) for mine in played] for column in columns]
    assert counts.tolist() == [[row.count(b) for b in range(8)] for row in bins]


@pytest.mark.parametrize("room", [0, 1 << 28])
def test_payouts_that_may_not_be_held_twice_are_looked_up_one_by_one(
    room: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(measures, "TOGETHER", room)
    rules = (MARKET, find_rule("equal-split"), find_rule("weighted"), find_rule("user-cap:cap=2"))
    strays = [payout.stray for payout in divide(month_of([1, 9, 4]), rules).payouts]
    assert strays[1] == 0
    assert [float(stray or 0) for stray in strays] == pytest.approx([5 / 7, 0, 2 / 3, 3 / 5], abs=2e-3)


def test_the_mcdonald_ratio_compares_artists_of_heavy_and_light_listeners() -> None:
    """The heavy listener's artist has 9 plays, the light one's 1."""
    assert divide(month_of([1, 9]), (MARKET, USER)).mcdonald == 9


def test_the_mcdonald_ratio_needs_both_kinds_of_listeners() -> None:
    assert divide(month_of([3, 3]), (MARKET, USER)).mcdonald is None
