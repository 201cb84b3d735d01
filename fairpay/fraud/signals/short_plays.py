"""short_plays: plays that end just after they begin to count."""

from fairpay.fraud.signals import Floats, UserSignal
from fairpay.fraud.traces import Traces, sums


class ShortPlays(UserSignal):
    """Share of plays that end within five seconds of the qualifying length, for accounts with 100 plays or more.

    A play earns from 30 seconds on; who plays to earn stops there.
    """

    window_s = 5
    together = 0.5
    alone = 0.9
    aspect = "length"
    source = "Sleepify (2014): ten tracks of 31 to 32 seconds"
    innocent = "someone who skips a lot, or a playlist of jingles"
    several = "stop just past the qualifying length"
    needs = frozenset({"duration"})
    says = "ends {share} of plays within {signal.window_s} s of the qualifying length"

    def measure(self, traces: Traces) -> Floats:
        """Count plays up to the end of the window."""
        return sums(traces.duration <= traces.span.min_ms + 1000 * self.window_s, traces.start) / traces.plays
