"""short_plays: plays that end just after they begin to count."""

import polars as pl

from fairpay.fraud.signals import WHOLE, UserSignal


class ShortPlays(UserSignal):
    """Share of plays that end within five seconds of the qualifying length, for accounts with 100 plays or more.

    A play earns from 30 seconds on; who plays to earn stops there.
    """

    window_s = 5
    together = 0.5
    alone = 0.9
    aspect = "length"
    source = "Sleepify (2014): ten tracks of 31 to 32 seconds"
    innocent = "someone who skips a lot, or a playlist of jingles"
    several = "stop just past the qualifying length"
    needs = frozenset({"duration"})
    says = "ends {share} of plays within {signal.window_s} s of the qualifying length"
    value = (pl.col("duration") <= pl.col("min_ms") + 1000 * window_s).sum() / WHOLE
