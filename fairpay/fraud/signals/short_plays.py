"""short_plays: plays that end just after they begin to count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import Levels, UserSignal
from fairpay.fraud.traces import counts

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Column, Floats
    from fairpay.fraud.traces import Traces


@dataclass(frozen=True)
class ShortPlays(UserSignal):
    """Share of plays that end within five seconds of the qualifying length, for accounts with 100 plays or more.

    A play earns from 30 seconds on; who plays to earn stops there.
    """

    window_ms: int = 5000
    least_plays: int = 100
    together: float = 0.5
    alone: float = 0.9

    name: ClassVar[str] = "short_plays"
    aspect: ClassVar[Aspect] = "length"
    source: ClassVar[str] = "Sleepify (2014): ten tracks of 31 to 32 seconds"
    innocent: ClassVar[str] = "someone who skips a lot, or a playlist of jingles"
    several: ClassVar[str] = "stop just past the qualifying length"
    needs: ClassVar[frozenset[Column]] = frozenset({"duration"})

    def measure(self, traces: Traces) -> Floats:
        """Count plays up to the end of the window."""
        if traces.ms is None:
            return np.full(traces.users, np.nan)
        short = counts(traces.ms <= traces.span.min_ms + self.window_ms, traces.start)
        return np.where(traces.plays >= self.least_plays, short / np.diff(traces.start), np.nan)

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - the same in every log
        """Fixed."""
        return Levels(self.together, self.alone)

    def words(self, value: float) -> str:
        """Say it."""
        return f"ends {value:.0%} of plays within {self.window_ms // 1000} s of the qualifying length"
