from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairpay.fraud.detect.findings import Moved
from fairpay.fraud.detect.ranking import percentiles, rank
from fairpay.fraud.signal import Levels, UserSignal
from fairpay.money.currency import round_half_even
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Floats
    from fairpay.fraud.traces import Traces


@dataclass(frozen=True)
class Fixed(UserSignal):
    """A signal whose levels are fixed."""

    name: ClassVar[str] = "fixed"
    aspect: ClassVar[Aspect] = "amount"
    source: ClassVar[str] = "a test"
    innocent: ClassVar[str] = "nobody"

    def measure_users(self, traces: Traces) -> Floats:
        """Know nothing."""
        return np.full(traces.users, np.nan)

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - fixed
        """Two and four."""
        return Levels(2.0, 4.0)

    def words(self, value: float) -> str:
        """Say it."""
        return f"is {value:.0f}"


@dataclass(frozen=True)
class Other(Fixed):
    """The same of another aspect, where small values count."""

    name: ClassVar[str] = "other"
    aspect: ClassVar[Aspect] = "rest"
    low: ClassVar[bool] = True

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - fixed
        """Minus two and minus four."""
        return Levels(-2.0, -4.0)


@dataclass(frozen=True)
class Same(Fixed):
    """The first again, by another name."""

    name: ClassVar[str] = "same"


def flagged(**values: float) -> bool:
    """Say whether one subject with these values is worth a look."""
    signals = [signal for signal in (Fixed(), Other(), Same()) if signal.name in values]
    return bool(rank(signals, {name: np.array([value]) for name, value in values.items()}, 1).flagged[0])


def test_one_signal_is_enough_alone_at_its_higher_level() -> None:
    assert flagged(fixed=4.0)
    assert not flagged(fixed=3.9)
    assert flagged(other=-4.0)


def test_signals_of_two_aspects_are_enough_together() -> None:
    assert flagged(fixed=2.0, other=-2.0)
    assert not flagged(fixed=2.0, other=-1.9)


def test_signals_of_one_aspect_count_once() -> None:
    assert not flagged(fixed=2.0, same=2.0)


def test_what_is_not_known_counts_for_nothing() -> None:
    assert not flagged(fixed=np.nan, other=-2.0)


def test_reasons_name_every_signal_reached() -> None:
    ranked = rank([Fixed(), Other()], {"fixed": np.array([2.0, 1.0]), "other": np.array([-3.0, -9.0])}, 2)
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
    moved = Moved(weight, pool)
    everybody = np.arange(len(weights))
    assert moved.of(everybody) == (pool if sum_exactly(weight) else None)
    if sum_exactly(weight):
        single = [moved.of(everybody[k : k + 1]) for k in range(len(weights))]
        assert single == [round_half_even(Fraction(one * pool, sum(weight.tolist()))) for one in weight.tolist()]
