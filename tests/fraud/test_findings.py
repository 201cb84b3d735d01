from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traced import sketched

from fairpay.fraud.detect.findings import Evidence, find_groups, group_name, moved, nearest, percentiles, rank
from fairpay.fraud.signals import Group, GroupSignal, UserSignal
from fairpay.money.currency import round_half_even
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.fraud.detect.findings import FoundSubjects, Near
    from fairpay.fraud.signals import Floats
    from fairpay.fraud.traces import Sketches


class Fixed(UserSignal):
    """A signal whose levels are fixed."""

    name = "fixed"
    aspect = "amount"
    together, alone = 2.0, 4.0
    says = "is {value:.0f}"


class Other(Fixed):
    """The same of another aspect, where small values count."""

    name = "other"
    aspect = "rest"
    together, alone = -2.0, -4.0
    low = True


class Same(Fixed):
    """The first again, by another name."""

    name = "same"


def ranked_by(signals: Sequence[UserSignal], values: Mapping[str, Sequence[float] | Floats]) -> FoundSubjects:
    """Rank users of whom so much was measured, who all play once."""
    size = len(next(iter(values.values())))
    ids = pl.Series([f"u{number}" for number in range(size)], dtype=pl.String)
    return rank(signals, {name: np.array(one) for name, one in values.items()}, ids, np.ones(size, dtype=np.int64))


@pytest.mark.parametrize(
    ("values", "flagged"),
    [
        pytest.param({"fixed": 4.0}, True, id="one signal is enough alone at its higher level"),
        pytest.param({"other": -4.0}, True, id="also where small values count"),
        pytest.param({"fixed": 3.9}, False, id="below it it is not"),
        pytest.param({"fixed": 2.0, "other": -2.0}, True, id="signals of two aspects are enough together"),
        pytest.param({"fixed": 2.0, "other": -1.9}, False, id="if both reach their level"),
        pytest.param({"fixed": 2.0, "same": 2.0}, False, id="signals of one aspect count once"),
        pytest.param({"fixed": np.nan, "other": -2.0}, False, id="what is not known counts for nothing"),
    ],
)
def test_a_subject_is_worth_a_look(values: dict[str, float], flagged: bool) -> None:  # noqa: FBT001 - a table
    signals = [signal for signal in (Fixed(), Other(), Same()) if signal.name in values]
    assert ranked_by(signals, {name: [value] for name, value in values.items()}).flagged[0] == flagged


def test_reasons_name_every_signal_reached() -> None:
    ranked = ranked_by([Fixed(), Other()], {"fixed": [2.0, 1.0], "other": [-3.0, -9.0]})
    assert ranked.reasons(0) == ("is 2", "is -3")
    assert ranked.reasons(1) == ("is -9",)


VALUES = st.lists(st.floats(-9, 9) | st.just(float("nan")), min_size=1, max_size=20)


@given(VALUES, st.booleans())
def test_a_percentile_is_the_share_of_the_log_that_is_less_conspicuous(found: list[float], low: bool) -> None:  # noqa: FBT001 - drawn
    values = np.array(found)
    known = [one for one in found if one == one]  # noqa: PLR0124 - NaN differs from itself
    for value, percentile in zip(found, percentiles(values, np.arange(len(found)), low=low), strict=True):
        less = sum(one > value if low else one < value for one in known)
        assert (percentile != percentile) if value != value else abs(percentile - 100 * less / len(known)) < 1e-3  # noqa: PLR0124 - the same


@given(st.lists(st.integers(0, 2**62), min_size=1, max_size=8), st.integers(0, 2**62))
def test_everybody_together_moves_the_whole_pool(weights: list[int], pool: int) -> None:
    weight = np.array(weights, dtype=np.int64) // len(weights)
    money, everybody = moved(weight, pool), np.arange(len(weights))
    assert money(everybody) == (pool if sum_exactly(weight) else None)
    if sum_exactly(weight):
        single = [money(everybody[k : k + 1]) for k in range(len(weights))]
        assert single == [round_half_even(Fraction(one * pool, sum(weight.tolist()))) for one in weight.tolist()]


class Finder(GroupSignal):
    """A signal that finds the groups it is given."""

    def __init__(self, name: str, *groups: list[int]) -> None:
        """Take them."""
        self.given, self.says = groups, f"{name} of {{accounts}}"  # type: ignore[misc] # two of them in one test

    def find(self, sketches: Sketches) -> list[Group]:  # noqa: ARG002 - fixed
        """Find them."""
        return [Group(np.array(users), 0.5) for users in self.given]


def grouped(*signals: Finder, same: list[int] | None = None) -> list[tuple[list[int], tuple[str, ...]]]:
    """Put groups of twenty accounts together."""
    values = np.full(20, np.nan)
    values[same or []] = Fixed.together
    ranked = ranked_by([Fixed()], {"fixed": values})
    return [(one.users.tolist(), one.reasons) for one in find_groups(signals, sketched(20), ranked)]


def users_of(*signals: Finder) -> list[list[int]]:
    """Return who stands in which group."""
    return [users for users, _ in grouped(*signals)]


