"""regular_gaps: plays that follow one another like clockwork."""

import polars as pl

from fairpay.fraud.signals import UserSignal
from fairpay.fraud.traces import Traces


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

    def measure(self, traces: Traces) -> pl.DataFrame:
        """Count equal intervals."""
        often = (pl.col("whole") >= self.applies) & (pl.col("daily") >= self.least_daily)
        near = traces.rows.filter(pl.col("gap") <= self.longest, often)
        return near.group_by("user").agg(value=pl.col("gap").unique_counts().max() / pl.len())
