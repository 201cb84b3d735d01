"""heavy_share: how much of an artist's listening comes from the heaviest hundredth of the audience."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import ArtistSignal, Levels

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Floats
    from fairpay.fraud.traces import Audience


@dataclass(frozen=True)
class HeavyShare(ArtistSignal):
    """Share of the artist's plays that come from the heaviest 1 % of listeners, where there are 100 or more."""

    least_listeners: int = 100
    together: float = 0.8

    name: ClassVar[str] = "heavy_share"
    aspect: ClassVar[Aspect] = "audience"
    source: ClassVar[str] = "a handful of accounts that make up an artist's listening (Maasø 2014)"
    innocent: ClassVar[str] = "a shop that plays the artist all day"

    def measure(self, audience: Audience) -> Floats:
        """Divide the heaviest listeners' plays by all plays."""
        share = audience.heavy / np.maximum(audience.plays, 1)
        return np.where(audience.listeners >= self.least_listeners, share, np.nan)

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - the same in every log
        """Fixed."""
        return Levels(self.together, np.inf)

    def words(self, value: float) -> str:
        """Say it."""
        return f"gets {value:.0%} of its plays from the top 1 % of listeners"
