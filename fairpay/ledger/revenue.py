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

    own: Currency
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

    A pool that refunds more than it took comes to less than nothing, and has no floor.

    Args:
        pool: its line of the pool file.
        subscribers: how many to count for the floor where the pool does not say.

    Raises:
        InputError: when it comes to 2^62 minor units or more.

    """
    net = pool.gross - sum((amount for _, amount in pool.deductions), Fraction(0))
    royalty = net * pool.rate
    counted = subscribers if pool.subscribers is None else pool.subscribers
    floor = pool.minimum * counted
    minor = (pool.exchange.rate if pool.exchange else 1) * Fraction(10) ** pool.payout.digits
    base = round_half_even(royalty * minor)
    whole = base if pool.gross < 0 else round_half_even(max(royalty, floor) * minor)
    own = 10**pool.currency.digits * max(abs(pool.gross), abs(net), floor)
    for size, currency in ((own, pool.currency), (abs(whole), pool.payout)):
        if size >= LARGEST:
            message = f"pool {pool.name} comes to 2^62 minor units of {currency.code} or more"
            raise InputError(message, advice="Divide it in several pools.")
    return Revenue(
        own=pool.currency,
        gross=pool.gross,
        deducted=pool.deductions,
        net=net,
        royalty=royalty,
        floor=floor,
        subscribers=counted,
        currency=pool.payout,
        base=base,
        topup=whole - base,
    )
