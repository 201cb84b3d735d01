from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from traced import sketched

from fairpay.fraud.signals import LikenessSignal
from fairpay.fraud.traces import seeds, sign_sets

if TYPE_CHECKING:
    from fairpay.fraud.traces import Sketches

SETS = st.lists(st.sets(st.integers(0, 40), max_size=12), min_size=1, max_size=12)


def signed(sets: list[set[int]], *, repeat: int = 1) -> np.ndarray:
    """Sign some sets, each element written so many times."""
    start = np.concatenate([[0], np.cumsum([len(one) * repeat for one in sets])])
    element = np.array([value for one in sets for value in list(one) * repeat], dtype=np.uint64)
    return sign_sets(start, element, seeds("test", 64))


class Equal(LikenessSignal):
    """Puts equal sets together."""

    share = 1.0
    least_users = 2

    def signed(self, sketches: Sketches) -> tuple[np.ndarray, np.ndarray]:
        """They are signed already."""
        return sketches.moments, sketches.timed


def test_hashes_agree_about_as_often_as_sets_overlap() -> None:
    two = signed([set(range(300)), set(range(100, 400))])
    assert (two[0] == two[1]).mean() == pytest.approx(0.5, abs=0.2)


@given(SETS)
def test_repeated_elements_count_once(sets: list[set[int]]) -> None:
    assert (signed(sets) == signed(sets, repeat=3)).all()


@given(SETS)
def test_equal_sets_are_alike_and_disjoint_ones_are_not(sets: list[set[int]]) -> None:
    able = np.array([k for k, one in enumerate(sets) if one], dtype=np.int64)
    groups = Equal().find(sketched(len(sets), moments=signed(sets), timed=able))
    expected: dict[frozenset[int], list[int]] = {}
    for k in able.tolist():
        expected.setdefault(frozenset(sets[k]), []).append(k)
    assert [group.users.tolist() for group in groups] == [group for group in expected.values() if len(group) > 1]


def test_the_same_seeds_are_drawn_in_every_run() -> None:
    assert seeds("test", 2).tolist() == [1104160486943174203, 16554864120540617632]
