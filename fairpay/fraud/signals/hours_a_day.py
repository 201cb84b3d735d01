"""hours_a_day: how long an account listens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import Levels, UserSignal
from fairpay.fraud.traces import sums

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Column, Floats
    from fairpay.fraud.traces import Traces

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class HoursADay(UserSignal):
    """Hours of listening a day, over the days the log covers.

    More than a day has means several devices at once.
    """

    together: float = 16.0
    alone: float = 22.0

    name: ClassVar[str] = "hours_a_day"
    aspect: ClassVar[Aspect] = "amount"
    source: ClassVar[str] = "a day has 24 hours"
    innocent: ClassVar[str] = "a shop that is open late, or a family on one account"
    several: ClassVar[str] = "listen most of the day"
    needs: ClassVar[frozenset[Column]] = frozenset({"duration", "time"})

    def measure(self, traces: Traces) -> Floats:
        """Add up what was heard."""
        if traces.ms is None:
            return np.full(traces.users, np.nan)
        return sums(traces.ms, traces.start) / HOUR_MS / traces.span.days

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - a day is a day in every log
        """Fixed: a day is a day in every log."""
        return Levels(self.together, self.alone)

    def words(self, value: float) -> str:
        """Say it."""
        return f"listens {value:.1f} hours a day"
