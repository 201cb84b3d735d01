"""evenness: whether an account's plays are spread too evenly to be anybody's taste."""

import numpy as np
import polars as pl

from fairpay.fraud.signals import UserSignal
from fairpay.fraud.traces import Traces


class Evenness(UserSignal):
    """Entropy of the plays over the account's artists, as a share of the most it could be.

    Taken for accounts with 20 artists or more and at least ten plays for each artist on average. People have
    favourites; a program that takes the next track of its list has none: near 1.
    """

    least_artists = 20
    least_each = 10
    together = 0.98
    aspect = "sameness"
    source = "Shannon entropy; USA v. Smith: plays spread over thousands of tracks to stay unseen"
    innocent = "a shop's playlist on shuffle"
    several = "spread their plays evenly over artists"
    says = "spreads plays over its artists {share} evenly"

    def measure(self, traces: Traces) -> pl.DataFrame:
        """Work out -sum p ln p / ln n from the plays of each artist."""
        user, plays = (traces.pairs[name].to_numpy() for name in ("user", "plays"))
        first = np.flatnonzero(np.diff(user, prepend=-1))
        artists, whole = np.diff(first, append=len(user)), np.add.reduceat(plays, first)
        weighed = np.add.reduceat(plays * np.log(plays), first)
        with np.errstate(divide="ignore", invalid="ignore"):
            even = (np.log(whole) - weighed / whole) / np.log(artists)
        known = (artists >= self.least_artists) & (whole >= self.least_each * artists)
        return pl.DataFrame({"user": user[first], "value": np.where(known, np.clip(even, 0.0, 1.0), np.nan)})
