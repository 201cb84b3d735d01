"""longest_rest: does the account ever sleep."""

import polars as pl

from fairpay.fraud.signals import UserSignal
from fairpay.fraud.traces import Traces

WEEK = 7 * 86_400
HOUR = 3600


class LongestRest(UserSignal):
    """The longest silence of a week, in hours, in the account's most restless full week with 100 plays or more.

    A person sleeps every night, so even a week of celebrations holds a silence of several hours. Weeks are
    counted from the log's first play; the silences at both ends of a week count as far as they lie in it.
    """

    together = 4.0
    alone = 1.0
    aspect = "rest"
    source = "people sleep; accounts run by programs need not"
    innocent = "several people who share an account in different time zones"
    several = "are hardly ever silent"
    needs = frozenset({"time"})
    low = True
    says = "is never silent for more than {value:.1f} hours in a week"

    def measure(self, traces: Traces) -> pl.DataFrame:
        """Find each user's longest gap in each week, then the smallest of these."""
        since, into = pl.col("time").cast(pl.Int64) - traces.span.first, pl.col("into")
        weeks = traces.rows.select("user", week=since // WEEK, into=since % WEEK)
        full = weeks.filter(pl.col("week") < max(1, int(traces.span.days // 7)))
        rest = pl.max_horizontal(into.diff().max(), into.first(), WEEK - into.last())
        busy = full.group_by("user", "week").agg(pl.len(), rest=rest).filter(pl.col("len") >= self.applies)
        best = busy.group_by("user").agg(pl.col("rest").min())
        return best.select("user", value=pl.Series(best["rest"].to_numpy() / HOUR))
