"""Settling: each account's month, from what comes in to where the money stands, so that every account closes to zero.

Order: what was carried in, earned, split, adjusted and charged; suspense released; reserves released; advances earned
back; a reserve held; then the rest is held, paid, or carried. All accounts go through each step together, as columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.ledger.grouping import Exact, column, group, negative, widened
from fairpay.ledger.ledger import EMPTY, STANDS, TYPES, Kind, Ledger
from fairpay.ledger.periods import plus
from fairpay.ledger.releasing import released, suspended
from fairpay.ledger.routing import is_suspense
from fairpay.money.currency import LARGEST, Currency

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from fairpay.ledger.balances import Balances
    from fairpay.ledger.posting import Booking
    from fairpay.ledger.routing import Routing
    from fairpay.ledger.standing import Standing

__all__ = ["Policy", "Terms", "settle"]

EARNING = frozenset({Kind.EARNED, Kind.MINIMUM_TOPUP, Kind.SPLIT, Kind.ADJUSTMENT})
SMALL = 2**31
LINE = {
    name: pl.Int128() if name == "amount" else TYPES[name]
    for name in ("payee", "currency", "scale", "amount", "reason")
}
"""What fees and recoupments are made of."""
REFERENCE = (pl.col("run_id").alias("ref_run_id"), pl.col("period").alias("ref_period"))


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


@dataclass(frozen=True, slots=True)
class Terms:
    """What an account is settled by."""

    before: Balances
    standing: Standing
    policy: Policy
    booking: Booking


@dataclass(frozen=True, slots=True)
class Accounts:
    """Accounts that something comes into this month, each a place in every column."""

    frame: pl.DataFrame
    """payee, currency, scale."""
    earned: Exact
    """Minor units of the month's own earnings, splits and corrections."""
    balance: Exact
    """These and all else that comes in."""


def settle(rows: Ledger, terms: Terms, routing: Routing) -> Ledger:
    """Complete a month's rows with everything that follows from them.

    Args:
        rows: earned, minimum_topup, split and adjustment rows of the open month.
        terms: what the closed months left, and how balances become payments.
        routing: who stands behind an artist now; what it can place is released from suspense.

    Returns:
        All rows of the month, in no stated order; per payee and currency the kinds of `INTO` sum to those of `STANDS`.

    Raises:
        UnbalancedError: when an amount leaves int64.

    """
    ledger = Ledger.joined([rows, *released(rows, terms.before, routing, terms.booking)])
    ledger = Ledger.joined([ledger, suspended(ledger, terms.booking)])
    own = ledger.where(~is_suspense("payee"))
    coming = Ledger.joined(incoming(terms))
    accounts = accounts_of(Ledger.joined([own, coming]))
    return Ledger.joined([ledger, coming, *outgoing(accounts, terms)])


def incoming(terms: Terms) -> Iterator[Ledger]:
    """What enters accounts besides earnings: balances carried in, charges, reserves that are due, holds lifted."""
    before, booking = terms.before, terms.booking
    yield booking.rows(before.carried.with_columns(*REFERENCE), Kind.CARRY_IN)
    yield booking.rows(charges(terms.standing), Kind.FEE)
    months = terms.policy.reserve_months
    periods = before.kept["ref_period"].unique().cast(pl.String).to_list()
    due = [period for period in periods if plus(period, months) <= booking.period]
    reserves = before.reserves.filter(pl.col("ref_period").is_in(due))
    yield booking.rows(reserves.with_columns(REFERENCE[0]), Kind.RESERVE_RELEASE)
    waits = before.suspense.filter((pl.col("pool") == "") & ~is_suspense("payee"))
    lifted = waits.filter(~pl.col("payee").is_in(list(terms.standing.holds)))
    back = lifted.with_columns(*REFERENCE, amount=negative())
    yield booking.rows(back, Kind.SUSPENSE, reason="released")


def charges(standing: Standing) -> pl.DataFrame:
    """The month's fees, below zero."""
    lines = [
        (payee, currency, Currency.of(currency).digits, -amount, reason)
        for (payee, currency), fees in standing.fees.items()
        for reason, amount in fees
    ]
    return pl.DataFrame(lines, schema=LINE, orient="row")


