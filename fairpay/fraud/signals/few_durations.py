"""few_durations: many plays of a handful of lengths."""

import numpy as np

from fairpay.fraud.signals import Floats, UserSignal
from fairpay.fraud.traces import Traces, distinct, largest


class FewDurations(UserSignal):
    """Plays a day of accounts whose plays have at most ten distinct lengths, or none over 80 seconds; else 0.

    In the spirit of the rule by which Record Union withheld money: at least 150 plays a day that all look alike.
    """

    most_durations = 10
    short_ms = 80_000
    alone = 150.0
    aspect = "length"
    applies = 150
    source = "Record Union's artificial streaming rule: 150 plays a day, 10 durations, 80 seconds"
    innocent = "someone who sleeps to the same few noise tracks and plays nothing else"
    several = "play all day, in few or short lengths"
    needs = frozenset({"duration", "time"})
    says = "plays {value:,.0f} times a day, with no more than {signal.most_durations} lengths or all under 80 s"

    def measure(self, traces: Traces) -> Floats:
        """Count distinct lengths and look at the longest."""
        few = distinct(traces.ascending("duration"), traces.start) <= self.most_durations
        short = largest(traces.ascending("duration"), traces.start) <= self.short_ms
        return np.where(few | short, traces.daily, 0.0)
