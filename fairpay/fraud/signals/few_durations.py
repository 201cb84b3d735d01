"""few_durations: many plays of a handful of lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import Levels, UserSignal
from fairpay.fraud.traces import distinct, largest

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Column, Floats
    from fairpay.fraud.traces import Traces


@dataclass(frozen=True)
class FewDurations(UserSignal):
    """Plays a day of accounts whose plays have at most ten distinct lengths, or none over 80 seconds; else 0.

    In the spirit of the rule by which Record Union withheld money: at least 150 plays a day that all look alike.
    """

    most_durations: int = 10
    short_ms: int = 80_000
    alone: float = 150.0

    name: ClassVar[str] = "few_durations"
    aspect: ClassVar[Aspect] = "length"
    applies: ClassVar[int] = 150
    source: ClassVar[str] = "Record Union's artificial streaming rule: 150 plays a day, 10 durations, 80 seconds"
    innocent: ClassVar[str] = "someone who sleeps to the same few noise tracks and plays nothing else"
    several: ClassVar[str] = "play all day, in few or short lengths"
    needs: ClassVar[frozenset[Column]] = frozenset({"duration", "time"})

    def measure(self, traces: Traces) -> Floats:
        """Count distinct lengths and look at the longest."""
        if traces.durations is None:
            return np.full(traces.users, np.nan)
        few = distinct(traces.durations, traces.start) <= self.most_durations
        short = largest(traces.durations, traces.start) <= self.short_ms
        return np.where(few | short, traces.daily, 0.0)

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - the same in every log
        """Fixed."""
        return Levels(np.inf, self.alone)

    def words(self, value: float) -> str:
        """Say it."""
        return f"plays {value:,.0f} times a day, with no more than {self.most_durations} lengths or all under 80 s"
