"""Settling: each account's month, from what comes in to where the money stands, so that every account closes to zero.

Order: what was carried in, earned, split, adjusted and charged; suspense released; reserves released; advances earned
back; a reserve held; then the rest is held, paid, or carried.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache, cached_property
from typing import TYPE_CHECKING

from fairpay.books.ledger import INTO, Kind, Row
from fairpay.books.periods import plus
from fairpay.books.posting import split_rows
from fairpay.books.routing import in_suspense
from fairpay.money import Currency, round_half_even

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fairpay.books.balances import Balances, Held
    from fairpay.books.posting import Booking
    from fairpay.books.routing import Routing
    from fairpay.books.standing import Account, Standing

__all__ = ["Policy", "Terms", "settle"]

EARNING = frozenset({Kind.EARNED, Kind.MINIMUM_TOPUP, Kind.SPLIT, Kind.ADJUSTMENT})


@dataclass(frozen=True, slots=True)
class Policy:
    """How balances become payments."""

    minimum: Mapping[str, int] = field(default_factory=dict)
    """currency -> the least that is paid, in minor units; 0 where a currency is not named."""
    recoup: Fraction = Fraction(1)
    """The part of a positive balance that goes to an advance."""
    reserve: Fraction = Fraction(0)
    """The part of a month's earnings held in reserve."""
    reserve_months: int = 3
    """After how many months a reserve is released."""


@dataclass(frozen=True)
class Terms:
    """What an account is settled by."""

    before: Balances
    standing: Standing
    policy: Policy
    booking: Booking

    @cached_property
    def due(self) -> dict[Account, list[tuple[str, Held]]]:
        """The reserves that are released this month, oldest first, as (period held, what)."""
        found: dict[Account, list[tuple[str, Held]]] = defaultdict(list)
        for (period, payee, currency), held in sorted(self.before.reserves.items(), key=lambda item: item[0]):
            if plus(period, self.policy.reserve_months) <= self.booking.period:
                found[payee, currency].append((period, held))
        return found


@cache
def digits(currency: str) -> int:
    """How many digits the minor unit has."""
    return Currency.of(currency).digits


def settle(rows: Iterable[Row], terms: Terms, routing: Routing) -> list[Row]:
    """Complete a month's rows with everything that follows from them.

    Args:
        rows: earned, minimum_topup, split and adjustment rows of the open month.
        terms: what the closed months left, and how balances become payments.
        routing: who stands behind an artist now; what it can place is released from suspense.

    Returns:
        All rows of the month, in no stated order; per payee and currency the kinds of `INTO` sum to those of `STANDS`.

    """
    ledger = list(rows)
    ledger += released(ledger, terms, routing)
    ledger += suspended(ledger, terms.booking)
    own: dict[Account, list[Row]] = defaultdict(list)
    for row in ledger:
        if not in_suspense(row.payee):
            own[row.payee, row.currency].append(row)
    for account in sorted(own.keys() | other_accounts(terms)):
        ledger += settle_account(account, own.get(account, []), terms)
    return ledger


def other_accounts(terms: Terms) -> set[Account]:
    """Accounts that have no earnings this month, and still have something to settle."""
    held = {key[1:] for key in (*terms.before.suspense, *terms.before.reserves) if not in_suspense(key[1])}
    return held | terms.before.carried.keys() | terms.standing.fees.keys()


def released(ledger: Iterable[Row], terms: Terms, routing: Routing) -> Iterator[Row]:
    """Release what is in suspense for an artist who can be placed now, with what the month adds to it."""
    flows: dict[tuple[str, str, str], int] = defaultdict(int)
    scales = {(key, held.scale) for key, held in terms.before.suspense.items() if in_suspense(key[1])}
    for row in ledger:
        if in_suspense(row.payee):
            flows[row.pool, row.payee, row.currency] += row.amount
            scales.add(((row.pool, row.payee, row.currency), row.scale))
    for key, scale in sorted(scales):
        pool, account, currency = key
        held = terms.before.suspense.get(key)
        amount = flows[key] + (held.amount if held else 0)
        parts = routing.parts(account, amount)
        if amount and [payee for payee, _ in parts] != [account]:
            money = (currency, scale)
            if held:
                reference = {"ref_run_id": held.run_id, "ref_period": held.period, "reason": "released"}
                yield terms.booking.row(Kind.SUSPENSE, -held.amount, money, pool=pool, payee=account, **reference)
            yield from split_rows(terms.booking, money, account, parts, pool=pool)