def accounts_of(ledger: Ledger) -> Accounts:
    """Sum what comes in, account by account."""
    frame = ledger.frame
    groups = group(frame, ("payee", "currency"))
    given = ledger.is_kind(STANDS)
    into, back = widened(groups.sum(ledger.amounts, ~given), groups.sum(ledger.amounts, given))
    earned = groups.sum(ledger.amounts, ledger.is_kind(EARNING))
    return Accounts(frame[groups.firsts()].select("payee", "currency", "scale"), earned, into - back)


def outgoing(accounts: Accounts, terms: Terms) -> Iterator[Ledger]:
    """Where the money of each account goes: advances, reserve, then it is held, paid or carried."""
    frame, booking, policy = accounts.frame, terms.booking, terms.policy

    def placed(amounts: Exact, where: NDArray[np.bool_]) -> pl.DataFrame:
        return frame.filter(pl.Series(where)).with_columns(column(amounts[where]))

    recoups, taken = recouped(accounts, terms)
    yield recoups
    earned, balance, taken = widened(accounts.earned, accounts.balance, taken)
    balance = balance - taken
    reserve = np.minimum(np.maximum(part_of(earned, policy.reserve), 0), np.maximum(balance, 0))
    balance = balance - reserve
    yield booking.rows(placed(reserve, reserve > 0), Kind.RESERVE_HOLD)
    holds = terms.standing.holds
    on_hold = frame["payee"].is_in(list(holds)).to_numpy() & (balance > 0)
    yield booking.rows(held(placed(balance, on_hold), holds), Kind.SUSPENSE)
    pays = ~on_hold & (balance > 0) & (balance >= least(frame["currency"], policy.minimum))
    stays = ~on_hold & ~pays
    yield booking.rows(placed(balance, pays), Kind.PAYABLE)
    yield booking.rows(placed(balance, stays & (balance < 0)), Kind.CARRY_OUT, reason="owed by the payee")
    yield booking.rows(placed(balance, stays & (balance > 0)), Kind.CARRY_OUT, reason="below the minimum payment")


def held(found: pl.DataFrame, holds: Mapping[str, str]) -> pl.DataFrame:
    """Say of each account why it is on hold."""
    reasons = [f"on hold: {why}" if why else "on hold" for why in holds.values()]
    table = pl.DataFrame({"payee": list(holds), "reason": reasons}, schema=EMPTY.select("payee", "reason").schema)
    return found.join(table, on="payee", how="left", maintain_order="left")


def least(currencies: pl.Series, minimum: Mapping[str, int]) -> Exact:
    """The least payment of each account."""
    amounts = np.zeros(len(currencies), dtype=object if any(m >= LARGEST for m in minimum.values()) else np.int64)
    for currency, amount in minimum.items():
        amounts[(currencies == currency).to_numpy()] = amount
    return amounts


def part_of(amounts: Exact, share: Fraction) -> Exact:
    """A share of each amount, rounded to the nearest unit, a half to the even one."""
    over, under = share.numerator, share.denominator
    if over == 0:
        return np.zeros(len(amounts), dtype=np.int64)
    small = amounts.dtype != object and -SMALL < amounts.min(initial=0) <= amounts.max(initial=0) < SMALL
    wide = amounts if small and under < SMALL else amounts.astype(object)
    whole, rest = wide * over // under, wide * over % under
    up = (rest * 2 > under) | ((rest * 2 == under) & (whole % 2 == 1))
    rounded: Exact = whole + up.astype(np.int64)
    return rounded


def recouped(accounts: Accounts, terms: Terms) -> tuple[Ledger, Exact]:
    """Earn advances back, oldest first, from a part of what there is: the rows, and what is taken of each account."""
    taken = np.zeros(len(accounts.balance), dtype=object)
    advances = terms.standing.advances
    keys = pl.DataFrame(list(advances), schema=accounts.frame.select("payee", "currency").schema, orient="row")
    owing = accounts.frame.with_row_index("place").join(keys, on=["payee", "currency"], how="semi")
    done = terms.before.earned_back
    shares = part_of(np.maximum(accounts.balance, 0), terms.policy.recoup)
    lines = []
    for place, payee, currency, scale in owing.iter_rows():
        left = int(shares[place])
        for name, amount in advances[payee, currency]:
            reason = f"advance {name}"
            part = min(left, max(0, amount - done.get((reason, payee, currency), 0)))
            left -= part
            taken[place] += part
            lines.append((payee, currency, scale, -part, reason))
    rows = terms.booking.rows(pl.DataFrame(lines, schema=LINE, orient="row"), Kind.RECOUP)
    return rows, taken if accounts.balance.dtype == object else taken.astype(np.int64)
