"""Revenue: from what a pool took to what it pays, exactly, and rounded once."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.errors import InputError
from fairpay.money.currency import LARGEST, round_half_even

if TYPE_CHECKING:
    from fairpay.ledger.pools import Pool
    from fairpay.money.currency import Currency

__all__ = ["Revenue", "revenue"]


@dataclass(frozen=True, slots=True)
class Revenue:
    """The chain of amounts of one pool. Fractions are exact major units of the pool's own currency."""

    gross: Fraction
    deducted: tuple[tuple[str, Fraction], ...]
    """Each deduction by name."""
    net: Fraction
    """Gross less deductions."""
    royalty: Fraction
    """Net times the royalty rate."""
    floor: Fraction
    """The least royalty: minimum per subscriber times subscribers."""
    subscribers: int
    """What the floor counted."""
    currency: Currency
    """Of the two amounts below."""
    base: int
    """The royalty in minor units of the payout currency."""
    topup: int
    """What the per-subscriber minimum adds, in minor units of the payout currency."""

    @property
    def pool(self) -> int:
        """What is divided."""
        return self.base + self.topup


def revenue(pool: Pool, *, subscribers: int) -> Revenue:
    """Work out what a pool pays: (gross - deductions) x rate, at least the floor, exchanged, rounded once.

    Args:
        pool: its line of the pool file.
        subscribers: how many to count for the floor where the pool does not say.

    Raises:
        InputError: when it comes to 2^62 minor units or more.

    """
    deducted = tuple((d.name, d.of(pool.gross)) for d in pool.deductions)
    net = pool.gross - sum((amount for _, amount in deducted), Fraction(0))
    royalty = net * pool.rate
    counted = subscribers if pool.subscribers is None else pool.subscribers
    floor = pool.minimum * counted
    minor = (pool.exchange.rate if pool.exchange else 1) * Fraction(10) ** pool.payout.digits
    base, whole = round_half_even(royalty * minor), round_half_even(max(royalty, floor) * minor)
    if whole >= LARGEST:
        message = f"pool {pool.name} comes to 2^62 minor units of {pool.payout.code} or more"
        raise InputError(message, advice="Divide it in several pools.")
    return Revenue(pool.gross, deducted, net, royalty, floor, counted, pool.payout, base, whole - base)