def test_groups_that_hold_the_same_accounts_are_one() -> None:
    found = grouped(Finder("a", [1, 2, 3, 4]), Finder("b", [1, 2, 3, 4]))
    assert found == [([1, 2, 3, 4], ("a of 4", "b of 4"))]


def test_a_group_most_of_whose_members_are_known_joins_theirs() -> None:
    found = grouped(Finder("a", [1, 2, 3, 4]), Finder("b", [3, 4, 5]))
    assert found == [([1, 2, 3, 4, 5], ("a of 4", "b of 3"))]
    assert users_of(Finder("a", [1, 2, 3, 4, 5], [3, 5, 6, 7])) == [[1, 2, 3, 4, 5, 6, 7]]


@pytest.mark.parametrize(("second", "left"), [([5, 6, 7, 8], [[6, 7, 8]]), ([3, 5, 6, 7, 8], [[6, 7, 8]])])
def test_an_account_stands_in_one_group_only(second: list[int], left: list[list[int]]) -> None:
    assert users_of(Finder("a", [1, 2, 3, 4, 5]), Finder("b", second)) == [[1, 2, 3, 4, 5], *left]


def test_what_is_left_of_a_group_may_be_too_small_to_be_one() -> None:
    assert users_of(Finder("a", [1, 2, 3, 4, 5, 6]), Finder("b", [7, 8])) == [[1, 2, 3, 4, 5, 6]]


class Weak(Finder):
    """A finder of groups that are not enough by themselves."""

    enough = False


@pytest.mark.parametrize(("same", "found"), [([1, 2], []), ([1, 2, 3], [[1, 2, 3, 4]])])
def test_people_who_are_merely_alike_are_a_group_where_most_do_what_people_do_not(
    same: list[int], found: list[list[int]]
) -> None:
    assert [users for users, _ in grouped(Weak("a", [1, 2, 3, 4]), same=same)] == found


def test_the_order_of_signals_changes_nothing() -> None:
    signals = Finder("a", [1, 2, 3], [7, 8, 9]), Finder("b", [2, 3, 4, 5]), Finder("c", [9, 10, 11, 12])
    assert users_of(*signals) == users_of(*signals[::-1])


def test_a_group_is_named_by_its_members_alone() -> None:
    ids, later = pl.Series(["a", "b", "c", "d"]), pl.Series(["0", "a", "b", "c", "d"])
    assert group_name(np.array([1, 3]), ids) == group_name(np.array([2, 4]), later)
    assert group_name(np.array([1, 3]), ids) != group_name(np.array([1, 2]), ids)


class Resting(Fixed):
    """A signal of another aspect, where small values count."""

    name = "resting"
    aspect = "rest"
    together, alone = 4.0, 1.0
    low = True
    says = "rests {value:.1f} hours"


def near(values: Mapping[str, Sequence[float]]) -> tuple[list[Near], list[bool]]:
    """Rank users by three signals; return who comes nearest, and whether each has a finding."""
    size = len(next(iter(values.values())))
    full = {name: values.get(name, [np.nan] * size) for name in ("fixed", "same", "resting")}
    signals: list[UserSignal] = [Fixed(), Same(), Resting()]
    users, nobody = ranked_by(signals, full), ranked_by(signals, {name: [] for name in full})
    return nearest(Evidence(users, nobody, (), signals, {})), users.flagged.tolist()


def test_a_value_is_held_against_the_level_that_is_enough_alone() -> None:
    (one,), _ = near({"fixed": [3.0]})
    assert (one.subject, one.reached) == ("u0", 0.75)
    assert [(m.signal.name, m.value, m.level, m.alone) for m in one.missed] == [("fixed", 3.0, 4.0, True)]


def test_or_two_of_different_aspects_are_held_against_what_counts_together() -> None:
    (one,), _ = near({"fixed": [1.0], "same": [0.9], "resting": [8.0]})
    assert one.reached == 0.5
    assert [(m.signal.name, m.level, m.alone) for m in one.missed] == [("fixed", 2.0, False), ("resting", 4.0, False)]


def test_five_are_shown_the_nearest_first_and_those_without_a_value_never() -> None:
    found, _ = near({"fixed": [0.4, np.nan, 3.0, 1.0, 2.0, 0.8, 1.5, 0.0]})
    assert [one.subject for one in found] == ["u2", "u4", "u6", "u3", "u5"]


MEASURED = st.one_of(st.just(np.nan), st.floats(0.01, 10))


@given(st.lists(st.tuples(MEASURED, MEASURED, MEASURED), min_size=1, max_size=5))
def test_who_has_a_finding_is_never_near_and_nobody_else_reaches_a_level(rows: list[tuple[float, ...]]) -> None:
    found, flagged = near(dict(zip(("fixed", "same", "resting"), zip(*rows, strict=True), strict=True)))
    assert all(0 < one.reached < 1 for one in found)
    assert not [one for one in found if flagged[int(one.subject[1:])]]


@pytest.mark.parametrize(("signal", "text"), [(Fixed(), "3"), (Resting(), "3.0")])
def test_a_level_is_written_as_the_value_is(signal: UserSignal, text: str) -> None:
    assert signal.figure(3.0) == text
