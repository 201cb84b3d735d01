"""longest_rest: does the account ever sleep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fairpay.fraud.signal import Levels, UserSignal

if TYPE_CHECKING:
    from fairpay.fraud.signal import Aspect, Column, Floats
    from fairpay.fraud.traces import Traces

WEEK = 7 * 86_400
HOUR = 3600


@dataclass(frozen=True)
class LongestRest(UserSignal):
    """The longest silence of a week, in hours, in the account's most restless full week with 100 plays or more.

    A person sleeps every night, so even a week of celebrations holds a silence of several hours. Weeks are
    counted from the log's first play; the silences at both ends of a week count as far as they lie in it.
    """

    least_plays: int = 100
    together: float = 4.0
    alone: float = 1.0

    name: ClassVar[str] = "longest_rest"
    aspect: ClassVar[Aspect] = "rest"
    source: ClassVar[str] = "people sleep; accounts run by programs need not"
    innocent: ClassVar[str] = "several people who share an account in different time zones"
    several: ClassVar[str] = "are hardly ever silent"
    needs: ClassVar[frozenset[Column]] = frozenset({"time"})
    low: ClassVar[bool] = True

    def measure(self, traces: Traces) -> Floats:
        """Find each user's longest gap in each week, then the smallest of these."""
        found = np.full(traces.users, np.nan)
        if traces.moments is None or not len(traces.moments):
            return found
        weeks = max(1, int(traces.span.days // 7))
        week = (traces.moments.astype(np.int64) - traces.span.first) // WEEK
        full = week < weeks
        cell = (traces.owner * weeks + week)[full]
        time = traces.moments[full].astype(np.int64)
        begin = np.flatnonzero(np.diff(cell, prepend=-1))
        if not len(begin):
            return found
        gap = np.diff(time, prepend=0)
        into = (time - traces.span.first) % WEEK
        gap[begin] = into[begin]
        end = np.append(begin[1:], len(cell)) - 1
        rest = np.maximum(np.maximum.reduceat(gap, begin), WEEK - into[end])
        rows = end - begin + 1
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
