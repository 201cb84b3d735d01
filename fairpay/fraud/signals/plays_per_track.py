"""plays_per_track: few tracks for many plays."""

import polars as pl

from fairpay.fraud.signals import WHOLE, UserSignal


class PlaysPerTrack(UserSignal):
    """Plays of each distinct track, on average over the log, for accounts with 1,500 plays or more."""

    together = 60.0
    aspect = "sameness"
    applies = 1500
    source = "Eternify (2015): an app that loops one artist"
    innocent = "someone who sleeps to one track of white noise"
    several = "repeat the same tracks"
    needs = frozenset({"track"})
    says = "plays each track {value:,.0f} times"
    value = WHOLE / pl.col("track").n_unique()
