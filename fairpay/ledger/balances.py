"""Balances: what the closed months left behind, summed from their ledgers, a month at a time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from fairpay.ledger.model import EMPTY, Kind, by, is_kind, less, wide
from fairpay.money.currency import Currency, format_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from fairpay.ledger.model import Ledger

__all__ = ["LEFT", "Balances", "balances", "standing"]

LEFT = frozenset(
    {
        Kind.SUSPENSE_RELEASE,
        Kind.RESERVE_RELEASE,
        Kind.RECOUP,
        Kind.RESERVE_HOLD,
        Kind.SUSPENSE,
        Kind.CARRY_OUT,
    }
)
"""The kinds of ledger rows that months to come depend on."""
ACCOUNT = ("payee", "currency")
SUSPENSE = ("pool", *ACCOUNT)
RESERVES = ("ref_period", *ACCOUNT)
RECOUPED = ("counterparty", *ACCOUNT)


def none_of(keys: Sequence[str]) -> pl.DataFrame:
    return EMPTY.select(*keys, wide(), "scale", "run_id", "period")


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
    """counterparty (the name of an advance) and the same: what was earned back."""

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
        """(advance, payee, currency) -> minor units."""
        columns = self.recouped.select(*RECOUPED, "amount").iter_rows()
        return {(advance, payee, currency): amount for advance, payee, currency, amount in columns}

    def after(self, ledger: Ledger) -> Balances:
        """The state after one more month."""

        def rows(kind: Kind, amount: pl.Expr, **changes: pl.Expr) -> pl.DataFrame:
            return ledger.frame.filter(is_kind(kind)).with_columns(amount, **changes)

        return Balances(
            carried=rows(Kind.CARRY_OUT, wide()).select(none_of(ACCOUNT).columns),
            held=added(SUSPENSE, self.held, rows(Kind.SUSPENSE_RELEASE, less()), rows(Kind.SUSPENSE, wide())),
            kept=added(
                RESERVES,
                self.kept,
                rows(Kind.RESERVE_HOLD, wide(), ref_period=pl.col("period")),
                rows(Kind.RESERVE_RELEASE, less()),
            ),
            recouped=added(RECOUPED, self.recouped, rows(Kind.RECOUP, less())),
        )


STANDING_ADVANCE = re.compile(r"(?P<payee>.+) / (?P<currency>[A-Z]{3}) / advance (?P<name>.+)")


def standing(left: Balances, advances: Mapping[str, int]) -> dict[str, dict[str, str]]:
    """What stands after a month: name -> currency -> major units; names and currencies with nothing are left out.

    `advances` are those of `MonthFacts`: `PAYEE / CURRENCY / advance NAME` -> minor units paid.
    """
    found = {"suspense": left.suspense, "reserve": left.reserves, "carried forward": left.carried}
    sums = {name: by(frame, "currency", "scale") for name, frame in found.items()}
    owed = sums["unrecouped advances"] = {}
    for key, paid in advances.items():
        payee, currency, name = STANDING_ADVANCE.findall(key)[0]
        scale = Currency.of(currency).digits
        more = paid - left.earned_back.get((name, payee, currency), 0)
        owed[currency, scale] = owed.get((currency, scale), 0) + more
    return {
        name: {currency: format_units(amount, scale) for (currency, scale), amount in amounts.items() if amount}
        for name, amounts in sums.items()
        if any(amounts.values())
    }


def added(keys: Sequence[str], before: pl.DataFrame, *rows: pl.DataFrame) -> pl.DataFrame:
    """Add rows to balances, key by key; the reference is to the last row that put money there."""
    names = before.columns
    known = [part.select(names).with_columns(adds=pl.col("amount") > 0) for part in rows]
    whole = pl.concat([before.with_columns(adds=pl.lit(value=True)), *known])
    last = (pl.col("run_id", "period").filter("adds").last()).fill_null("")
    found = whole.group_by(keys, maintain_order=True).agg(wide().sum(), pl.col("scale").first(), last)
    return found.select(names)


def balances(ledgers: Iterable[Ledger]) -> Balances:
    """Sum the ledgers of the closed months, oldest first."""
    found = Balances()
    for ledger in ledgers:
        found = found.after(ledger)
    return found
