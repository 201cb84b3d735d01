"""Funds: from the money that was stated to the pool that is divided, in whole minor units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.errors import InputError, UsageError
from fairpay.money.counts import counted
from fairpay.money.currency import LARGEST, Currency, round_half_even
from fairpay.reports.outcome import Money

if TYPE_CHECKING:
    from fractions import Fraction

    from fairpay.settings.values import MoneyStated

__all__ = ["ASSUMED_FEE", "Paying", "check_stated", "funds"]

ASSUMED_FEE = "10"
"""What `compare` takes each listener to have paid where no money is stated."""


@dataclass(frozen=True, slots=True)
class Paying:
    """Who paid, as the engine found it: subscribers matched to listeners."""

    users: int
    """Users with listening."""
    fees: Fraction | int
    """What they paid, in minor units; only where a subscriber file was given. Not whole where some is passed on."""
    inactive: int = 0
    """Subscribers who played nothing."""
    inactive_fees: Fraction | int = 0
    """What these paid, in minor units."""
    unlisted: int = 0
    """Users with listening and without a subscription line."""
    left_out: bool = False
    """Whether those are not among the users."""

    @property
    def subscribers(self) -> int:
        """Users whose fee is known: those with listening and those without."""
        return self.users - (0 if self.left_out else self.unlisted) + self.inactive


def check_stated(stated: MoneyStated, *, required: bool) -> Currency:
    """Return the currency of the money stated, once it is clear that the statement makes sense.

    Raises:
        UsageError: no money where it is required, more than one statement, or an amount that is none.

    """
    given = [name for name in ("pool", "fee", "subscribers") if getattr(stated, name) is not None]
    if len(given) > 1:
        message = "money is stated more than once: " + " and ".join(f"--{name}" for name in given)
        raise UsageError(message, advice="Keep one of --pool, --fee and --subscribers.")
    if required and not given:
        message = "no money stated"
        raise UsageError(message, advice="Give --pool AMOUNT, --fee AMOUNT or --subscribers FILE.")
    currency = Currency.of(stated.currency)
    for amount in (stated.pool, stated.fee):
        if amount is not None:
            currency.units(amount)
    return currency


def fee_units(stated: MoneyStated, currency: Currency) -> int:
    """Return what each listener paid, in fee units: minor units, or 1 where only a pool is known."""
    if stated.pool is not None:
        return 1
    return currency.units(stated.fee if stated.fee is not None else ASSUMED_FEE)


def funds(stated: MoneyStated, currency: Currency, paying: Paying) -> Money:
    """Work out the pool: what was stated times the royalty rate, rounded once, a half to the even minor unit.

    Raises:
        InputError: the money is 2^62 minor units or more.

    """
    if stated.pool is not None:
        gross, words = currency.units(stated.pool), f"{grouped(currency.units(stated.pool), currency)} stated"
    elif stated.subscribers is not None:
        gross = int(paying.fees + paying.inactive_fees)
        words = f"{grouped(gross, currency)} paid by {counted(paying.subscribers, 'subscriber')}"
    else:
        fee = fee_units(stated, currency)
        gross, words = fee * paying.users, f"{grouped(fee, currency)} from {counted(paying.users, 'subscriber')}"
    if gross >= LARGEST:
        message = f"the money adds up to {currency.text(gross)} {currency.code}, more than 2^62 minor units"
        raise InputError(message, advice="Divide it in several pools.")
    whole = round_half_even(gross * stated.rate)
    active = round_half_even((gross - paying.inactive_fees) * stated.rate)
    held = whole - active if stated.inactive == "hold" else 0
    return Money(
        pool=whole - held,
        stated=words if stated.rate == 1 else f"{percent(stated.rate)} of {words}",
        assumed=stated.pool is None and stated.fee is None and stated.subscribers is None,
        rate=stated.rate,
        subscribers=paying.subscribers,
        inactive=paying.inactive,
        inactive_money=whole - active,
        held=held,
        inactive_policy=stated.inactive,
        unlisted=paying.unlisted,
        unlisted_policy=stated.unlisted,
    )


def percent(rate: Fraction) -> str:
    """7/10 is `70 %`."""
    scaled = rate * 100
    return f"{scaled.numerator} %" if scaled.denominator == 1 else f"{float(scaled):.6g} %"


def grouped(units: int, currency: Currency) -> str:
    """Write an amount for people: `1,460.97`."""
    whole, point, part = currency.text(units).partition(".")
    return f"{int(whole):,}{point}{part}"
