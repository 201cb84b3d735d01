"""top_artist: how much of an account's plays go to one artist."""

import polars as pl

from fairpay.fraud.signals import WHOLE, UserSignal


class TopArtistShare(UserSignal):
    """Share of plays that go to the account's most played artist, for accounts with 1,500 plays or more."""

    together = 0.98
    aspect = "sameness"
    applies = 1500
    source = "Eternify (2015): an app that loops one artist"
    innocent = "a fan; a child with one favourite"
    several = "play hardly anyone but one artist"
    says = "gives {share} of plays to one artist"
    looks_at = "pairs"
    value = pl.col("plays").max() / WHOLE
