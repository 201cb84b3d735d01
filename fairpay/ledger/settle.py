"""Settling: each account's month, from what comes in to where the money stands, so that every account closes to zero.

Order: what was carried in, earned, split, adjusted and charged; suspense released; reserves released; advances earned
back; a reserve held; then the rest is held, paid less tax, or carried. All accounts go through each step together, as
columns.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.errors import InputError, Problem
from fairpay.ledger.facts import PAID, least_payment
from fairpay.ledger.model import EMPTY, PENALTIES, TYPES, Kind, Ledger, is_kind, less, plus, summed, wide
from fairpay.ledger.payees import UNALLOCATED, is_suspense
from fairpay.ledger.splits import divide_lines
from fairpay.money.counts import counted
from fairpay.money.currency import Currency, round_half_even
from fairpay.money.rounding import largest_remainder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fairpay.ledger.facts import Earned, MonthFacts, PoolFacts
    from fairpay.ledger.model import Booking
    from fairpay.ledger.payees import Routing, Standing
    from fairpay.ledger.splits import Splits
    from fairpay.ledger.store import Balances

__all__ = ["PaymentTerms", "Terms", "post", "settle"]

ACCOUNT = ("payee", "currency", "scale")
POOLED = ("pool", *ACCOUNT)
EARNED = (Kind.EARNED, Kind.MINIMUM_TOPUP, Kind.WITHHELD, Kind.SPLIT_IN, Kind.SPLIT_OUT)
EARNING = (*EARNED, *PENALTIES, Kind.ADJUSTMENT)
LINE = {**{name: TYPES[name] for name in (*ACCOUNT, "counterparty", "reason")}, "amount": pl.Int128()}
REFERENCE = (pl.col("run_id").alias("ref_run_id"), pl.col("period").alias("ref_period"))
NOTHING = pl.lit(0, dtype=pl.Int128)
ROOM = 2**126
"""Below this, a product and its rounding fit int128."""


@dataclass(frozen=True, slots=True)
class PaymentTerms:
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
    policy: PaymentTerms
    booking: Booking


def post(earned: Earned, routing: Routing, booking: Booking) -> Ledger:
    """Write what each pool earned, what is withheld, splits, penalties: rows of nonzero amounts, in no stated order.

    A pool without plays is credited to `unallocated:`. The top-up of a per-subscriber minimum follows the division of
    the whole pool, by largest remainder.

    Raises:
        InputError: an artist who is charged has no payee.

    """
    shared = earned.facts.charged if earned.facts.penalty_to == "pool" else {}
    lines = pl.concat([pool_lines(pool, paid, shared.get(pool.name, 0)) for pool, paid in earned.pools])
    lines = with_accounts(lines, routing)
    base, topup = lines.with_columns(amount="base"), lines.with_columns(amount=pl.col("whole") - pl.col("base"))
    withheld = lines.with_columns(amount=pl.col("withheld") * -1)
    kinds = {Kind.EARNED: base, Kind.MINIMUM_TOPUP: topup, Kind.WITHHELD: withheld}
    parts = [booking.rows(found, kind) for kind, found in kinds.items()]
    divided = lines.with_columns(amount=pl.col("whole") - pl.col("withheld")).filter("divided", pl.col("amount") != 0)
    parts += split_rows(divided, routing.splits, booking)
    if earned.facts.penalties:
        charged = with_accounts(penalty_lines(earned.facts, routing), routing)
        gets = lines.with_columns(amount="shared").filter(pl.col("amount") != 0)
        parts.append(of_payees(charged.with_columns(counterparty="source"), routing.splits, booking, Kind.PENALTY))
        parts.append(of_payees(gets, routing.splits, booking, Kind.PENALTY_SHARE))
    return Ledger.joined(parts)


def pool_lines(pool: PoolFacts, paid: pl.DataFrame, charged: int) -> pl.DataFrame:
    """What each artist or track earned of a pool, also without top-up, what is withheld, and its part of penalties."""
    if paid.is_empty():
        paid = pl.DataFrame([(UNALLOCATED, pool.whole, 0, 0)], schema=PAID, orient="row")
    whole = paid["amount"].to_numpy()
    base = largest_remainder(whole, pool.base) if pool.topup else whole
    shared = largest_remainder(whole if whole.any() else np.ones_like(whole), charged) if charged else 0 * whole
    return paid.select(pl.col("source").cast(pl.Categorical), "withheld", whole="amount").with_columns(
        pool=pl.lit(pool.name, pl.Categorical),
        currency=pl.lit(pool.currency, pl.Categorical),
        scale=pl.lit(pool.scale, pl.Int32),
        base=pl.Series(base),
        shared=pl.Series(shared),
    )


def with_accounts(lines: pl.DataFrame, routing: Routing) -> pl.DataFrame:
    """The same with where each `source` is credited first, as `payee`, and whether it is `divided` then."""
    names = lines["source"].unique().cast(pl.String).to_list()
    accounts = [name if name == UNALLOCATED else routing.account(name) for name in names]
    divided = [account == name and name in routing.splits for account, name in zip(accounts, names, strict=True)]
    table = pl.DataFrame({"source": names, "payee": accounts, "divided": divided})
    table = table.cast({"source": pl.Categorical, "payee": pl.Categorical})
    return lines.join(table, on="source", how="left", maintain_order="left")


def penalty_lines(facts: MonthFacts, routing: Routing) -> pl.DataFrame:
    """What each artist or track is charged in each pool, below zero.

    Raises:
        InputError: an artist who is charged has no payee.

    """
    unknown = sorted(
        {one.source for one in facts.penalties if one.charged and routing.account(one.source) != one.source}
    )
    if unknown:
        message = f"{counted(len(unknown), 'artist')} to be charged for excluded plays without a payee"
        problem = Problem(len(unknown), "unmatched or unclaimed", f"{unknown[0]} among them")
        advice = "Put these into --artists or --splits; or give each a line (artist, keep) with a penalty of 0%."
        raise InputError(message, problems=[problem], advice=advice)
    pools = {pool.name: (pool.name, pool.currency, pool.scale) for pool in facts.pools}
    rows = [(*pools[one.pool], one.source, -one.charged) for one in facts.penalties]
    types = {name: TYPES[name] for name in ("pool", "currency", "scale")}
    return pl.DataFrame(rows, schema={**types, "source": pl.Categorical, "amount": pl.Int64}, orient="row")


def of_payees(lines: pl.DataFrame, splits: Splits, booking: Booking, kind: Kind) -> Ledger:
    """Book amounts on payees, by the splits of their sources: one row for each payee, pool and counterparty."""
    numbered = lines.with_row_index("line")
    parts = divide_lines(numbered.filter("divided").select("line", "source", "amount"), splits)
    own = numbered.filter(~pl.col("divided"))
    found = pl.concat([part.select("line", "payee", wide()) for part in (own, parts)])
    keys = (*POOLED, *({"counterparty"} & {*lines.columns}))
    return booking.rows(summed(found.join(numbered.drop("amount", "payee"), on="line"), *keys), kind)


def split_rows(lines: pl.DataFrame, splits: Splits, booking: Booking) -> Iterator[Ledger]:
    """Move amounts from accounts to the payees of their sources: one row takes it off, one for each part credits.

    Args:
        lines: `payee` (the account), `source`, `amount`, `pool`, `currency`, `scale`.
        splits: who shares.
        booking: the run.

    """
    if not lines.height:
        return
    yield booking.rows(lines.with_columns(less()), Kind.SPLIT_OUT)
    numbered = lines.with_row_index("line")
    parts = divide_lines(numbered.select("line", "source", "amount"), splits)
    arrived = parts.join(numbered.drop("amount").rename({"payee": "counterparty"}), on="line")
    yield booking.rows(arrived, Kind.SPLIT_IN)


def settle(rows: Ledger, terms: Terms, routing: Routing) -> Ledger:
    """Complete a month's rows with everything that follows from them.

    Args:
        rows: earned, minimum_topup, split, penalty and adjustment rows of the open month.
        terms: what the closed months left, and how balances become payments.
        routing: who stands behind an artist now; what it can place is released from suspense.

    Returns:
        All rows of the month, in no stated order; per payee and currency the kinds of `INTO` sum to those of `STANDS`.

    Raises:
        UnbalancedError: when an amount leaves int64.

    """
    ledger = Ledger.joined([rows, *released(rows, terms, routing)])
    ledger = Ledger.joined([ledger, suspended(ledger, terms.booking)])
    own = ledger.where(~is_suspense("payee"))
    coming = Ledger.joined(incoming(terms))
    return Ledger.joined([ledger, coming, *outgoing(Ledger.joined([own, coming]), terms)])


def released(ledger: Ledger, terms: Terms, routing: Routing) -> Iterator[Ledger]:
    """Release what is in suspense for an artist who can be placed now, with what the month adds to it."""
    booking = terms.booking
    held = terms.before.suspense.filter(is_suspense("payee"))
    new = ledger.where(is_suspense("payee")).frame
    waits = summed(pl.concat([part.select(*POOLED, wide()) for part in (held, new)]), *POOLED)
    targets = targets_of(waits["payee"], routing)
    going = waits.filter(pl.col("amount") != 0).join(targets, on="payee", how="inner", maintain_order="left")
    leaving = held.join(going, on=["pool", "payee", "currency"], how="semi")
    yield booking.rows(leaving.with_columns(*REFERENCE), Kind.SUSPENSE_RELEASE)
    yield from split_rows(going.filter("divided"), routing.splits, booking)
    whole = going.filter(~pl.col("divided"))
    yield booking.rows(whole.with_columns(less()), Kind.SPLIT_OUT)
    yield booking.rows(whole.with_columns(counterparty="payee", payee="source"), Kind.SPLIT_IN)


def targets_of(accounts: pl.Series, routing: Routing) -> pl.DataFrame:
    """Where the money of accounts in suspense belongs now, where that is elsewhere.

    Returns:
        `payee` (the account), `source` (an artist or track with payees, else another account), and whether it is
        `divided` among payees.

    """
    names = accounts.unique().cast(pl.String).to_list()
    found = [(name, target, target in routing.splits) for name in names if (target := routing.target(name)) != name]
    schema = {"payee": pl.Categorical, "source": pl.Categorical, "divided": pl.Boolean}
    return pl.DataFrame(found, schema=schema, orient="row")


def suspended(ledger: Ledger, booking: Booking) -> Ledger:
    """Put into suspense whatever is left on the accounts that nobody can be paid from."""
    own = ledger.where(is_suspense("payee")).frame
    left = summed(own, *POOLED)
    classes = pl.col("payee").cast(pl.String).str.split(":").list.first().cast(pl.Categorical)
    return booking.rows(left.with_columns(reason=classes), Kind.SUSPENSE)


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
    yield booking.rows(lifted.with_columns(*REFERENCE), Kind.SUSPENSE_RELEASE)


def charges(standing: Standing) -> pl.DataFrame:
    """The month's fees, below zero."""
    lines = [
        (payee, currency, Currency.of(currency).digits, "", reason, -amount)
        for (payee, currency), fees in standing.fees.items()
        for reason, amount in fees
    ]
    return pl.DataFrame(lines, schema=LINE, orient="row")


