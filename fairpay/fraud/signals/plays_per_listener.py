"""plays_per_listener: how often an artist's listeners play the artist."""

from dataclasses import dataclass

import numpy as np

from fairpay.fraud.signal import ArtistSignal, Floats, Levels
from fairpay.fraud.traces import Audience


@dataclass(frozen=True)
class PlaysPerListener(ArtistSignal):
    """Plays for each listener of the artist, for artists with ten listeners or more, against the log's others."""

    least_listeners: int = 10
    quantile: float = 0.99
    least: float = 50.0

    name = "plays_per_listener"
    aspect = "audience"
    source = "distributors' artificial streaming reports compare streams to listeners"
    innocent = "a small artist with a devoted following"
    says = "is played {value:,.0f} times by each listener"

    def measure(self, audience: Audience) -> Floats:
        """Divide plays by listeners."""
        each = audience.plays / np.maximum(audience.listeners, 1)
        return np.where(audience.listeners >= self.least_listeners, each, np.nan)

    def levels(self, values: Floats) -> Levels:
        """Take the highest hundredth of the artists, and no less than 50 plays a listener."""
        known = values[~np.isnan(values)]
        high = float(np.quantile(known, self.quantile)) if len(known) else self.least
        return Levels(max(self.least, high), np.inf)
