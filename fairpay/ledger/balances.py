"""Balances: what the closed months left behind, summed from their ledgers, a month at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from fairpay.ledger.grouping import group, negative, summed
from fairpay.ledger.ledger import EMPTY, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairpay.ledger.ledger import Ledger

__all__ = ["LEFT", "Balances", "balances"]

LEFT = frozenset({Kind.CARRY_OUT, Kind.SUSPENSE, Kind.RESERVE_HOLD, Kind.RESERVE_RELEASE, Kind.RECOUP})
"""The kinds of ledger rows that months to come depend on."""
ACCOUNT = ("payee", "currency")
SUSPENSE = ("pool", *ACCOUNT)
RESERVES = ("ref_period", *ACCOUNT)
RECOUPED = ("reason", *ACCOUNT)


def none_of(keys: Sequence[str]) -> pl.DataFrame:
    """No balance of this sort yet."""
    return EMPTY.select(*keys, "amount", "scale", "run_id", "period")


@dataclass(frozen=True, slots=True)
class Balances:
    """The state of the books between two months. `run_id` and `period` are of the last row that added to an amount."""

    carried: pl.DataFrame = field(default_factory=partial(none_of, ACCOUNT))
    """payee, currency, amount, scale, run_id, period: what the last month carried out; below zero where owed."""
    held: pl.DataFrame = field(default_factory=partial(none_of, SUSPENSE))
    """pool and the same: what went to suspense less what left it, zeros among them."""
    kept: pl.DataFrame = field(default_factory=partial(none_of, RESERVES))
    """ref_period (the month it was held in) and the same: what went to reserve less what was released, zeros too."""
    recouped: pl.DataFrame = field(default_factory=partial(none_of, RECOUPED))
    """reason (`advance NAME`) and the same: what was earned back."""

    @property
    def suspense(self) -> pl.DataFrame:
        """What is in suspense now; below zero where a correction took back more than was held."""
        return self.held.filter(pl.col("amount") != 0)

    @property
    def reserves(self) -> pl.DataFrame:
        """What is in reserve now."""
        return self.kept.filter(pl.col("amount") != 0)

    @property
    def earned_back(self) -> dict[tuple[str, str, str], int]:
        """(`advance NAME`, payee, currency) -> minor units."""
        columns = self.recouped.select(*RECOUPED, "amount").iter_rows()
        return {(reason, payee, currency): amount for reason, payee, currency, amount in columns}

    def after(self, ledger: Ledger) -> Balances:
        """The state after one more month.

        Raises:
            UnbalancedError: when a balance leaves int64.

        """
        frame = ledger.of_kinds(LEFT).frame

        def rows(kind: Kind, *changes: pl.Expr) -> pl.DataFrame:
            return frame.filter(pl.col("kind") == kind.value).with_columns(*changes)

        less = negative()
        held_in = pl.col("period").alias("ref_period")
        carried = rows(Kind.CARRY_OUT).select(none_of(ACCOUNT).columns)
        reserved = [rows(Kind.RESERVE_HOLD, held_in), rows(Kind.RESERVE_RELEASE, less)]
        return Balances(
            carried=carried,
            held=added(self.held, [rows(Kind.SUSPENSE)], SUSPENSE),
            kept=added(self.kept, reserved, RESERVES),
            recouped=added(self.recouped, [rows(Kind.RECOUP, less)], RECOUPED),
        )


def added(before: pl.DataFrame, rows: Sequence[pl.DataFrame], keys: Sequence[str]) -> pl.DataFrame:
    """Add rows to balances, key by key; the reference is to the last row that put money there."""
    names = none_of(keys).columns
    if not any(part.height for part in rows):
        return before
    parts = [
        part.select(names).with_columns(pl.col("amount").cast(pl.Int64), adds=pl.col("amount") > 0) for part in rows
    ]
    whole = pl.concat([before.with_columns(adds=pl.lit(value=True)), *parts])
    # Groups are in the order of their keys, and so are the last rows that add, which may be none.
    reference = group(whole, keys).last(whole["adds"].to_numpy())
    found = summed(whole, keys)
    known = whole[reference.clip(0)].select("run_id", "period")
    never, nobody = pl.Series(reference < 0), pl.lit("", dtype=pl.Categorical)
    texts = [pl.when(never).then(nobody).otherwise(known[name]).alias(name) for name in known.columns]
    return found.with_columns(texts).select(names)


def balances(ledgers: Iterable[Ledger]) -> Balances:
    """Sum the ledgers of the closed months, oldest first."""
    found = Balances()
    for ledger in ledgers:
        found = found.after(ledger)
    return found
