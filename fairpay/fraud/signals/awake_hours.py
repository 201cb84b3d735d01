"""awake_hours: at how many hours of the day an account plays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import Levels, UserSignal

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Column, Floats
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
    alone: float = np.inf

    name: ClassVar[str] = "awake_hours"
    aspect: ClassVar[Aspect] = "rest"
    source: ClassVar[str] = "people sleep; accounts run by programs need not"
    innocent: ClassVar[str] = "shift workers, or several people on one account"
    several: ClassVar[str] = "play around the clock"
    needs: ClassVar[frozenset[Column]] = frozenset({"time"})

    def measure(self, traces: Traces) -> Floats:
        """Count plays by hour of the day."""
        if traces.time is None:
            return np.full(traces.users, np.nan)
        hour = (traces.time // np.uint32(3600)) % np.uint32(HOURS)
        plays = np.bincount(traces.owner * HOURS + hour, minlength=traces.users * HOURS).reshape(-1, HOURS)
        rows = np.diff(traces.start)
        awake = (plays >= self.least_share * rows[:, None]).sum(axis=1)
        return np.where(rows >= self.least_plays, awake, np.nan)

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - people sleep in every log
        """Fixed: people sleep in every log."""
        return Levels(self.together, self.alone)

    def words(self, value: float) -> str:
        """Say it."""
        return f"plays at {value:.0f} of the 24 hours of the day"
