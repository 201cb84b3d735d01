"""The geometric median is as precise as it says, in decimals and in floats, and knows neither names nor blocks."""

from __future__ import annotations

import random
from dataclasses import replace
from fractions import Fraction

import naive
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from months import months

from fairpay.rules import find_rule
from fairpay.rules.solvers.decimals import is_small
from fairpay.rules.solvers.newton import Solution, solve
from fairpay.rules.solvers.weiszfeld import mean_point, on_a_line

RULE = find_rule("geometric-median")
FLAT = naive.NaiveMonth(
    [("u0", "a", 1), ("u1", "a", 3), ("u1", "b", 1), ("u2", "a", 2), ("u2", "c", 1)],
    {"u0": 1, "u1": 500, "u2": 500},
    pool=1001,
)
"""Two listeners of equal weight, and one who pays 1 and decides where between them the optimum lies."""
BALANCED = naive.NaiveMonth(
    [("u0", "a", 1), ("u1", "a", 3_600_000), ("u1", "c", 1), ("u2", "b", 1), ("u3", "b", 1)], {}, pool=100
)
"""Two against two, who pull in directions that differ by a part in ten million: the force lacks one in 10^14."""


def large(
    seed: int, *, blocks: int = 1, shuffle: int | None = None, rename: dict[str, str] | None = None
) -> naive.NaiveMonth:
    """Sixty listeners of thirty artists: too many for decimals."""
    drawn = random.Random(seed)  # noqa: S311 - made-up listening
    names = [f"a{j:02}" for j in range(30)]
    rows = [
        (f"u{i:02}", artist, drawn.choice([1, 2, 5, 40, 3000]))
        for i in range(60)
        for artist in drawn.sample(names, drawn.choice([1, 1, 2, 3, 8]))
    ]
    fees = {f"u{i:02}": drawn.choice([500, 999, 1499]) for i in range(60)}
    renamed = [(user, rename[artist] if rename else artist, amount) for user, artist, amount in rows]
    return naive.NaiveMonth(renamed, fees, pool=10**10, blocks=blocks, seed=shuffle)


def in_floats(month: naive.NaiveMonth) -> Solution | None:
    """What larger months get; None where users are on a line, or nearly."""
    mean = mean_point(month)
    return None if on_a_line(month, mean) is not None else solve(month, mean, within=1e-10)


def exactly(month: naive.NaiveMonth) -> np.ndarray:
    """The slow answer's shares."""
    found = naive.exact(RULE, month.listeners, artists=len(month.names), pool=Fraction(1))
    return np.array([float(share) for share in found])


def test_one_small_fee_decides_where_two_large_ones_balance() -> None:
    """A small gap in the objective would leave hundreds of minor units open here."""
    assert naive.run(RULE, FLAT).tolist() == [732, 192, 77]


def test_floats_find_a_flat_optimum() -> None:
    found = in_floats(FLAT)
    assert found is not None
    assert found.error < 1e-9
    assert np.abs(found.point - exactly(FLAT)).max() < 1e-10


def test_a_force_that_lacks_a_part_in_ten_to_the_fourteen_is_seen() -> None:
    assert not RULE.prepare(BALANCED).point[[0, 2]].any()
    assert naive.run(RULE, BALANCED).tolist() == [0, 100, 0]


def test_a_user_who_is_not_the_optimum_stops_no_search() -> None:
    """Newton steps get stuck at the user (1/2, 1/2) unless they start from below the objective there."""
    plays = {"u0": {"A": 40, "B": 2, "C": 1, "D": 1}, "u1": {"B": 1}, "u2": {"A": 1, "B": 1}, "u3": {"A": 1}}
    month = naive.NaiveMonth(naive.rows_of(plays), {"u0": 5, "u1": 5, "u2": 1, "u3": 1}, pool=12 * 10**6)
    assert naive.run(RULE, month).tolist() == [7367251, 4378729, 127010, 127010]


@settings(max_examples=60, deadline=None)
@given(month=months())
def test_floats_are_as_precise_as_they_say(month: naive.NaiveMonth) -> None:
    """Against the slow answer in 60 digits, ten times the stated error at most."""
    if not month.facts.fees:
        return
    found = in_floats(month)
    if found is not None:
        assert np.abs(found.point - exactly(month)).max() <= 10 * max(found.error, 1e-10)


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.nightly) for seed in (2, 3))])
def test_a_larger_month_is_found_to_1e_10(seed: int) -> None:
    month = large(seed)
    assert not is_small(month)
    found = RULE.prepare(month)
    assert found.exact or found.error <= 1e-10
    assert np.abs(found.point - exactly(month)).max() <= 1e-10


@pytest.mark.parametrize("seed", range(4))
def test_names_move_a_larger_month_by_a_minor_unit_at_most(seed: int) -> None:
    names = [f"a{j:02}" for j in range(30)]
    new = dict(zip(names, random.Random(seed).sample(names, 30), strict=True))  # noqa: S311 - made-up names
    month, renamed = large(seed), large(seed, rename=new)
    was = dict(zip(month.names, naive.run(RULE, month).tolist(), strict=True))
    now = dict(zip(renamed.names, naive.run(RULE, renamed).tolist(), strict=True))
    assert max(abs(now[new[artist]] - amount) for artist, amount in was.items()) <= 1


@pytest.mark.parametrize("blocks", [2, 5, 60])
def test_blocks_and_order_change_no_byte_of_a_larger_month(blocks: int) -> None:
    one, other = RULE.prepare(large(1)), RULE.prepare(large(1, blocks=blocks, shuffle=blocks))
    assert one.point.tobytes() == other.point.tobytes()
    assert one.error == other.error


@settings(max_examples=60, deadline=None)
@given(month=months(), data=st.data())
def test_names_mean_nothing_in_a_small_month(month: naive.NaiveMonth, data: st.DataObject) -> None:
    new = dict(zip(month.names, data.draw(st.permutations(month.names)), strict=True))
    renamed = replace(month, rows=[(user, new[artist], amount) for user, artist, amount in month.rows])
    was, now = RULE.prepare(month).point, RULE.prepare(renamed).point
    moved = [now[renamed.names.index(new[artist])] for artist in month.names]
    assert np.abs(was - moved).max() <= 1e-15


def test_a_balance_that_floats_cannot_judge_is_said_to_be_one() -> None:
    remarks = RULE.remarks(Solution(np.ones(1), 1.0))
    assert "balance" in remarks[-1]
