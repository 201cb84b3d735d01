"""How one listener's listening is divided anew: by own history, then by stated wishes; exact integers in and out.

What comes out are shares as whole numbers in a unit of the listener's own: nothing is rounded here.

Own history: s' = (x + k h) / (L + k), h the listener's own past shares and k a number of plays, which where time is
measured are plays of the listener's own mean length. There is never a global prior: only what this listener played.

Wishes: t = g + (1 - |g|) (s * m) / |s * m|, g the gifts (shares of the listener's money), m zero for blocked artists,
the factor for boosted ones, one otherwise. If everything played is blocked, the gifts take all, then the past shares
that are not blocked; if there is nothing of either, the money goes to the line BLOCKED, which the summary names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from typing import TYPE_CHECKING

from fairpay.money.currency import LARGEST

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "BLOCKED",
    "Wishes",
    "apportion",
    "divide_listening",
    "fitted",
    "whole",
    "with_history",
    "with_wishes",
]

BLOCKED = "held:every artist blocked"
"""The line of listeners who blocked all they play and name nobody else."""


@dataclass(slots=True)
class Wishes:
    """What one listener asked for."""

    gifts: dict[str, Fraction] = field(default_factory=dict)
    """artist -> share of the listener's money; together at most 1."""
    blocked: set[str] = field(default_factory=set)
    boosts: dict[str, Fraction] = field(default_factory=dict)
    """artist -> factor on the listener's own share, above 0."""


def divide_listening(
    own: Mapping[str, int], *, plays: int, past: Mapping[str, int], kappa: Fraction, wishes: Wishes | None
) -> dict[str, int]:
    """Return how one listener's listening is divided among artists, by listening, history and wishes together.

    Args:
        own: artist -> this month's listening in the measure, each above 0; at least one artist.
        plays: this month's plays, at least 1.
        past: artist -> past plays, each above 0; may be empty.
        kappa: how many plays the past counts for.
        wishes: None for none.

    Returns:
        artist -> parts, none zero, in the exact proportion; integers of any size.

    """
    weights = with_history(own, plays=plays, past=past, kappa=kappa)
    return weights if wishes is None else with_wishes(weights, past=past, wishes=wishes)


def fitted(weights: Mapping[str, int]) -> tuple[dict[str, int], bool]:
    """Bring parts to the smallest whole numbers, summing to at most 2^62; say also whether that was exact.

    Where the exact proportion is finer, each is cut off below the last bit: equal parts stay equal, and none is lost.
    """
    common = gcd(*weights.values())
    small = {a: x // common for a, x in weights.items()}
    total = sum(small.values())
    if total <= LARGEST:
        return small, True
    most = LARGEST - len(small)
    return {a: max(1, x * most // total) for a, x in small.items()}, False


def with_history(own: Mapping[str, int], *, plays: int, past: Mapping[str, int], kappa: Fraction) -> dict[str, int]:
    """Return integer weights in proportion to x + k h; k is kappa plays of the mean length L / N."""
    heard, remembered = sum(own.values()), sum(past.values())
    if not remembered or not kappa:
        return dict(own)
    scale, pull = plays * remembered * kappa.denominator, kappa.numerator * heard
    return {a: own.get(a, 0) * scale + past.get(a, 0) * pull for a in {**own, **past}}


def with_wishes(weights: Mapping[str, int], *, past: Mapping[str, int], wishes: Wishes) -> dict[str, int]:
    """Return integer weights in proportion to t."""
    given = sum(wishes.gifts.values(), Fraction(0))
    own = masked(weights, wishes)
    if not sum(own.values()) and not given:
        own = masked(past, wishes)
        if not sum(own.values()):
            return {BLOCKED: 1}
    base = sum(own.values())
    if not base:
        return whole(dict(wishes.gifts))
    kept = {a: x * (1 - given) for a, x in own.items()}
    return whole({a: kept.get(a, Fraction(0)) + wishes.gifts.get(a, 0) * base for a in {**kept, **wishes.gifts}})


def masked(weights: Mapping[str, int], wishes: Wishes) -> dict[str, Fraction]:
    """Leave blocked artists out, and multiply boosted ones."""
    return {a: x * wishes.boosts.get(a, Fraction(1)) for a, x in weights.items() if x and a not in wishes.blocked}


def whole(weights: Mapping[str, Fraction]) -> dict[str, int]:
    """Multiply fractions by their common denominator."""
    common = lcm(*(Fraction(x).denominator for x in weights.values()))
    return {a: int(x * common) for a, x in weights.items() if x}


def apportion(weights: Mapping[str, int], total: int) -> dict[str, int]:
    """Divide units by largest remainder; ties go to the smaller id in bytes."""
    among = sum(weights.values())
    parts = {a: divmod(total * x, among) for a, x in weights.items()}
    left = total - sum(floor for floor, _ in parts.values())
    served = sorted(parts, key=lambda a: (-parts[a][1], a.encode()))[:left]
    units = {a: floor for a, (floor, _) in parts.items()}
    for artist in served:
        units[artist] += 1
    return {a: n for a, n in units.items() if n}
