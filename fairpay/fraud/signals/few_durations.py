"""few_durations: many plays of a handful of lengths."""

from dataclasses import dataclass

import numpy as np

from fairpay.fraud.signal import Floats, UserSignal
from fairpay.fraud.traces import Traces, distinct, largest


@dataclass(frozen=True)
class FewDurations(UserSignal):
    """Plays a day of accounts whose plays have at most ten distinct lengths, or none over 80 seconds; else 0.

    In the spirit of the rule by which Record Union withheld money: at least 150 plays a day that all look alike.
    """

    most_durations: int = 10
    short_ms: int = 80_000
    alone: float = 150.0

    name = "few_durations"
    aspect = "length"
    applies = 150
    source = "Record Union's artificial streaming rule: 150 plays a day, 10 durations, 80 seconds"
    innocent = "someone who sleeps to the same few noise tracks and plays nothing else"
    several = "play all day, in few or short lengths"
    needs = frozenset({"duration", "time"})
    says = "plays {value:,.0f} times a day, with no more than {signal.most_durations} lengths or all under 80 s"

    def measure_users(self, traces: Traces) -> Floats:
        """Count distinct lengths and look at the longest."""
        few = distinct(traces.ascending("duration"), traces.start) <= self.most_durations
        short = largest(traces.ascending("duration"), traces.start) <= self.short_ms
        return np.where(few | short, traces.daily, 0.0)
