"""flagged_share: how much of an artist's listening comes from accounts with a finding."""

import polars as pl

from fairpay.fraud.signals import ArtistSignal


class FlaggedShare(ArtistSignal):
    """Share of the artist's plays that come from accounts with a finding, for artists with 100 plays or more."""

    counted = "plays"
    least = 100
    together = 0.25
    alone = 0.5
    aspect = "accomplices"
    source = "who is paid by the accounts in question is part of the question"
    innocent = "an artist whom somebody else's bots play as camouflage"
    says = "gets {share} of its plays from flagged accounts"
    value = pl.col("flagged") / pl.col("plays")
