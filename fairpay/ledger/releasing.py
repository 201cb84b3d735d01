"""Releasing: what waits in suspense for an artist goes to its payees once it can be placed; the rest waits on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from fairpay.ledger.grouping import column, group, negative, widened
from fairpay.ledger.ledger import STANDS, Kind, Ledger
from fairpay.ledger.posting import arrived, moved, split_rows
from fairpay.ledger.routing import is_suspense

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairpay.ledger.balances import Balances
    from fairpay.ledger.posting import Booking
    from fairpay.ledger.routing import Routing

__all__ = ["released", "suspended"]

KEYS = ("pool", "payee", "currency", "scale")


def released(ledger: Ledger, before: Balances, routing: Routing, booking: Booking) -> Iterator[Ledger]:
    """Release what is in suspense for an artist who can be placed now, with what the month adds to it."""
    held = before.suspense.filter(is_suspense("payee"))
    new = ledger.where(is_suspense("payee")).frame
    waits = pl.concat([held.select(*KEYS, "amount"), new.select(*KEYS, "amount")])
    if not waits.height:
        return
    targets = targets_of(waits["payee"], routing)
    groups = group(waits, KEYS)
    sums = waits[groups.firsts()].drop("amount").with_columns(column(groups.sum(waits["amount"].to_numpy())))
    going = sums.filter(pl.col("amount") != 0).join(targets, on="payee", how="inner", maintain_order="left")
    leaving = held.join(going.select("pool", "payee", "currency"), on=["pool", "payee", "currency"], how="semi")
    reference = (pl.col("run_id").alias("ref_run_id"), pl.col("period").alias("ref_period"))
    back = leaving.with_columns(*reference, amount=negative())
    yield booking.rows(back, Kind.SUSPENSE, reason="released")
    yield from split_rows(going.filter("divided"), routing.splits, booking)
    whole = going.filter(~pl.col("divided"))
    yield moved(whole, booking)
    yield arrived(whole.with_columns(parent=pl.col("payee"), payee=pl.col("source")), booking)


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
    own = ledger.where(is_suspense("payee"))
    groups = group(own.frame, KEYS)
    given = own.is_kind(STANDS)
    into, out = widened(groups.sum(own.amounts, ~given), groups.sum(own.amounts, given))
    left = own.frame[groups.firsts()].select(KEYS).with_columns(column(into - out))
    classes = left.select(pl.col("payee").unique())
    reasons = classes.with_columns(
        reason=pl.col("payee").cast(pl.String).str.split(":").list.first().cast(pl.Categorical)
    )
    return booking.rows(left.join(reasons, on="payee", how="left", maintain_order="left"), Kind.SUSPENSE)
