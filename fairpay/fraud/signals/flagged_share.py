"""flagged_share: how much of an artist's listening comes from accounts with a finding."""

from dataclasses import dataclass

import numpy as np

from fairpay.fraud.signal import ArtistSignal, Floats
from fairpay.fraud.traces import Audience


@dataclass(frozen=True)
class FlaggedShare(ArtistSignal):
    """Share of the artist's plays that come from accounts with a finding, for artists with 100 plays or more."""

    least_plays: int = 100
    together: float = 0.25
    alone: float = 0.5

    name = "flagged_share"
    aspect = "accomplices"
    source = "who is paid by the accounts in question is part of the question"
    innocent = "an artist whom somebody else's bots play as camouflage"
    says = "gets {value:.0%} of its plays from flagged accounts"

    def measure(self, audience: Audience) -> Floats:
        """Divide plays of flagged users by all plays."""
        share = audience.flagged / np.maximum(audience.plays, 1)
        return np.where(audience.plays >= self.least_plays, share, np.nan)
