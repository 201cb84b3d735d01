"""When people listen: the days and hours of a month, cut into windows."""

from __future__ import annotations

import calendar as civil
import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import UsageError
from fairpay.synth.draws import below, draw, lognormal_steps

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["AROUND_THE_CLOCK", "HOUR_MS", "OVERNIGHT", "PEOPLE", "Calendar", "Hours", "Rhythm"]

HOUR_MS = 3_600_000
WEEKDAY = (96, 95, 97, 100, 112, 118, 104)
"""People listen a little more towards the weekend."""
UNIT = 1024


@dataclass(frozen=True)
class Hours:
    """How the listening of a day is spread over its hours."""

    weights: tuple[int, ...]
    """24 integers that sum to 1024."""

    @cached_property
    def shifted(self) -> Ints:
        """int64[24, 24]: the weights of a day that begins so many hours later."""
        return np.array([np.roll(self.weights, shift) for shift in range(24)], dtype=np.int64)

    @cached_property
    def before(self) -> Ints:
        """int64[24, 25]: listening before each hour, of 1024, by shift."""
        return np.cumsum(np.pad(self.shifted, ((0, 0), (1, 0))), axis=1)

    @cached_property
    def hour_at(self) -> Ints:
        """int64[24, 1024]: the hour in which each 1024th of the day's listening falls, by shift."""
        return np.array([np.repeat(np.arange(24), row) for row in self.shifted], dtype=np.int64)


PEOPLE = Hours((14, 7, 3, 2, 2, 6, 22, 52, 60, 52, 48, 50, 54, 52, 50, 54, 62, 72, 78, 76, 72, 62, 46, 28))
OVERNIGHT = Hours((114,) * 6 + (56,) + (0,) * 15 + (56, 228))
AROUND_THE_CLOCK = Hours((43,) * 16 + (42,) * 8)


@dataclass(frozen=True)
class Rhythm:
    """On which days of a month somebody listens, and how unlike these are."""

    active: Ints | int = 1 << 16
    """Of 2^16 days, those with listening; int64[users], or one for all."""
    uneven: float = 0.0
    """Sigma of the log-normal of listening per active day."""
    since: Ints | int = 0
    """First day of the month, from 0, likewise."""
    until: int = 31
    """The day before which it ends."""

    def weights(self, start: np.uint64, users: Ints, first: int, usual: Ints) -> Ints:
        """Weigh the days of some users (numbers from `first` on), of which `usual` weighs everybody's: int64[n, days].

        Whoever would have no day has them all.
        """
        day = np.arange(len(usual))
        bits = draw(start, users[:, None] * 64 + day + first * 64)
        since, active = (np.asarray(one)[users, None] if np.ndim(one) else one for one in (self.since, self.active))
        within = (day >= since) & (day < self.until)
        on = within & (below(bits, 1 << 16, offset=16) < active)
        on |= within & ~on.any(axis=1, keepdims=True)
        found: Ints = usual * lognormal_steps(64, median=64, sigma=self.uneven)[below(bits, 64)] * on
        return found


@dataclass(frozen=True)
class Calendar:
    """A month cut into windows of whole hours, so that it can be made window by window."""

    first: dt.datetime
    """The month's first moment, UTC."""
    parts: int
    """Windows a day: a divisor of 24."""
    weekday: tuple[int, ...] = WEEKDAY
    """How much is played on Monday and the days after it."""

    @classmethod
    def of(cls, text: str, *, parts: int) -> Calendar:
        """Read `2026-10`.

        Raises:
            UsageError: when it is not a month.

        """
        try:
            return cls(dt.datetime.strptime(text, "%Y-%m").replace(tzinfo=dt.UTC), parts)
        except ValueError:
            message = f"{text!r} is not a month"
            raise UsageError(message, advice="Write a year and a month, such as 2026-10.") from None

    @property
    def days(self) -> int:
        """Days of the month."""
        return civil.monthrange(self.first.year, self.first.month)[1]

    @property
    def windows(self) -> int:
        """Windows of the month."""
        return self.days * self.parts

    @cached_property
    def day_weights(self) -> Ints:
        """int64[days]: how much is played on each."""
        return np.resize(np.roll(self.weekday, -self.first.weekday()), self.days)

    def plays_before(  # noqa: PLR0913 - told apart by name
        self, edges: Ints, *, days: Ints, total: Ints, phase: NDArray[np.uint64], shift: Ints, hours: Hours
    ) -> Ints:
        """Count each user's plays before the given edges of windows: int64[users, edges].

        A user's plays follow the weights of `days`, int64[users or 1, days], evenly; `phase` (a draw) decides where the
        remainders fall, so that counts of windows are whole, never negative, and sum to the user's `total`.
        """
        day, part = np.divmod(edges, self.parts)
        weights = np.pad(days, ((0, 0), (0, 1)))
        passed = np.cumsum(weights, axis=1) - weights
        whole = passed[:, -1] * UNIT
        before = passed[:, day] * UNIT + weights[:, day] * hours.before[shift[:, None], part * (24 // self.parts)]
        counted: Ints = (total[:, None] * before + below(phase, whole)[:, None]) // whole[:, None]
        return counted

    def moments(self, bits: NDArray[np.uint64], *, window: Ints, shift: Ints, hours: Hours) -> Ints:
        """Draw a moment inside each window by the hours' weights: milliseconds since the month began, int64[n]."""
        day, part = np.divmod(window, self.parts)
        width = 24 // self.parts
        low = hours.before[shift, part * width]
        high = hours.before[shift, (part + 1) * width]
        hour = hours.hour_at[shift, np.minimum(low + below(bits, high - low), UNIT - 1)]
        moment: Ints = (day * 24 + hour) * HOUR_MS + below(bits, HOUR_MS, offset=16)
        return moment

    def wrap(self, moment: Ints, window: Ints) -> Ints:
        """Bring moments that run over the end of their window back to its beginning."""
        width = 24 // self.parts * HOUR_MS
        low = window * width
        return low + (moment - low) % width
