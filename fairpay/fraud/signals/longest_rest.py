"""longest_rest: does the account ever sleep."""

import numpy as np

from fairpay.fraud.signals import Floats, UserSignal
from fairpay.fraud.traces import Traces

WEEK = 7 * 86_400
HOUR = 3600


class LongestRest(UserSignal):
    """The longest silence of a week, in hours, in the account's most restless full week with 100 plays or more.

    A person sleeps every night, so even a week of celebrations holds a silence of several hours. Weeks are
    counted from the log's first play; the silences at both ends of a week count as far as they lie in it.
    """

    least_plays = 100
    together = 4.0
    alone = 1.0
    aspect = "rest"
    source = "people sleep; accounts run by programs need not"
    innocent = "several people who share an account in different time zones"
    several = "are hardly ever silent"
    needs = frozenset({"time"})
    low = True
    says = "is never silent for more than {value:.1f} hours in a week"

    def measure(self, traces: Traces) -> Floats:
        """Find each user's longest gap in each week, then the smallest of these."""
        time = traces.ascending("time").astype(np.int64) - traces.span.first
        weeks = max(1, int(traces.span.days // 7))
        full = time < weeks * WEEK
        owner, time = traces.owner[full], time[full]
        cell, into = owner * weeks + time // WEEK, time % WEEK
        begin = np.flatnonzero(np.diff(cell, prepend=-1))
        if not len(begin):
            return np.full(traces.users, np.nan)
        gap = np.diff(time, prepend=0)
        gap[begin] = into[begin]
        rows = np.diff(begin, append=len(cell))
        rest = np.maximum(np.maximum.reduceat(gap, begin), WEEK - into[begin + rows - 1])
        busy = rows >= self.least_plays
        best = np.full(traces.users, np.inf)
        np.minimum.at(best, owner[begin][busy], rest[busy] / HOUR)
        return np.where(np.isinf(best), np.nan, best)
