"""Statements: each account in a line, its rows one by one, and what is to be paid; made from the ledger alone."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from fairpay.books.ledger import Kind, Row
from fairpay.books.names import payment_ref
from fairpay.books.routing import in_suspense
from fairpay.money import format_units

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from fairpay.books.facts import Facts

__all__ = ["Sheet", "arrow", "lines", "payables", "pools_sheet", "statements"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table for people and for machines."""

    name: str
    columns: tuple[str, ...]
    amounts: frozenset[str]
    """Columns that are minor units of the row's `currency`, with `scale` digits."""
    records: Sequence[tuple[Any, ...]]

    def texts(self) -> list[list[str]]:
        """The records as text, amounts in major units."""
        scale = self.columns.index("scale")
        money = [column in self.amounts for column in self.columns]
        return [
            [
                format_units(value, record[scale]) if is_money else str(value)
                for value, is_money in zip(record, money, strict=True)
            ]
            for record in self.records
        ]


COLUMN_OF: dict[str, str] = {
    Kind.CARRY_IN: "opening_balance",
    Kind.EARNED: "earned",
    Kind.MINIMUM_TOPUP: "minimum_topup",
    Kind.ADJUSTMENT: "adjustments",
    Kind.FEE: "fees",
    Kind.RECOUP: "recouped",
    Kind.RESERVE_RELEASE: "reserve_released",
    Kind.RESERVE_HOLD: "reserve_held",
    Kind.CARRY_OUT: "closing_balance",
    Kind.PAYABLE: "payable",
}
AMOUNTS = (
    "opening_balance",
    "earned",
    "minimum_topup",
    "split_from_others",
    "split_to_others",
    "adjustments",
    "fees",
    "suspense_released",
    "reserve_released",
    "recouped",
    "reserve_held",
    "suspended",
    "closing_balance",
    "payable",
)


def statements(rows: Iterable[Row]) -> Sheet:
    """One line for each payee and currency.

    opening + earned + top-up + splits + adjustments + fees + released + recouped = reserve + suspended + closing +
    payable; fees, splits to others and recouped are below zero.
    """
    sums: dict[tuple[str, str, int], dict[str, int]] = defaultdict(lambda: dict.fromkeys(AMOUNTS, 0))
    period = ""
    for row in rows:
        sums[row.payee, row.currency, row.scale][column_of(row)] += abs_released(row)
        period = row.period
    columns = ("period", "payee", "currency", "scale", *AMOUNTS)
    records = [(period, *account, *found.values()) for account, found in sorted(sums.items())]
    return Sheet("statements", columns, frozenset(AMOUNTS), records)


def column_of(row: Row) -> str:
    """Which column of a statement a ledger row belongs to."""
    if row.kind == Kind.SPLIT:
        return "split_to_others" if row.reason == "to payees" else "split_from_others"
    if row.kind == Kind.SUSPENSE:
        return "suspense_released" if row.reason == "released" else "suspended"
    return COLUMN_OF[row.kind]


def abs_released(row: Row) -> int:
    """A release leaves suspense (below zero in the ledger) and comes to the payee (above zero in a statement)."""
    return -row.amount if row.kind == Kind.SUSPENSE and row.reason == "released" else row.amount


def lines(rows: Iterable[Row]) -> Sheet:
    """Every ledger row, as it stands there: what each figure of a statement is made of."""
    columns = ("period", "payee", "currency", "scale", "kind", "pool", "amount", "ref_period", "reason")
    pick = itemgetter(*(Row._fields.index(column) for column in columns))
    records = [pick(row) for row in rows]
    return Sheet("lines", columns, frozenset({"amount"}), records)


def payables(rows: Iterable[Row]) -> Sheet:
    """What is to be paid, by payee. fairpay starts no payment: a bank or an ERP does, with two people."""
    columns = ("payment_ref", "period", "payee", "amount", "currency", "scale", "run_id")
    records = [
        (
            payment_ref(row.run_id, row.payee, row.currency),
            row.period,
            row.payee,
            row.amount,
            row.currency,
            row.scale,
            row.run_id,
        )
        for row in rows
        if row.kind == Kind.PAYABLE and not in_suspense(row.payee)
    ]
    return Sheet("payables", columns, frozenset({"amount"}), records)


POOL_COLUMNS = (
    "name",
    "rule",
    "currency",
    "scale",
    "gross",
    "deductions",
    "net",
    "royalty",
    "floor",
    "subscribers",
    "listeners",
    "plays",
    "base",
    "topup",
)


def pools_sheet(facts: Facts) -> Sheet:
    """One line for each pool: from gross revenue to what was divided."""
    records = [
        tuple(
            "; ".join(f"{name} {amount}" for name, amount in pool.deductions.items())
            if column == "deductions"
            else getattr(pool, column)
            for column in POOL_COLUMNS
        )
        for pool in facts.pools
    ]
    return Sheet("pools", POOL_COLUMNS, frozenset({"base", "topup"}), records)


def arrow(sheet: Sheet) -> pa.Table:
    """The same for machines: amounts stay int64 minor units, beside `currency` and `scale`."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used

    counts = {"scale", "subscribers", "listeners", "plays"}
    types = [pa.int64() if c in sheet.amounts or c in counts else pa.string() for c in sheet.columns]
    found: Sequence[Sequence[Any]] = list(zip(*sheet.records, strict=True)) or [[] for _ in sheet.columns]
    arrays = [pa.array(values, kind) for values, kind in zip(found, types, strict=True)]
    return pa.Table.from_arrays(arrays, names=list(sheet.columns))
