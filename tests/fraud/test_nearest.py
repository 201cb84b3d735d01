"""Who comes nearest to being worth a look."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairpay.fraud.detect.findings import Evidence, FoundSubjects, rank
from fairpay.fraud.detect.nearest import nearest
from tests.fraud.test_findings import Fixed, Same

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.fraud.detect.nearest import Near
    from fairpay.fraud.signals import UserSignal


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
    full = {name: np.array(values.get(name, [np.nan] * size)) for name in ("fixed", "same", "resting")}
    signals: list[UserSignal] = [Fixed(), Same(), Resting()]
    ids = pl.Series([f"u{number}" for number in range(size)])
    users = FoundSubjects(ids, rank(signals, full, size), np.ones(size, dtype=np.int64), ())
    nobody = FoundSubjects(ids[:0], rank(signals, {name: v[:0] for name, v in full.items()}, 0), np.empty(0, int), ())
    return nearest(Evidence(users, nobody, (), signals, {})), users.ranked.flagged.tolist()


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


VALUES = st.one_of(st.just(np.nan), st.floats(0.01, 10))


@given(st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=5))
def test_who_has_a_finding_is_never_near_and_nobody_else_reaches_a_level(rows: list[tuple[float, ...]]) -> None:
    found, flagged = near(dict(zip(("fixed", "same", "resting"), zip(*rows, strict=True), strict=True)))
    assert all(0 < one.reached < 1 for one in found)
    assert not [one for one in found if flagged[int(one.subject[1:])]]


@pytest.mark.parametrize(("signal", "text"), [(Fixed(), "3"), (Resting(), "3.0")])
def test_a_level_is_written_as_the_value_is(signal: UserSignal, text: str) -> None:
    assert signal.figure(3.0) == text
