"""Statements: each account in a line, its rows one by one, and what is to be paid; made from the ledger alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.ledger.facts import units_of
from fairpay.ledger.grouping import column, group, widened
from fairpay.ledger.ledger import Kind
from fairpay.ledger.names import payment_ref
from fairpay.ledger.routing import is_suspense
from fairpay.ledger.sheet import Sheet
from fairpay.money.currency import Currency, format_units

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fairpay.ledger.facts import Facts, PoolFacts
    from fairpay.ledger.ledger import Ledger

__all__ = ["lines", "payables", "pools_sheet", "statements"]

ACCOUNT = ("payee", "currency", "scale")
COLUMNS: dict[str, tuple[Kind, bool]] = {
    "opening_balance": (Kind.CARRY_IN, False),
    "earned": (Kind.EARNED, False),
    "minimum_topup": (Kind.MINIMUM_TOPUP, False),
    "split_from_others": (Kind.SPLIT, False),
    "split_to_others": (Kind.SPLIT, True),
    "adjustments": (Kind.ADJUSTMENT, False),
    "fees": (Kind.FEE, False),
    "suspense_released": (Kind.SUSPENSE, True),
    "reserve_released": (Kind.RESERVE_RELEASE, False),
    "recouped": (Kind.RECOUP, False),
    "reserve_held": (Kind.RESERVE_HOLD, False),
    "suspended": (Kind.SUSPENSE, False),
    "closing_balance": (Kind.CARRY_OUT, False),
    "payable": (Kind.PAYABLE, False),
}
"""Column of a statement -> the kind of ledger row it sums, and whether of those that `LEAVING` tells apart."""
LEAVING = {Kind.SPLIT: "to payees", Kind.SUSPENSE: "released"}
"""Kind -> the reason of rows that have a column of their own."""


def statements(rows: Ledger) -> Sheet:
    """One line for each payee and currency.

    opening + earned + top-up + splits + adjustments + fees + released + recouped = reserve + suspended + closing +
    payable; fees, splits to others and recouped are below zero.
    """
    groups = group(rows.frame, ACCOUNT)
    period = rows.frame["period"].gather([len(rows) - 1] if len(rows) else [])
    accounts = rows.frame[groups.firsts()].select(
        pl.lit(period[0] if len(rows) else "", dtype=pl.Categorical).alias("period"), *ACCOUNT
    )
    amounts = []
    for name in COLUMNS:
        sums = groups.sum(rows.amounts, where(rows, name))
        # A release leaves suspense (below zero in the ledger) and comes to the payee (above zero in a statement).
        amounts.append(column(-widened(sums)[0] if name == "suspense_released" else sums).alias(name))
    return Sheet("statements", accounts.with_columns(amounts), frozenset(COLUMNS))


def where(rows: Ledger, name: str) -> NDArray[np.bool_]:
    """bool[rows]: which rows a column of a statement sums."""
    kind, leaves = COLUMNS[name]
    found = rows.is_kind({kind})
    if kind not in LEAVING:
        return found
    leaving = (rows.frame["reason"] == LEAVING[kind]).to_numpy()
    found &= leaving if leaves else ~leaving
    return found


def lines(rows: Ledger) -> Sheet:
    """Every ledger row, as it stands there: what each figure of a statement is made of."""
    columns = ("period", *ACCOUNT, "kind", "pool", "amount", "ref_period", "reason")
    return Sheet("lines", rows.frame.select(columns), frozenset({"amount"}))


def payables(rows: Ledger) -> Sheet:
    """What is to be paid, by payee. fairpay starts no payment: a bank or an ERP does, with two people."""
    paid = rows.of_kinds({Kind.PAYABLE}).frame.filter(~is_suspense("payee"))
    accounts = paid.select("run_id", "payee", "currency").iter_rows()
    references = pl.Series("payment_ref", [payment_ref(*account) for account in accounts], dtype=pl.String)
    columns = ("period", "payee", "amount", "currency", "scale", "run_id")
    return Sheet("payables", paid.select(references, *columns), frozenset({"amount"}))


POOL_COLUMNS = {
    "name": str,
    "rule": str,
    "gross_currency": str,
    "gross_scale": int,
    "gross": int,
    "deductions": int,
    "deducted": str,
    "net": int,
    "royalty": int,
    "floor": int,
    "subscribers": int,
    "listeners": int,
    "plays": int,
    "currency": str,
    "scale": int,
    "base": int,
    "topup": int,
}
OWN = ("gross", "deductions", "net", "royalty", "floor")
"""What a pool took, in minor units of `gross_currency`; what is divided of it is in `currency`."""
BEFORE = ("name", "rule", "currency", "scale", "gross", "deductions", "net", "royalty", "floor", "subscribers",
          "listeners", "plays", "base", "topup")  # fmt: skip
"""The columns in months that were closed before the currency of the gross was kept: its amounts are texts."""


def pools_sheet(facts: Facts) -> Sheet:
    """One line for each pool: from gross revenue to what was divided, each amount rounded to the minor unit."""
    divided = frozenset({"base", "topup"})
    if not all(pool.gross_currency for pool in facts.pools):
        schema = {name: pl.String if name in OWN else POOL_COLUMNS[name] for name in BEFORE}
        records = [
            {**asdict(pool), "deductions": "; ".join(f"{name} {text}" for name, text in pool.deductions.items())}
            for pool in facts.pools
        ]
        return Sheet("pools", pl.DataFrame(records, schema=schema), divided)
    lines_of = [pool_line(pool) for pool in facts.pools]
    frame = pl.DataFrame(lines_of, schema=POOL_COLUMNS)
    return Sheet("pools", frame, divided | set(OWN), dict.fromkeys(OWN, "gross_scale"))


def pool_line(pool: PoolFacts) -> dict[str, Any]:
    """What a pool's line holds; what is deducted is said in one amount, and one by one in words."""
    scale = Currency.of(pool.gross_currency).digits
    amounts = {name: units_of(getattr(pool, name), scale) for name in OWN if name != "deductions"}
    named = [
        f"{name} {format_units(units_of(text, scale), scale)} {pool.gross_currency}"
        for name, text in pool.deductions.items()
    ]
    return {
        **asdict(pool),
        **amounts,
        "gross_scale": scale,
        "deductions": amounts["gross"] - amounts["net"],
        "deducted": "; ".join(named),
    }
