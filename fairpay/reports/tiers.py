"""Tiers of artists, in the shape of the CNM/Deloitte study of 2021."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints

__all__ = ["Tier", "tiers"]

BOUNDS = (("top 10", 10), ("11-100", 100), ("101-1,000", 1_000), ("1,001-10,000", 10_000), ("rest", None))


@dataclass(frozen=True, slots=True)
class Tier:
    """Artists of neighbouring ranks, and what they get together under two rules, in minor units."""

    name: str
    artists: int
    before: int
    after: int

    @property
    def change(self) -> Fraction | None:
        """The change as a fraction of `before`: -1/10 for 10 % less; None where `before` is 0."""
        return Fraction(self.after - self.before, self.before) if self.before else None


def tiers(order: Ints, before: Ints, after: Ints) -> tuple[Tier, ...]:
    """Sum payouts int64[artists] by tier; `order` ranks the artists, best paid under the first rule first.

    All five tiers are returned, those beyond the last artist with no artists and no money.
    """
    found = []
    start = 0
    for name, end in BOUNDS:
        members = order[start:end]
        found.append(Tier(name, len(members), sum_exactly(before[members]), sum_exactly(after[members])))
        start = end or 0
    return tuple(found)
