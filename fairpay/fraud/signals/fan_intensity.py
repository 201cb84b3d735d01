"""fan_intensity: how heavily an artist's listeners listen, against the mean listener."""

import polars as pl

from fairpay.fraud.signals import ArtistSignal


class FanIntensity(ArtistSignal):
    """What market-centric pays over what user-centric pays, for artists with ten listeners or more.

    It says how much more than the mean listener the artist's listeners listen: accounts that play around the clock
    show up as an intensity of 5 and more.
    """

    together = 5.0
    aspect = "audience"
    source = "the ratio of the two rules' weights, as in a comparison"
    innocent = "music for offices and shops"
    says = "has listeners who play {value:.1f} times the average"
    value = pl.col("intensity")
