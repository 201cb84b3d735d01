"""Why an artist's payout changes, in words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from fairpay.cli.words import counted, times
from fairpay.reports.comparison import fan_intensity
from fairpay.rules.core.rule import Heavy

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.rule import Rule

__all__ = ["reasons"]


def reasons(outcome: Outcome, first: Rule, second: Rule, *, equal_fees: bool) -> Callable[[int], str]:
    """Return what gives an artist's reason in words.

    Where one rule lets heavy listeners steer more and the other holds them back it is the fan intensity, which between
    market- and user-centric is exactly what the change comes from (see `fairpay.reports.comparison.fan_intensity`);
    elsewhere the words are the artist's listening and no claim.
    """
    if {first.heavy, second.heavy} != {Heavy.STEERS_MORE, Heavy.IS_HELD_BACK}:
        return lambda artist: neutral(outcome, artist)
    intensity = fan_intensity(outcome)

    def why(artist: int) -> str:
        value = float(intensity[artist])
        if math.isnan(value):
            return "none of its listeners pays"
        if equal_fees:
            return f"its listeners play {times(value)} the average"
        return f"listening per fee is {times(value)} the average"

    return why


def neutral(outcome: Outcome, artist: int) -> str:
    """`12 listeners, 340 plays`."""
    listeners = counted(int(outcome.listeners[artist]), "listener")
    return f"{listeners}, {counted(int(outcome.plays[artist]), 'play')}"
