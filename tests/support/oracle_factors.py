"""The three factors between market- and user-centric, and what both pay, by their definitions and in fractions alone.

Nothing here knows fairpay. A listener is a fee and artist -> listening.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    Person = tuple[Fraction, Mapping[str, Fraction]]


def given(person: Person, artists: Collection[str]) -> Fraction:
    """The share of a listener's listening that goes to some artists."""
    _, played = person
    return sum((x for name, x in played.items() if name in artists), Fraction(0)) / sum(played.values())


def both(people: Sequence[Person], artists: Collection[str]) -> tuple[Fraction, Fraction]:
    """What some artists are paid of a pool of 1: market-centric, user-centric."""
    listening = sum(sum(played.values()) for _, played in people)
    heard = sum(sum(x for name, x in played.items() if name in artists) for _, played in people)
    fees = sum(fee for fee, _ in people)
    return Fraction(heard) / listening, sum((fee * given((fee, x), artists) for fee, x in people), Fraction(0)) / fees


def factors(people: Sequence[Person], artists: Collection[str]) -> tuple[Fraction, Fraction, Fraction]:
    """(n_j/n) / (X_j/X), the mean of s_uj over its listeners, and the fees behind that over the mean fee."""
    fans = [person for person in people if given(person, artists)]
    shares = [given(person, artists) for person in fans]
    reach = Fraction(len(fans), len(people)) / both(people, artists)[0]
    behind = sum((fee * s for (fee, _), s in zip(fans, shares, strict=True)), Fraction(0)) / sum(shares)
    return reach, sum(shares) / len(fans), behind / (sum(fee for fee, _ in people) / Fraction(len(people)))
