"""nothing_else: listeners who play only this artist."""

from dataclasses import dataclass

import numpy as np

from fairpay.fraud.signal import ArtistSignal, Floats
from fairpay.fraud.traces import Audience


@dataclass(frozen=True)
class NothingElse(ArtistSignal):
    """Share of the artist's listeners who play nobody else, for artists with ten listeners or more."""

    least_listeners: int = 10
    together: float = 0.5

    name = "nothing_else"
    aspect = "audience"
    source = "accounts made for one artist have no reason to play another"
    innocent = "stories for children; a podcast counted as an artist"
    says = "{value:.0%} of its listeners play nobody else"

    def measure(self, audience: Audience) -> Floats:
        """Divide loyal listeners by listeners."""
        share = audience.loyal / np.maximum(audience.listeners, 1)
        return np.where(audience.listeners >= self.least_listeners, share, np.nan)
