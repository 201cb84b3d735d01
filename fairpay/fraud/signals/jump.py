"""jump: how an artist's plays grew since the month before."""

from dataclasses import dataclass

import numpy as np

from fairpay.fraud.signal import ArtistSignal, Floats
from fairpay.fraud.traces import Audience


@dataclass(frozen=True)
class Jump(ArtistSignal):
    """Plays as a multiple of the plays in the month before (at least one), for artists with 500 plays or more."""

    least_plays: int = 500
    together: float = 10.0

    name = "jump"
    aspect = "reach"
    source = "sudden peaks are what distributors are asked to explain first"
    innocent = "a new record, a film, a death"
    needs = frozenset({"previous"})
    says = "is played {value:,.1f} times as much as the month before"

    def measure(self, audience: Audience) -> Floats:
        """Divide by last month's plays."""
        if audience.previous is None:
            return np.full(len(audience.plays), np.nan)
        times = audience.plays / np.maximum(audience.previous, 1)
        return np.where(audience.plays >= self.least_plays, times, np.nan)