def outgoing(ledger: Ledger, terms: Terms) -> Iterator[Ledger]:
    """Where the money of each account goes: advances, reserve, then it is held, paid or carried."""
    booking, policy = terms.booking, terms.policy
    sums = {"earned": wide(is_kind(*EARNING)).sum(), "balance": wide().sum()}
    accounts = ledger.frame.group_by(ACCOUNT, maintain_order=True).agg(**sums)
    recoups = recouped(accounts, terms)
    yield booking.rows(recoups, Kind.RECOUP)
    taken = summed(recoups, *ACCOUNT)
    accounts = accounts.join(taken, on=ACCOUNT, how="left", maintain_order="left")
    accounts = accounts.with_columns(pl.col("balance") + pl.col("amount").fill_null(0))
    share = pl.max_horizontal(part_of(accounts["earned"], policy.reserve), NOTHING)
    accounts = accounts.with_columns(amount=pl.min_horizontal(share, pl.max_horizontal("balance", NOTHING)))
    yield booking.rows(accounts, Kind.RESERVE_HOLD)
    left = marked(accounts.with_columns(amount=pl.col("balance") - pl.col("amount")), terms.standing.holds)
    waits, due = left.filter(pl.col("amount") > 0, on_hold=True), left.filter(pl.col("amount") > 0, on_hold=False)
    yield booking.rows(waits, Kind.SUSPENSE)
    due = due.drop("reason").join(taxes_of(due, terms.standing), on=ACCOUNT, how="left", maintain_order="left")
    due = due.with_columns(pl.col("tax").fill_null(0))
    enough = pl.col("amount") - pl.col("tax") >= least_payment(policy.minimum)
    paid = due.filter(enough)
    yield booking.rows(paid.with_columns(amount=pl.col("tax") * -1), Kind.TAX)
    yield booking.rows(paid.with_columns(pl.col("amount") - pl.col("tax")), Kind.PAYABLE, reason="")
    yield booking.rows(due.filter(~enough), Kind.CARRY_OUT, reason="below the minimum payment")
    yield booking.rows(left.filter(pl.col("amount") < 0), Kind.CARRY_OUT, reason="owed by the payee")


