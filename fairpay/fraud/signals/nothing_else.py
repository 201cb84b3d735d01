"""nothing_else: listeners who play only this artist."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import ArtistSignal, Levels

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Floats
    from fairpay.fraud.traces import Audience


@dataclass(frozen=True)
class NothingElse(ArtistSignal):
    """Share of the artist's listeners who play nobody else, for artists with ten listeners or more."""

    least_listeners: int = 10
    together: float = 0.5

    name: ClassVar[str] = "nothing_else"
    aspect: ClassVar[Aspect] = "audience"
    source: ClassVar[str] = "accounts made for one artist have no reason to play another"
    innocent: ClassVar[str] = "stories for children; a podcast counted as an artist"

    def measure(self, audience: Audience) -> Floats:
        """Divide loyal listeners by listeners."""
        share = audience.loyal / np.maximum(audience.listeners, 1)
        return np.where(audience.listeners >= self.least_listeners, share, np.nan)

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - the same in every log
        """Fixed."""
        return Levels(self.together, np.inf)

    def words(self, value: float) -> str:
        """Say it."""
        return f"{value:.0%} of its listeners play nobody else"
