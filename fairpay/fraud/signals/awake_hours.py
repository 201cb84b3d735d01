"""awake_hours: at how many hours of the day an account plays."""

import polars as pl

from fairpay.fraud.signals import WHOLE, UserSignal


class AwakeHours(UserSignal):
    """Hours of the day (UTC) that hold at least 2 % of the account's plays, for accounts with 200 plays or more.

    Evenly spread, each hour holds 4.2 %. The zone does not matter: it only turns the clock.
    """

    applies = 200
    hour = pl.col("time") // 3600 % 24
    least_share = 0.02
    together = 24.0
    aspect = "rest"
    source = "people sleep; accounts run by programs need not"
    innocent = "shift workers, or several people on one account"
    several = "play around the clock"
    needs = frozenset({"time"})
    says = "plays at {value:.0f} of the 24 hours of the day"
    value = (hour.unique_counts() >= least_share * WHOLE).sum()
