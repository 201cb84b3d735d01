"""Posting: earnings and their splits as ledger rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from fairpay.ledger.dividing import divide_lines
from fairpay.ledger.grouping import negative
from fairpay.ledger.ledger import Kind, Ledger
from fairpay.ledger.routing import UNALLOCATED
from fairpay.money.rounding import largest_remainder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairpay.ledger.earned import Earned, PoolEarned
    from fairpay.ledger.routing import Routing
    from fairpay.ledger.splits import Splits

__all__ = ["Booking", "post", "split_rows"]


@dataclass(frozen=True, slots=True)
class Booking:
    """What every row of a run shares."""

    run_id: str
    period: str

    def rows(self, found: pl.DataFrame, kind: Kind, **same: str | int) -> Ledger:
        """Make rows of this kind with these columns; `same` are values that all of them share, zeros are left out.

        Raises:
            UnbalancedError: when an amount leaves int64.

        """
        paid = found.filter(pl.col("amount") != 0)
        return Ledger.made(paid, run_id=self.run_id, period=self.period, kind=kind.value, **same)


def post(earned: Earned, routing: Routing, booking: Booking) -> Ledger:
    """Write what each pool earned, and its splits, as rows of nonzero amounts, in no stated order.

    A pool without plays is credited to `unallocated:`. The top-up of a per-subscriber minimum follows the division of
    the whole pool, by largest remainder.
    """
    if not earned.pools:
        return Ledger.joined([])
    lines = pl.concat([pool_lines(pool) for pool in earned.pools])
    lines = lines.join(accounts_of(lines["source"], routing), on="source", how="left", maintain_order="left")
    base, topup = lines.with_columns(amount="base"), lines.with_columns(amount=pl.col("whole") - pl.col("base"))
    parts = [booking.rows(base, Kind.EARNED), booking.rows(topup, Kind.MINIMUM_TOPUP)]
    divided = lines.filter(pl.col("divided") & (pl.col("whole") != 0)).with_columns(amount="whole")
    return Ledger.joined([*parts, *split_rows(divided, routing.splits, booking)])


def pool_lines(pool: PoolEarned) -> pl.DataFrame:
    """What each artist or track earned of a pool, whole and without the top-up."""
    revenue, paid = pool.revenue, pool.paid
    whole = pl.Series(paid.amounts) if len(paid) else pl.Series([revenue.pool], dtype=pl.Int64)
    base = whole
    if revenue.topup:
        base = pl.Series(largest_remainder(whole.to_numpy(), revenue.base))
    source = pl.Series(paid.sources) if len(paid) else pl.Series([UNALLOCATED])
    same = {"pool": pool.name, "currency": revenue.currency.code}
    return pl.DataFrame({"source": source, "whole": whole, "base": base}).with_columns(
        pl.col("source").cast(pl.Categorical),
        *(pl.lit(text, dtype=pl.Categorical).alias(name) for name, text in same.items()),
        scale=pl.lit(revenue.currency.digits, dtype=pl.Int32),
    )


def accounts_of(sources: pl.Series, routing: Routing) -> pl.DataFrame:
    """Where each `source` is credited first, as `payee`, and whether it is `divided` among payees then."""
    names = sources.unique().cast(pl.String).to_list()
    accounts = [name if name == UNALLOCATED else routing.account(name) for name in names]
    divided = [account == name and name in routing.splits for account, name in zip(accounts, names, strict=True)]
    table = pl.DataFrame({"source": names, "payee": accounts, "divided": divided})
    return table.cast({"source": pl.Categorical, "payee": pl.Categorical})


def split_rows(lines: pl.DataFrame, splits: Splits, booking: Booking) -> Iterator[Ledger]:
    """Move amounts from accounts to the payees of their sources: one row takes it off, one for each part credits.

    Args:
        lines: `payee` (the account), `source`, `amount`, `pool`, `currency`, `scale`.
        splits: who shares.
        booking: the run.

    """
    if not lines.height:
        return
    yield moved(lines, booking)
    numbered = lines.with_row_index("line")
    parts = divide_lines(numbered.select("line", "source", "amount"), splits)
    yield arrived(
        parts.join(numbered.drop("amount", "payee").with_columns(parent=numbered["payee"]), on="line"), booking
    )


def moved(lines: pl.DataFrame, booking: Booking) -> Ledger:
    """Take amounts off accounts."""
    return booking.rows(lines.with_columns(amount=negative()), Kind.SPLIT, reason="to payees")


def arrived(lines: pl.DataFrame, booking: Booking) -> Ledger:
    """Credit amounts to payees, with a word on the account (`parent`) they come from."""
    parents = lines.select(pl.col("parent").unique())
    reasons = parents.with_columns(reason=("from " + pl.col("parent").cast(pl.String)).cast(pl.Categorical))
    return booking.rows(lines.join(reasons, on="parent", how="left", maintain_order="left"), Kind.SPLIT)
