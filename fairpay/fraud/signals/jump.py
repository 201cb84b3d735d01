"""jump: how an artist's plays grew since the month before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import ArtistSignal, Levels

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Column, Floats
    from fairpay.fraud.traces import Audience


@dataclass(frozen=True)
class Jump(ArtistSignal):
    """Plays as a multiple of the plays in the month before (at least one), for artists with 500 plays or more."""

    least_plays: int = 500
    together: float = 10.0

    name: ClassVar[str] = "jump"
    aspect: ClassVar[Aspect] = "reach"
    source: ClassVar[str] = "sudden peaks are what distributors are asked to explain first"
    innocent: ClassVar[str] = "a new record, a film, a death"
    needs: ClassVar[frozenset[Column]] = frozenset({"previous"})

    def measure(self, audience: Audience) -> Floats:
        """Divide by last month's plays."""
        if audience.previous is None:
            return np.full(len(audience.plays), np.nan)
        times = audience.plays / np.maximum(audience.previous, 1)
        return np.where(audience.plays >= self.least_plays, times, np.nan)

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - the same in every log
        """Fixed."""
        return Levels(self.together, np.inf)

    def words(self, value: float) -> str:
        """Say it."""
        return f"is played {value:,.1f} times as much as the month before"
