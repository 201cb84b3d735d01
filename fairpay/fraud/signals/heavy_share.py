"""heavy_share: how much of an artist's listening comes from the heaviest hundredth of the audience."""

import polars as pl

from fairpay.fraud.signals import ArtistSignal


class HeavyShare(ArtistSignal):
    """Share of the artist's plays that come from the heaviest 1 % of listeners, where there are 100 or more."""

    least = 100
    together = 0.8
    aspect = "audience"
    source = "a handful of accounts that make up an artist's listening (Maasø 2014)"
    innocent = "a shop that plays the artist all day"
    says = "gets {share} of its plays from the top 1 % of listeners"
    value = pl.col("heavy") / pl.col("plays")
