"""Allocation: amounts per artist, in minor units; it refuses to exist unbalanced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.errors import UnbalancedError
from fairpay.money.integers import sum_exactly

if TYPE_CHECKING:
    from fairpay.kernels.arrays import Ints

__all__ = ["Allocation"]


@dataclass(frozen=True, slots=True)
class Allocation:
    """What each artist is paid under one rule."""

    rule: str
    """The rule as asked for, with its parameters: `bounded:b=0.8`."""
    paid: Ints
    """int64[artists]: minor units, in artist order."""
    pool: int
    """Minor units that had to be divided; equals the sum of `paid`."""

    def __post_init__(self) -> None:
        """Refuse an allocation that creates or loses a single minor unit.

        Raises:
            UnbalancedError: when the amounts do not sum to the pool, or one is negative.

        """
        total = sum_exactly(self.paid)
        if total != self.pool or (self.paid.size and int(self.paid.min()) < 0):
            message = f"{self.rule} paid {total} minor units of a pool of {self.pool}"
            raise UnbalancedError(message, advice="This is a fault of fairpay; please report it. Nothing was written.")
