"""plays_a_day: how often an account plays."""

import numpy as np

from fairpay.fraud.signals import DAILY, Floats, UserSignal

NORMAL = 1.4826
"""Median absolute deviation to standard deviation, for a normal distribution."""


class PlaysADay(UserSignal):
    """Plays a day, against the log's own distribution.

    Listening per person is about log-normal, so the level is so many robust standard deviations (median and median
    absolute deviation of the logarithms) above the median, kept within fixed bounds so that a log in which everybody
    is a bot does not move it out of reach.
    """

    deviations = 2.5
    least = 300.0
    most = 500.0
    alone = 1000.0
    aspect = "amount"
    source = "USA v. Smith (SDNY 2024): 1,040 accounts with 636 plays a day each"
    innocent = "a family, a shop or a waiting room on one account"
    several = "play very often"
    needs = frozenset({"time"})
    says = "plays {value:,.0f} times a day"
    value = DAILY

    def level(self, values: Floats) -> float:
        """Go so many robust deviations above the median."""
        known = np.log(values[values > 0])
        if not len(known):
            return self.most
        middle = np.median(known)
        spread = NORMAL * np.median(np.abs(known - middle))
        return float(np.clip(np.exp(middle + self.deviations * spread), self.least, self.most))
