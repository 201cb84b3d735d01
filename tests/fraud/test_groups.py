from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
import polars as pl

from fairpay.fraud.detect.ranking import find_groups, group_name
from fairpay.fraud.signal import Group, GroupSignal
from fairpay.fraud.traces import Pairs, Sketches

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class Fixed(GroupSignal):
    """A signal that finds the groups of its parameters."""

    groups: tuple[tuple[int, ...], ...]
    name: str = "fixed"  # type: ignore[misc] # two of them in one test
    source: ClassVar[str] = "a test"
    innocent: ClassVar[str] = "nobody"

    def find(self, sketches: Sketches) -> list[Group]:  # noqa: ARG002 - fixed
        """Find them."""
        return [Group(np.array(users), 0.5) for users in self.groups]

    def words(self, group: Group) -> str:
        """Say it."""
        return f"{self.name} of {len(group.users)}"


def grouped(*signals: Fixed) -> list[tuple[list[int], tuple[str, ...]]]:
    """Put groups of twenty accounts together."""
    nothing = np.zeros(0, dtype=np.int64)
    core = Pairs(np.zeros(21, dtype=np.int64), nothing.astype(np.uint32), nothing)
    sketches = Sketches(core, np.full(20, 100), nothing, nothing.astype(np.uint32), nothing)
    return [(one.users.tolist(), one.reasons) for one in find_groups(signals, sketches)]


def test_groups_that_hold_the_same_accounts_are_one() -> None:
    found = grouped(Fixed(((1, 2, 3, 4),), "a"), Fixed(((1, 2, 3, 4),), "b"))
    assert found == [([1, 2, 3, 4], ("a of 4", "b of 4"))]


def test_a_group_most_of_whose_members_are_known_joins_theirs() -> None:
    assert grouped(Fixed(((1, 2, 3, 4),), "a"), Fixed(((3, 4, 5),), "b")) == [([1, 2, 3, 4, 5], ("a of 4", "b of 3"))]


def test_an_account_stands_in_one_group_only() -> None:
    found = grouped(Fixed(((1, 2, 3, 4, 5),), "a"), Fixed(((5, 6, 7, 8),), "b"))
    assert [users for users, _ in found] == [[1, 2, 3, 4, 5], [6, 7, 8]]


def test_what_is_left_of_a_group_may_be_too_small_to_be_one() -> None:
    assert [users for users, _ in grouped(Fixed(((1, 2, 3, 4, 5), (4, 5, 6, 7, 8)), "a"))] == [
        [1, 2, 3, 4, 5],
        [6, 7, 8],
    ]
    assert [users for users, _ in grouped(Fixed(((1, 2, 3, 4, 5), (3, 5, 6, 7)), "a"))] == [[1, 2, 3, 4, 5, 6, 7]]


def test_the_order_of_signals_changes_nothing() -> None:
    signals: Sequence[Fixed] = (
        Fixed(((1, 2, 3), (7, 8, 9))),
        Fixed(((2, 3, 4, 5),), "b"),
        Fixed(((9, 10, 11, 12),), "c"),
    )
    assert [users for users, _ in grouped(*signals)] == [users for users, _ in grouped(*signals[::-1])]


def test_a_group_is_named_by_its_members_alone() -> None:
    ids = pl.Series(["a", "b", "c", "d"])
    later = pl.Series(["0", "a", "b", "c", "d"])
    assert group_name(np.array([1, 3]), ids) == group_name(np.array([2, 4]), later)
    assert group_name(np.array([1, 3]), ids) != group_name(np.array([1, 2]), ids)
