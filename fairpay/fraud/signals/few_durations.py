"""few_durations: many plays of a handful of lengths."""

import polars as pl

from fairpay.fraud.signals import DAILY, UserSignal


class FewDurations(UserSignal):
    """Plays a day of accounts whose plays have at most ten distinct lengths, or none over 80 seconds; else 0.

    In the spirit of the rule by which Record Union withheld money: at least 150 plays a day that all look alike.
    """

    most_durations = 10
    short_ms = 80_000
    alone = 150.0
    aspect = "length"
    applies = 150
    source = "Record Union's artificial streaming rule: 150 plays a day, 10 durations, 80 seconds"
    innocent = "someone who sleeps to the same few noise tracks and plays nothing else"
    several = "play all day, in few or short lengths"
    needs = frozenset({"duration", "time"})
    says = "plays {value:,.0f} times a day, with no more than {signal.most_durations} lengths or all under 80 s"
    alike = (pl.col("duration").n_unique() <= most_durations) | (pl.col("duration").max() <= short_ms)
    value = pl.when(alike).then(DAILY).otherwise(0.0)
