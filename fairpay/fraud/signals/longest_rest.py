"""longest_rest: does the account ever sleep."""

from dataclasses import dataclass

import numpy as np

from fairpay.fraud.signal import Floats, UserSignal
from fairpay.fraud.traces import Traces

WEEK = 7 * 86_400
HOUR = 3600


@dataclass(frozen=True)
class LongestRest(UserSignal):
    """The longest silence of a week, in hours, in the account's most restless full week with 100 plays or more.

    A person sleeps every night, so even a week of celebrations holds a silence of several hours. Weeks are
    counted from the log's first play; the silences at both ends of a week count as far as they lie in it.
    """

    least_plays: int = 100
    together: float = 4.0
    alone: float = 1.0

    name = "longest_rest"
    aspect = "rest"
    source = "people sleep; accounts run by programs need not"
    innocent = "several people who share an account in different time zones"
    several = "are hardly ever silent"
    needs = frozenset({"time"})
    low = True
    says = "is never silent for more than {value:.1f} hours in a week"

    def measure_users(self, traces: Traces) -> Floats:
        """Find each user's longest gap in each week, then the smallest of these."""
        found = np.full(traces.users, np.nan)
        time = traces.ascending("time").astype(np.int64)
        weeks = max(1, int(traces.span.days // 7))
        week = (time - traces.span.first) // WEEK
        full = week < weeks
        cell = (traces.owner * weeks + week)[full]
        time = time[full]
        begin = np.flatnonzero(np.diff(cell, prepend=-1))
        if not len(begin):
            return found
        gap = np.diff(time, prepend=0)
        into = (time - traces.span.first) % WEEK
        gap[begin] = into[begin]
        end = np.append(begin[1:], len(cell)) - 1
        rest = np.maximum(np.maximum.reduceat(gap, begin), WEEK - into[end])
        rows = end - begin + 1
        busy = rows >= self.least_plays
        best = np.full(traces.users, np.iinfo(np.int64).max)
        np.minimum.at(best, cell[begin][busy] // weeks, rest[busy])
        known = best < np.iinfo(np.int64).max
        found[known] = best[known] / HOUR
        return found
