"""plays_a_day: how often an account plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import Levels, UserSignal

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Column, Floats
    from fairpay.fraud.traces import Traces

NORMAL = 1.4826
"""Median absolute deviation to standard deviation, for a normal distribution."""


@dataclass(frozen=True)
class PlaysADay(UserSignal):
    """Plays a day, against the log's own distribution.

    Listening per person is about log-normal, so the level is so many robust standard deviations (median and median
    absolute deviation of the logarithms) above the median, kept within fixed bounds so that a log in which everybody
    is a bot does not move it out of reach.
    """

    deviations: float = 2.5
    least: float = 300.0
    most: float = 500.0
    alone: float = 1000.0

    name: ClassVar[str] = "plays_a_day"
    aspect: ClassVar[Aspect] = "amount"
    source: ClassVar[str] = "USA v. Smith (SDNY 2024): 1,040 accounts with 636 plays a day each"
    innocent: ClassVar[str] = "a family, a shop or a waiting room on one account"
    several: ClassVar[str] = "play very often"
    needs: ClassVar[frozenset[Column]] = frozenset({"time"})

    def measure(self, traces: Traces) -> Floats:
        """Divide plays by the days the log covers."""
        return traces.daily

    def levels(self, values: Floats) -> Levels:
        """Go so many robust deviations above the median."""
        known = np.log(values[values > 0])
        if not len(known):
            return Levels(self.most, self.alone)
        middle = np.median(known)
        spread = NORMAL * np.median(np.abs(known - middle))
        return Levels(float(np.clip(np.exp(middle + self.deviations * spread), self.least, self.most)), self.alone)

    def words(self, value: float) -> str:
        """Say it."""
        return f"plays {value:,.0f} times a day"
