"""short_plays: plays that end just after they begin to count."""

from dataclasses import dataclass

import numpy as np

from fairpay.fraud.signal import Floats, UserSignal
from fairpay.fraud.traces import Traces, sums


@dataclass(frozen=True)
class ShortPlays(UserSignal):
    """Share of plays that end within five seconds of the qualifying length, for accounts with 100 plays or more.

    A play earns from 30 seconds on; who plays to earn stops there.
    """

    window_s: int = 5
    least_plays: int = 100
    together: float = 0.5
    alone: float = 0.9

    name = "short_plays"
    aspect = "length"
    source = "Sleepify (2014): ten tracks of 31 to 32 seconds"
    innocent = "someone who skips a lot, or a playlist of jingles"
    several = "stop just past the qualifying length"
    needs = frozenset({"duration"})
    says = "ends {value:.0%} of plays within {signal.window_s} s of the qualifying length"

    def measure_users(self, traces: Traces) -> Floats:
        """Count plays up to the end of the window."""
        short = sums(traces.duration <= traces.span.min_ms + 1000 * self.window_s, traces.start)
        return np.where(traces.plays >= self.least_plays, short / np.diff(traces.start), np.nan)
