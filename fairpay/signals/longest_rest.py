"""longest_rest: does the account ever sleep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.signal import Levels, UserSignal

if TYPE_CHECKING:
    from fairpay.signal import Aspect, Column, Floats
    from fairpay.traces import Traces

WEEK = 7 * 86_400
HOUR = 3600


@dataclass(frozen=True)
class LongestRest(UserSignal):
    """The longest silence of a week, in hours, in the account's most restless full week with 100 plays or more.

    A person sleeps every night, so even a week of celebrations holds a silence of several hours. Silences are taken
    between ends of plays, within the weeks counted from the log's first play.
    """

    least_plays: int = 100
    together: float = 4.0
    alone: float = 1.0

    name: ClassVar[str] = "longest_rest"
    aspect: ClassVar[Aspect] = "rest"
    source: ClassVar[str] = "people sleep; accounts run by programs need not"
    innocent: ClassVar[str] = "several people who share an account in different time zones"
    needs: ClassVar[frozenset[Column]] = frozenset({"time"})
    low: ClassVar[bool] = True

    def measure(self, traces: Traces) -> Floats:
        """Find each user's longest gap in each week, then the smallest of these."""
        found = np.full(traces.users, np.nan)
        if traces.time is None or not len(traces.time):
            return found
        weeks = max(1, int(traces.span.days // 7))
        week = (traces.time.astype(np.int64) - traces.span.first) // WEEK
        full = week < weeks
        cell = (traces.owner * weeks + week)[full]
        time = traces.time[full].astype(np.int64)
        begin = np.flatnonzero(np.diff(cell, prepend=-1))
        gap = np.diff(time, prepend=0)
        gap[begin] = 0
        rows = np.diff(np.append(begin, len(cell)))
        rest = np.maximum.reduceat(gap, begin)
        busy = rows >= self.least_plays
        best = np.full(traces.users, np.iinfo(np.int64).max)
        np.minimum.at(best, cell[begin][busy] // weeks, rest[busy])
        known = best < np.iinfo(np.int64).max
        found[known] = best[known] / HOUR
        return found

    def levels(self, values: Floats) -> Levels:  # noqa: ARG002 - people sleep in every log
        """Fixed: people sleep in every log."""
        return Levels(self.together, self.alone)

    def words(self, value: float) -> str:
        """Say it."""
        return f"is never silent for more than {value:.1f} hours in a week"
