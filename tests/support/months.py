"""Months for hypothesis: ties, zero fees, huge and tiny amounts, one user, one artist."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import naive
from hypothesis import strategies as st

SMALL = st.sampled_from([1, 1, 1, 2, 2, 3, 5, 8, 40, 1000, 30_000, 3_600_000])
HUGE = st.integers(1, 2**57)
FEES = st.sampled_from([0, 1, 1, 500, 999, 999, 1499])
RATES = st.sampled_from([Fraction(1), Fraction(7, 10), Fraction(1, 2), Fraction(2, 3)])
POOLS = st.one_of(st.integers(0, 300), st.sampled_from([0, 1, 99_999, 10**9 + 7, 2**62]))


@st.composite
def months(draw: Any, *, huge: bool = False) -> naive.NaiveMonth:  # noqa: ANN401 - hypothesis draws anything
    """A month whose pool is the royalty part of the fees, or a stated pool with fees of one each."""
    users = [f"u{i}" for i in range(draw(st.integers(1, 6)))]
    artists = draw(st.lists(st.sampled_from(["a", "b", "c", "é", "z", "10", "9"]), min_size=1, max_size=5, unique=True))
    amounts = HUGE if huge else SMALL
    rows = [
        (u, a, draw(amounts)) for u in users for a in draw(st.lists(st.sampled_from(artists), min_size=1, max_size=4))
    ]
    rate = draw(RATES)
    if draw(st.booleans()):
        return naive.NaiveMonth(rows, {}, pool=draw(POOLS), rate=rate, fees_are_money=False)
    fees = {u: draw(HUGE if huge else FEES) for u in users}
    return naive.NaiveMonth(rows, fees, pool=round(rate * sum(fees.values())), rate=rate)
