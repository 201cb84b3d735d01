"""heavy_share: how much of an artist's listening comes from the heaviest hundredth of the audience."""

from dataclasses import dataclass

import numpy as np

from fairpay.fraud.signal import ArtistSignal, Floats
from fairpay.fraud.traces import Audience


@dataclass(frozen=True)
class HeavyShare(ArtistSignal):
    """Share of the artist's plays that come from the heaviest 1 % of listeners, where there are 100 or more."""

    least_listeners: int = 100
    together: float = 0.8

    name = "heavy_share"
    aspect = "audience"
    source = "a handful of accounts that make up an artist's listening (Maasø 2014)"
    innocent = "a shop that plays the artist all day"
    says = "gets {value:.0%} of its plays from the top 1 % of listeners"

    def measure(self, audience: Audience) -> Floats:
        """Divide the heaviest listeners' plays by all plays."""
        share = audience.heavy / np.maximum(audience.plays, 1)
        return np.where(audience.listeners >= self.least_listeners, share, np.nan)
