"""plays_per_listener: how often an artist's listeners play the artist."""

import numpy as np
import polars as pl

from fairpay.fraud.signals import ArtistSignal, Floats


class PlaysPerListener(ArtistSignal):
    """Plays for each listener of the artist, for artists with ten listeners or more, against the log's others."""

    quantile = 0.99
    floor = 50.0
    aspect = "audience"
    source = "distributors' artificial streaming reports compare streams to listeners"
    innocent = "a small artist with a devoted following"
    says = "is played {value:,.0f} times by each listener"
    value = pl.col("plays") / pl.col("listeners")

    def level(self, values: Floats) -> float:
        """Take the highest hundredth of the artists, and no less than 50 plays a listener."""
        known = values[~np.isnan(values)]
        high = float(np.quantile(known, self.quantile)) if len(known) else self.floor
        return max(self.floor, high)