def marked(accounts: pl.DataFrame, holds: Mapping[str, str]) -> pl.DataFrame:
    reasons = [f"on hold: {why}" if why else "on hold" for why in holds.values()]
    table = pl.DataFrame({"payee": list(holds), "reason": reasons}, schema=EMPTY.select("payee", "reason").schema)
    found = accounts.join(table, on="payee", how="left", maintain_order="left")
    return found.with_columns(on_hold=pl.col("reason").is_not_null())


def taxes_of(due: pl.DataFrame, standing: Standing) -> pl.DataFrame:
    """What is withheld if all that is due is paid, by account, as `tax`, to the nearest unit; `reason` is its name."""
    taxed = due.filter(pl.col("payee").is_in(list(standing.taxes)))
    lines = []
    for *account, amount in taxed.select(*ACCOUNT, "amount").iter_rows():
        rate, name = standing.taxes[account[0]]
        lines.append((*account, name, round_half_even(rate * amount)))
    types = {name: TYPES[name] for name in (*ACCOUNT, "reason")}
    return pl.DataFrame(lines, schema={**types, "tax": pl.Int128}, orient="row")


def part_of(amounts: pl.Series, share: Fraction) -> pl.Series:
    """int128: a share of each amount, rounded to the nearest unit, a half to the even one."""
    over, under = share.numerator, share.denominator
    most = max([1, *(abs(n) for n in (amounts.min(), amounts.max()) if isinstance(n, int))])
    if most * over * 2 >= ROOM or under * 2 >= ROOM:
        return pl.Series([round_half_even(share * amount) for amount in amounts], dtype=pl.Int128)
    amount, whole = pl.lit(amounts) * pl.lit(over, dtype=pl.Int128), pl.lit(under, dtype=pl.Int128)
    part, twice = amount // whole, amount % whole * 2
    up = (twice > whole) | ((twice == whole) & (part % 2 == 1))
    return pl.select(part + up.cast(pl.Int128)).to_series()


def recouped(accounts: pl.DataFrame, terms: Terms) -> pl.DataFrame:
    """Earn advances back, oldest first, from a part of what there is: the lines, below zero."""
    advances, done = terms.standing.advances, terms.before.earned_back
    keys = pl.DataFrame(list(advances), schema=accounts.select("payee", "currency").schema, orient="row")
    owing = accounts.filter(pl.col("balance") > 0).join(keys, on=["payee", "currency"], how="semi")
    shares = part_of(owing["balance"], terms.policy.recoup)
    lines = []
    for (payee, currency, scale), left in zip(owing.select(ACCOUNT).iter_rows(), shares, strict=True):
        for name, amount in advances[payee, currency]:
            part = min(left, max(0, amount - done.get((name, payee, currency), 0)))
            left -= part  # noqa: PLW2901 - what is left for the next advance
            lines.append((payee, currency, scale, name, "", -part))
    return pl.DataFrame(lines, schema=LINE, orient="row")
