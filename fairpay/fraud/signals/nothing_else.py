"""nothing_else: listeners who play only this artist."""

import polars as pl

from fairpay.fraud.signals import ArtistSignal


class NothingElse(ArtistSignal):
    """Share of the artist's listeners who play nobody else, for artists with ten listeners or more."""

    together = 0.5
    aspect = "audience"
    source = "accounts made for one artist have no reason to play another"
    innocent = "stories for children; a podcast counted as an artist"
    says = "{share} of its listeners play nobody else"
    value = pl.col("loyal") / pl.col("listeners")
