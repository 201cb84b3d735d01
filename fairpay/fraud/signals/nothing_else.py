"""nothing_else: listeners who play only this artist."""

from fairpay.fraud.signals import ArtistSignal, Floats
from fairpay.fraud.traces import Audience


class NothingElse(ArtistSignal):
    """Share of the artist's listeners who play nobody else, for artists with ten listeners or more."""

    together = 0.5
    aspect = "audience"
    source = "accounts made for one artist have no reason to play another"
    innocent = "stories for children; a podcast counted as an artist"
    says = "{share} of its listeners play nobody else"

    def of(self, audience: Audience) -> Floats:
        """Divide loyal listeners by listeners."""
        return audience.loyal / audience.listeners
