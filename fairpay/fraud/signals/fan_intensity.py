"""fan_intensity: how heavily an artist's listeners listen, against the mean listener."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import ArtistSignal, Levels

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Floats
    from fairpay.fraud.traces import Audience


@dataclass(frozen=True)
class FanIntensity(ArtistSignal):
    """What market-centric pays over what user-centric pays, for artists with ten listeners or more.

    It says how much more than the mean listener the artist's listeners listen: accounts that play around the clock
    show up as an intensity of 5 and more.
    """

    least_listeners: int = 10
    together: float = 5.0

    name: ClassVar[str] = "fan_intensity"
    aspect: ClassVar[Aspect] = "audience"
    source: ClassVar[str] = "the ratio of the two rules' weights, as in a comparison"
    innocent: ClassVar[str] = "music for offices and shops"

    def measure(self, audience: Audience) -> Floats:
        """Take the intensity of artists with enough listeners."""
        return np.where(audience.listeners >= self.least_listeners, audience.intensity, np.nan)

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - 1 is the mean in every log
        """Fixed: 1 is the mean in every log."""
        return Levels(self.together, np.inf)

    def words(self, value: float) -> str:
        """Say it."""
        return f"has listeners who play {value:.1f} times the average"
