"""Why an artist gains or loses, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.reports.words import counted, times
from fairpay.rules.core.rule import Heavy

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairpay.rules.core.rule import Rule

__all__ = ["listened_to", "why"]


def why(first: Rule, second: Rule, *, equal_fees: bool) -> Callable[[float | None, int | None, int], str]:
    """Return what gives an artist's reason: of its fan intensity (None: nobody pays), listeners (None) and plays.

    Where one rule lets heavy listeners steer more and the other holds them back it is the fan intensity, which between
    market- and user-centric is exactly what the change comes from (see `fairpay.reports.tables.fan_intensity`);
    elsewhere the words are the artist's listening and no claim.
    """
    claims = {first.heavy, second.heavy} == {Heavy.STEERS_MORE, Heavy.IS_HELD_BACK}

    def words(intensity: float | None, listeners: int | None, plays: int) -> str:
        if not claims:
            return listened_to(listeners, plays)
        if intensity is None:
            return "none of its listeners pays"
        if equal_fees:
            return f"its listeners play {times(intensity)} the average"
        return f"listening per fee is {times(intensity)} the average"

    return words


def listened_to(listeners: int | None, plays: int) -> str:
    """`12 listeners, 340 plays`; of listeners that are not told, the plays alone."""
    told = [] if listeners is None else [counted(listeners, "listener")]
    return ", ".join([*told, counted(plays, "play")])
