"""awake_hours: at how many hours of the day an account plays."""

import numpy as np

from fairpay.fraud.signals import Floats, UserSignal
from fairpay.fraud.traces import Traces

HOURS = 24


class AwakeHours(UserSignal):
    """Hours of the day (UTC) that hold at least 2 % of the account's plays, for accounts with 200 plays or more.

    Evenly spread, each hour holds 4.2 %. The zone does not matter: it only turns the clock.
    """

    least_plays = 200
    least_share = 0.02
    together = 24.0
    aspect = "rest"
    source = "people sleep; accounts run by programs need not"
    innocent = "shift workers, or several people on one account"
    several = "play around the clock"
    needs = frozenset({"time"})
    says = "plays at {value:.0f} of the 24 hours of the day"

    def measure(self, traces: Traces) -> Floats:
        """Count the hours of the day that hold enough plays."""
        hour = (traces.time // np.uint32(3600)) % np.uint32(HOURS)
        plays = np.bincount(traces.owner * HOURS + hour, minlength=traces.users * HOURS).reshape(-1, HOURS)
        awake = (plays >= self.least_share * traces.plays[:, None]).sum(axis=1)
        return np.where(traces.plays >= self.least_plays, awake, np.nan)
