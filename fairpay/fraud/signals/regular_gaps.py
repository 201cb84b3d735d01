"""regular_gaps: plays that follow one another like clockwork."""

import numpy as np

from fairpay.fraud.signals import Floats, UserSignal
from fairpay.fraud.traces import Traces


class RegularGaps(UserSignal):
    """Share of the account's commonest interval between the ends of two plays, in whole seconds.

    Intervals over half an hour are pauses and are left out. Taken for accounts with 50 plays a day or more.
    """

    longest = 1800
    least_daily = 50.0
    together = 0.5
    aspect = "sameness"
    source = "programs wait for equal times"
    innocent = "one track on repeat"
    several = "play at equal intervals"
    needs = frozenset({"time"})
    says = "waits equally long between {share} of its plays"

    def measure(self, traces: Traces) -> Floats:
        """Sort each user's intervals and find the longest run of equal ones."""
        owner, time = traces.owner, traces.ascending("time").astype(np.int64)
        gap = np.diff(time, prepend=0)
        within = (np.diff(owner, prepend=-1) == 0) & (gap <= self.longest) & (traces.daily >= self.least_daily)[owner]
        key = np.sort((owner << 32 | gap)[within])
        begin = np.flatnonzero(np.diff(key, prepend=-1))
        most = np.zeros(traces.users, dtype=np.int64)
        np.maximum.at(most, key[begin] >> 32, np.diff(begin, append=len(key)))
        total = np.bincount(key >> 32, minlength=traces.users)
        return np.where(total > 0, most / np.maximum(total, 1), np.nan)
