"""Who steers the pool, and where a typical listener's money goes."""

from __future__ import annotations

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st
from naive import NaiveMonth

from fairpay.division import divide
from fairpay.measures import kth_largest, steered
from fairpay.rules import find_rule

MARKET, USER = find_rule("market-centric"), find_rule("user-centric")


def month_of(totals: list[int], *, blocks: int = 1) -> NaiveMonth:
    """Return a month of users who each play an artist of their own, and pay 1."""
    rows = [(f"u{i}", f"a{i:03}", total) for i, total in enumerate(totals)]
    return NaiveMonth(rows, pool=100 * len(totals), blocks=blocks, fees_are_money=False)


@given(st.lists(st.integers(1, 2**40) | st.integers(1, 5), min_size=1, max_size=40), st.data())
def test_the_kth_largest_is_found_without_sorting_all(totals: list[int], data: st.DataObject) -> None:
    """Two passes over bins give what sorting gives, in any blocks."""
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
    assert steered(month, asked, [Fraction(part, 100)]) == [[heavy, Fraction(rank, len(totals))]]


def test_what_strays_is_what_the_pot_pays_to_artists_never_played() -> None:
    """One artist each: the pot sends nine tenths of the lighter listener's money elsewhere, user-centric nothing."""
    division = divide(month_of([1, 9]), (MARKET, USER))
    market, user = division.payouts
    assert user.stray == 0
    assert market.stray is not None
    assert abs(market.stray - Fraction(9, 10)) <= Fraction(1, 1 << 15)


def test_the_mcdonald_ratio_compares_artists_of_heavy_and_light_listeners() -> None:
    """The heavy listener's artist has 9 plays, the light one's 1."""
    assert divide(month_of([1, 9]), (MARKET, USER)).mcdonald == 9


def test_the_mcdonald_ratio_needs_both_kinds_of_listeners() -> None:
    """Equal listeners are all the same kind."""
    assert divide(month_of([3, 3]), (MARKET, USER)).mcdonald is None
