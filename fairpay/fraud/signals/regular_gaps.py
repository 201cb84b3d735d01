"""regular_gaps: plays that follow one another like clockwork."""

import polars as pl

from fairpay.fraud.signals import DAILY, UserSignal


class RegularGaps(UserSignal):
    """Share of the account's commonest interval between the ends of two plays, in whole seconds.

    Intervals over half an hour are pauses and are left out. Taken for accounts with 50 plays a day or more.
    """

    longest = 1800
    least_daily = 50.0
    together = 0.5
    aspect = "sameness"
    source = "programs wait for equal times"
    innocent = "one track on repeat"
    several = "play at equal intervals"
    needs = frozenset({"time"})
    says = "waits equally long between {share} of its plays"
    gaps = pl.col("time").diff()
    near = gaps.filter(gaps <= longest)
    often = least_daily <= DAILY
    value = pl.when(often).then(near.unique_counts().max() / near.len())
