"""The last minor units go where exact fractions say, however near the tie."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive import NaiveMonth, exact, round_by_largest_remainder, run

from fairpay import ties
from fairpay.division import divide
from fairpay.rules import find_rule

RULES = ("user-centric", "equal-split")
rows = st.lists(
    st.tuples(st.sampled_from("uvwxyz"), st.sampled_from("ABCDEFG"), st.integers(1, 3)), min_size=1, max_size=30
)


def test_a_tie_that_rounding_to_units_breaks_goes_to_the_smaller_id() -> None:
    """A and B are both owed exactly half a cent more; the units of u's split favour B."""
    month = NaiveMonth([("u", "A", 7), ("u", "B", 3), ("v", "A", 1)], pool=7_114_950, fees_are_money=False)
    assert run(find_rule("user-centric"), month).tolist() == [6_047_708, 1_067_242]


@pytest.mark.parametrize("name", RULES)
@given(rows=rows, pool=st.integers(1, 40) | st.integers(1, 2**61), blocks=st.integers(1, 3), seed=st.integers(0, 9))
def test_months_full_of_ties_are_paid_as_exact_fractions_say(
    name: str, rows: list[tuple[str, str, int]], pool: int, blocks: int, seed: int
) -> None:
    """Small counts, small and huge pools: every artist to the unit."""
    month = NaiveMonth(rows, pool=pool, blocks=blocks, seed=seed, fees_are_money=False)
    rule = find_rule(name)
    shares = exact(rule, month.listeners, artists=len(month.names), pool=Fraction(pool), rate=Fraction(1))
    assert run(rule, month).tolist() == round_by_largest_remainder(shares, pool)


ALL = ("user-centric", "market-centric", "equal-split", "weighted", "norm", "top-artist")


@pytest.mark.parametrize("most_entries", [1, 3, 1 << 31])
@given(rows=rows, pool=st.integers(1, 40) | st.integers(1, 2**61), blocks=st.integers(1, 3))
def test_rules_settled_together_pay_what_each_pays_alone(
    most_entries: int, rows: list[tuple[str, str, int]], pool: int, blocks: int
) -> None:
    """However often digits have to be carried on the way."""
    month = NaiveMonth(rows, pool=pool, blocks=blocks, fees_are_money=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ties, "MOST_ENTRIES", most_entries)
        together = divide(month, [find_rule(name) for name in ALL]).payouts
    assert [payout.allocation.paid.tolist() for payout in together] == [
        run(find_rule(name), month).tolist() for name in ALL
    ]
