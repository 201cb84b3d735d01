"""jump: how an artist's plays grew since the month before."""

import polars as pl

from fairpay.fraud.signals import ArtistSignal


class Jump(ArtistSignal):
    """Plays as a multiple of the plays in the month before (at least one), for artists with 500 plays or more."""

    counted = "plays"
    least = 500
    together = 10.0
    aspect = "reach"
    source = "sudden peaks are what distributors are asked to explain first"
    innocent = "a new record, a film, a death"
    needs = frozenset({"previous"})
    says = "is played {value:,.1f} times as much as the month before"
    value = pl.col("plays") / pl.col("previous").clip(1)
