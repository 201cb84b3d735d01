"""hours_a_day: how long an account listens."""

import polars as pl

from fairpay.fraud.signals import UserSignal
from fairpay.fraud.traces import Traces

HOUR_MS = 3_600_000


class HoursADay(UserSignal):
    """Hours of listening a day, over the days the log covers.

    More than a day has means several devices at once.
    """

    together = 16.0
    alone = 22.0
    aspect = "amount"
    source = "a day has 24 hours"
    innocent = "a shop that is open late, or a family on one account"
    several = "listen most of the day"
    needs = frozenset({"duration", "time"})
    says = "listens {value:.1f} hours a day"

    def measure(self, traces: Traces) -> pl.DataFrame:
        """Add up what was heard."""
        heard = (
            traces.rows.filter(pl.col("whole") >= self.applies)
            .group_by("user")
            .agg(pl.col("duration").cast(pl.Int64).sum())
        )
        return heard.select("user", value=pl.Series(heard["duration"].to_numpy() / HOUR_MS / traces.span.days))
