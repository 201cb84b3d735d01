"""hours_a_day: how long an account listens."""

from dataclasses import dataclass

from fairpay.fraud.signal import Floats, UserSignal
from fairpay.fraud.traces import Traces, sums

HOUR_MS = 3_600_000


@dataclass(frozen=True)
class HoursADay(UserSignal):
    """Hours of listening a day, over the days the log covers.

    More than a day has means several devices at once.
    """

    together: float = 16.0
    alone: float = 22.0

    name = "hours_a_day"
    aspect = "amount"
    source = "a day has 24 hours"
    innocent = "a shop that is open late, or a family on one account"
    several = "listen most of the day"
    needs = frozenset({"duration", "time"})
    says = "listens {value:.1f} hours a day"

    def measure_users(self, traces: Traces) -> Floats:
        """Add up what was heard."""
        return sums(traces.duration, traces.start) / HOUR_MS / traces.span.days
