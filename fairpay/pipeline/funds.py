"""Funds: from the money that was stated to the pool that is divided, in whole minor units.

A policy may have a pool of its own, which subscribers owe on top of their fees, and set parts of it aside.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import InputError, UsageError
from fairpay.money.counts import counted
from fairpay.money.currency import LARGEST, Currency, round_half_even
from fairpay.money.rounding import largest_remainder_exact
from fairpay.reports.outcome import Collected, Money

if TYPE_CHECKING:
    from fairpay.adjust.policy import Levy, Policy
    from fairpay.kernels.arrays import Ints
    from fairpay.settings.values import MoneyStated

__all__ = ["ASSUMED_FEE", "Paying", "check_pool", "check_stated", "fee_units", "funds", "levied", "levy_unit"]

ASSUMED_FEE = "10"
"""What `compare` takes each listener to have paid where no money is stated."""
MORE_DIGITS = 4


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


def check_pool(stated: MoneyStated, policy: Policy | None) -> Levy | None:
    """Return what a policy's pool is made of; None where it is the money stated.

    Raises:
        UsageError: money that does not go with it.

    """
    levy = None if policy is None else policy.pool
    wrong = {
        "--pool": (levy is not None and stated.pool is not None, "the policy works its pool out from fees"),
        "--royalty-rate": (levy is not None and stated.rate != 1, "the policy says which part of fees is owed"),
        "--other-revenue": (levy is None and stated.other_revenue is not None, "no policy takes part of it"),
    }
    for flag, (is_so, why) in wrong.items():
        if is_so:
            message = f"{flag} does not go with this: {why}"
            raise UsageError(message, advice="State --fee or --subscribers, and a --policy with a pool.")
    return levy


def levy_unit(levy: Levy | None, currency: Currency) -> int:
    """Return how many fee units make a minor unit, so that what each subscriber owes is whole."""
    if levy is None:
        return 1
    scale = 10**currency.digits
    return lcm(*(Fraction(x).denominator for x in (levy.fee_share, levy.least * scale, (levy.most or 0) * scale)))


def levied(paid: Ints, levy: Levy, currency: Currency) -> Ints:
    """Return what subscribers owe, in fee units, by what each paid in minor units: int64[n] both."""
    scale, unit = 10**currency.digits, levy_unit(levy, currency)
    share = int(levy.fee_share * unit)
    wide = paid if int(paid.max(initial=0)) * share < LARGEST else paid.astype(object)
    owed = np.maximum(wide * share, int(levy.least * scale * unit))
    if levy.most is not None:
        owed = np.minimum(owed, int(levy.most * scale * unit))
    if int(owed.max(initial=0)) > LARGEST:
        message = f"a subscriber owes more than 2^62 / {unit} minor units"
        raise InputError(message, advice="Check the unit of what each user paid.")
    return np.where(paid > 0, owed, 0).astype(np.int64)


def fee_units(stated: MoneyStated, currency: Currency) -> int:
    """Return what each listener paid, in fee units: minor units, or 1 where only a pool is known."""
    if stated.pool is not None:
        return 1
    return currency.units(stated.fee if stated.fee is not None else ASSUMED_FEE)


def funds(stated: MoneyStated, currency: Currency, paying: Paying, policy: Policy | None = None) -> Money:
    """Work out the pool: what was stated times the royalty rate, rounded once, a half to the even minor unit.

    With a policy that has a pool: what subscribers owe, and a part of other revenue, less what is set aside. Parts are
    divided by largest remainder, so that they sum to what is collected.

    Raises:
        InputError: the money is 2^62 minor units or more.

    """
    levy = check_pool(stated, policy)
    gross, words = received(stated, currency, paying, levy)
    other = Fraction(0)
    if levy is not None and stated.other_revenue is not None:
        other = levy.other_share * currency.units(stated.other_revenue)
        words += f", and {in_money(other, currency)} of other revenue"
    if gross + other >= LARGEST:
        added = currency.text(int(gross + other))
        message = f"the money adds up to {added} {currency.code}, more than 2^62 minor units"
        raise InputError(message, advice="Divide it in several pools.")
    whole = round_half_even((gross + other) * stated.rate)
    active = round_half_even((gross + other - paying.inactive_fees) * stated.rate)
    held = whole - active if stated.inactive == "hold" else 0
    pool, aside = (whole - held, ()) if policy is None else apart(whole - held, policy)
    from_other = round_half_even(other)
    says = policy is not None and policy.has_pool
    return Money(
        pool=pool,
        collected=Collected(whole - from_other, from_other, aside) if says else None,
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


def received(stated: MoneyStated, currency: Currency, paying: Paying, levy: Levy | None) -> tuple[Fraction, str]:
    """Return what was stated, what subscribers paid or what they owe, in minor units, and say so in words."""
    if stated.pool is not None:
        pool = currency.units(stated.pool)
        return Fraction(pool), f"{grouped(pool, currency)} stated"
    if stated.subscribers is not None:
        gross, done = Fraction(paying.fees + paying.inactive_fees), "paid" if levy is None else "owed"
        return gross, f"{in_money(gross, currency)} {done} by {counted(paying.subscribers, 'subscriber')}"
    fee, done = Fraction(fee_units(stated, currency)), "from"
    if levy is not None:
        fee = Fraction(int(levied(np.array([int(fee)]), levy, currency)[0]), levy_unit(levy, currency))
        done = "owed by each of"
    return fee * paying.users, f"{in_money(fee, currency)} {done} {counted(paying.users, 'subscriber')}"


def apart(collected: int, policy: Policy) -> tuple[int, tuple[tuple[str, int], ...]]:
    """Set parts aside; return what is left to divide, and what goes where."""
    shares = [policy.divided, *(one.share for one in policy.set_aside)]
    left, *units = largest_remainder_exact(shares, collected).tolist()
    return left, tuple(zip((one.name for one in policy.set_aside), units, strict=True))


def in_money(amount: Fraction, currency: Currency) -> str:
    """Write an amount of minor units for people, with as many digits more as it has."""
    units, more = amount, 0
    while units.denominator > 1 and more < MORE_DIGITS:
        units, more = units * 10, more + 1
    return grouped(int(units), Currency(currency.code, currency.digits + more))


def percent(rate: Fraction) -> str:
    """7/10 is `70 %`."""
    scaled = rate * 100
    return f"{scaled.numerator} %" if scaled.denominator == 1 else f"{float(scaled):.6g} %"


def grouped(units: int, currency: Currency) -> str:
    """Write an amount for people: `1,460.97`."""
    whole, point, part = currency.text(units).partition(".")
    return f"{int(whole):,}{point}{part}"
