"""When people listen: the days and hours of a month, cut into windows."""

from __future__ import annotations

import calendar as civil
import datetime as dt
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import UsageError
from fairpay.synth.draws import below

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["AROUND_THE_CLOCK", "HOUR_MS", "OVERNIGHT", "PEOPLE", "Calendar", "Hours"]

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

    def plays_before(self, edges: Ints, *, total: Ints, phase: NDArray[np.uint64], shift: Ints, hours: Hours) -> Ints:
        """Count each user's plays before the given edges of windows: int64[users, edges].

        A user's plays follow the calendar evenly; `phase` (a draw) decides where the remainders fall, so that counts
        of windows are whole, never negative, and sum to the user's `total`.
        """
        day, part = np.divmod(edges, self.parts)
        weights = np.append(self.day_weights, 0)
        passed = np.concatenate([[0], np.cumsum(self.day_weights)])
        whole = int(passed[-1]) * UNIT
        before = passed[day] * UNIT + weights[day] * hours.before[shift[:, None], part * (24 // self.parts)]
        remainder = below(phase, whole)
        counted: Ints = (total[:, None] * before + remainder[:, None]) // whole
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
