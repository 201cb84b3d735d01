"""awake_hours: at how many hours of the day an account plays."""

from dataclasses import dataclass

import numpy as np

from fairpay.fraud.signal import Floats, UserSignal
from fairpay.fraud.traces import Traces

HOURS = 24


@dataclass(frozen=True)
class AwakeHours(UserSignal):
    """Hours of the day (UTC) that hold at least 2 % of the account's plays, for accounts with 200 plays or more.

    Evenly spread, each hour holds 4.2 %. The zone does not matter: it only turns the clock.
    """

    least_plays: int = 200
    least_share: float = 0.02
    together: float = 24.0

    name = "awake_hours"
    aspect = "rest"
    source = "people sleep; accounts run by programs need not"
    innocent = "shift workers, or several people on one account"
    several = "play around the clock"
    needs = frozenset({"time"})
    says = "plays at {value:.0f} of the 24 hours of the day"

    def measure_users(self, traces: Traces) -> Floats:
        """Count plays by hour of the day."""
        hour = (traces.time // np.uint32(3600)) % np.uint32(HOURS)
        plays = np.bincount(traces.owner * HOURS + hour, minlength=traces.users * HOURS).reshape(-1, HOURS)
        rows = np.diff(traces.start)
        awake = (plays >= self.least_share * rows[:, None]).sum(axis=1)
        return np.where(rows >= self.least_plays, awake, np.nan)
