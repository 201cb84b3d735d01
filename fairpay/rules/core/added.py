"""Accounts that join a month, and what a rule says of them: what their artists get, what limits that, and in words."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from fairpay.rules.core.month import Facts
    from fairpay.rules.core.split import Split
    from fairpay.rules.core.usage import Usage

__all__ = ["Added", "Joining", "Reason", "own_fee", "times_fee"]


class Joining(Enum):
    """What accounts that join a month do to the weights of those who were there."""

    STEADY = "nothing: a user's weight depends on that user alone, up to a unit that all have in common"
    SHIFTING = "what a user steers is solved anew; it can still be told from fee and listening"
    ANEW = "anything: the month is prepared and weighed from the start"


class Reason(NamedTuple):
    """Why an account gets what it gets under a rule."""

    brief: str
    """At most 38 characters where the numbers are of the usual size."""
    sentence: str
    """Without its full stop."""


@dataclass(frozen=True, slots=True)
class Added:
    """Accounts, all alike, that have joined a month."""

    facts: Facts
    """The month without them."""
    one: Usage
    """One of them; artist codes from `facts.artists` on are made up."""
    count: int
    """How many there are."""

    @property
    def fee(self) -> int:
        """What each pays, in fee units."""
        return int(self.one.fee[0])

    @property
    def total(self) -> int:
        """Listening of each."""
        return int(self.one.total[0])

    @property
    def plays(self) -> int:
        """Plays of each."""
        return int(self.one.plays[0])

    def kept(self, split: Split) -> Fraction:
        """Return which part of each account's budget goes to made-up artists, split in this way."""
        _, artist, counts, whole = split.entries(self.one)
        return Fraction(int(counts[artist >= self.facts.artists].sum()), int(whole[0]))


def times_fee(limit: Fraction | None) -> str:
    """`0.70 of its fee`, or `1.52 times its fee`."""
    value = float(limit or 0)
    return f"{value:.2f} of its fee" if value <= 1 else f"{value:.2f} times its fee"


def own_fee(limit: Fraction | None) -> Reason:
    """Say that the fee limits an account, as it does where everybody steers what they paid."""
    return Reason(
        "an account moves its own fee only",
        f"an account moves its own fee only, however much it plays: it gets back at most {times_fee(limit)}",
    )