def suspended(ledger: Iterable[Row], booking: Booking) -> Iterator[Row]:
    """Put into suspense whatever is left on the accounts that nobody can be paid from."""
    left: dict[tuple[str, str, str, int], int] = defaultdict(int)
    for row in ledger:
        if in_suspense(row.payee):
            sign = 1 if row.kind in INTO else -1
            left[row.pool, row.payee, row.currency, row.scale] += sign * row.amount
    for (pool, account, currency, scale), amount in sorted(left.items()):
        if amount:
            reason = account.partition(":")[0]
            yield booking.row(Kind.SUSPENSE, amount, (currency, scale), pool=pool, payee=account, reason=reason)


def settle_account(account: Account, earned: Iterable[Row], terms: Terms) -> list[Row]:
    """Close one account: its rows besides those of `earned`."""
    rows = list(incoming(account, terms))
    on_hold = terms.standing.holds.get(account[0])
    rows += [] if on_hold is not None else hold_released(account, terms)
    earnings = sum(row.amount for row in earned if row.kind in EARNING)
    balance = earnings + sum(row.amount if row.kind in INTO else -row.amount for row in rows)
    for row in recouped(account, balance, terms):
        rows.append(row)
        balance += row.amount
    reserve = min(max(0, round_half_even(terms.policy.reserve * earnings)), max(0, balance))
    balance -= reserve
    ends = [(Kind.RESERVE_HOLD, reserve, "")]
    if balance > 0 and on_hold is not None:
        ends.append((Kind.SUSPENSE, balance, f"on hold: {on_hold}" if on_hold else "on hold"))
    elif balance > 0 and balance >= terms.policy.minimum.get(account[1], 0):
        ends.append((Kind.PAYABLE, balance, ""))
    else:
        ends.append((Kind.CARRY_OUT, balance, "owed by the payee" if balance < 0 else "below the minimum payment"))
    money = (account[1], digits(account[1]))
    rows += [terms.booking.row(k, amount, money, payee=account[0], reason=r) for k, amount, r in ends if amount]
    return rows


def incoming(account: Account, terms: Terms) -> Iterator[Row]:
    """What enters an account besides earnings: the balance carried in, charges, reserves that are due."""
    payee, currency = account
    money = (currency, digits(currency))
    booking = terms.booking
    if carried := terms.before.carried.get(account):
        reference = {"ref_run_id": carried.run_id, "ref_period": carried.period}
        yield booking.row(Kind.CARRY_IN, carried.amount, money, payee=payee, **reference)
    for reason, amount in terms.standing.fees.get(account, ()):
        if amount:
            yield booking.row(Kind.FEE, -amount, money, payee=payee, reason=reason)
    for period, held in terms.due.get(account, ()):
        reference = {"ref_run_id": held.run_id, "ref_period": period}
        yield booking.row(Kind.RESERVE_RELEASE, held.amount, money, payee=payee, **reference)


def hold_released(account: Account, terms: Terms) -> Iterator[Row]:
    """Give back what was kept while the payee was on hold."""
    held = terms.before.suspense.get(("", *account))
    if held:
        reference = {"ref_run_id": held.run_id, "ref_period": held.period, "reason": "released"}
        money = (account[1], held.scale)
        yield terms.booking.row(Kind.SUSPENSE, -held.amount, money, payee=account[0], **reference)


def recouped(account: Account, balance: int, terms: Terms) -> Iterator[Row]:
    """Earn advances back, oldest first, from a part of what there is."""
    left = int(max(0, balance) * terms.policy.recoup)
    payee, currency = account
    for name, amount in terms.standing.advances.get(account, ()):
        reason = f"advance {name}"
        taken = min(left, max(0, amount - terms.before.recouped.get((reason, payee, currency), 0)))
        left -= taken
        if taken:
            money = (currency, digits(currency))
            yield terms.booking.row(Kind.RECOUP, -taken, money, payee=payee, reason=reason)
