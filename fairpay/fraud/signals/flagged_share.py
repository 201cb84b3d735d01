"""flagged_share: how much of an artist's listening comes from accounts with a finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import ArtistSignal, Levels

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Floats
    from fairpay.fraud.traces import Audience


@dataclass(frozen=True)
class FlaggedShare(ArtistSignal):
    """Share of the artist's plays that come from accounts with a finding, for artists with 100 plays or more."""

    least_plays: int = 100
    together: float = 0.25
    alone: float = 0.5

    name: ClassVar[str] = "flagged_share"
    aspect: ClassVar[Aspect] = "company"
    source: ClassVar[str] = "who is paid by the accounts in question is part of the question"
    innocent: ClassVar[str] = "an artist whom somebody else's bots play as camouflage"

    def measure(self, audience: Audience) -> Floats:
        """Divide plays of flagged users by all plays."""
        share = audience.flagged / np.maximum(audience.plays, 1)
        return np.where(audience.plays >= self.least_plays, share, np.nan)

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - the same in every log
        """Fixed."""
        return Levels(self.together, self.alone)

    def words(self, value: float) -> str:
        """Say it."""
        return f"gets {value:.0%} of its plays from flagged accounts"
