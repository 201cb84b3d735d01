"""regular_gaps: plays that follow one another like clockwork."""

from dataclasses import dataclass

import numpy as np

from fairpay.fraud.signal import Floats, UserSignal
from fairpay.fraud.traces import Traces, starts


@dataclass(frozen=True)
class RegularGaps(UserSignal):
    """Share of the account's commonest interval between the ends of two plays, in whole seconds.

    Intervals over half an hour are pauses and are left out. Taken for accounts with 50 plays a day or more.
    """

    longest: int = 1800
    least_daily: float = 50.0
    together: float = 0.5

    name = "regular_gaps"
    aspect = "sameness"
    source = "programs wait for equal times"
    innocent = "one track on repeat"
    several = "play at equal intervals"
    needs = frozenset({"time"})
    says = "waits equally long between {value:.0%} of its plays"

    def measure_users(self, traces: Traces) -> Floats:
        """Sort each user's intervals and find the longest run of equal ones."""
        found = np.full(traces.users, np.nan)
        busy = np.flatnonzero(traces.daily >= self.least_daily)
        if not len(busy):
            return found
        mine = np.zeros(traces.users, dtype=np.bool_)
        mine[busy] = True
        rows = mine[traces.owner]
        owner, time = traces.owner[rows], traces.ascending("time")[rows].astype(np.int64)
        within = (np.diff(owner, prepend=-1) == 0) & (np.diff(time, prepend=0) <= self.longest)
        key = np.sort((owner << 32 | np.diff(time, prepend=0))[within])
        if not len(key):
            return found
        begin = starts(key, np.array([0, len(key)]))
        length, who = np.diff(np.append(begin, len(key))), key[begin] >> 32
        most = np.zeros(traces.users, dtype=np.int64)
        np.maximum.at(most, who, length)
        total = np.bincount(key >> 32, minlength=traces.users)
        return np.where(mine & (total > 0), most / np.maximum(total, 1), np.nan)
