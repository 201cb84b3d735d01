"""The ledger: one append-only table of integer minor units per month, in an order and in bytes that repeat."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from fairpay.errors import UnbalancedError
from fairpay.rounding import largest_remainder_exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from fractions import Fraction

    import pyarrow as pa

__all__ = ["INTO", "STANDS", "Kind", "Row", "apportion", "ledger_csv", "read_rows", "rows_of", "sort_rows", "table_of"]

INT64 = 2**63


class Kind(StrEnum):
    """What a ledger row is. Declared in the order in which a month is worked out."""

    CARRY_IN = "carry_in"
    EARNED = "earned"
    MINIMUM_TOPUP = "minimum_topup"
    SPLIT = "split"
    ADJUSTMENT = "adjustment"
    FEE = "fee"
    RESERVE_RELEASE = "reserve_release"
    RECOUP = "recoup"
    RESERVE_HOLD = "reserve_hold"
    SUSPENSE = "suspense"
    CARRY_OUT = "carry_out"
    PAYABLE = "payable"


STANDS = frozenset({Kind.RESERVE_HOLD, Kind.SUSPENSE, Kind.CARRY_OUT, Kind.PAYABLE})
"""Where money stands at the end of the month: an amount above zero says it went there."""
INTO = frozenset(Kind) - STANDS
"""What changed a payee's balance: above zero in the payee's favour. Per payee and currency, INTO sums to STANDS."""
ORDER = {kind.value: place for place, kind in enumerate(Kind)}


class Row(NamedTuple):
    """One line of the ledger. Empty text stands for none."""

    run_id: str
    """The run that wrote it."""
    period: str
    """The month it is booked in."""
    pool: str
    """The pool the money comes from; empty for what concerns a payee's whole account."""
    payee: str
    """Whose account: a payee, an artist that is its own payee, or suspense: `unmatched:ARTIST`, `unallocated:`."""
    kind: str
    amount: int
    """Minor units of `currency`."""
    currency: str
    scale: int
    """Digits of the minor unit."""
    ref_run_id: str = ""
    """The run a row refers to: the closed month an adjustment corrects, the month that held what is released."""
    ref_period: str = ""
    reason: str = ""


def sort_key(row: Row) -> tuple[object, ...]:
    """Payee first, then the month's own order; every column takes part, so the order is total."""
    return (row[3], row[6], ORDER[row[4]], row[2], row[9], row[8], row[10], row[5], row)


def sort_rows(rows: Iterable[Row]) -> list[Row]:
    """Rows in ledger order: by the bytes of the payee, the currency, the kind, the pool, the reference."""
    return sorted(rows, key=sort_key)


def apportion(amount: int, shares: Sequence[int] | Sequence[Fraction]) -> list[int]:
    """Divide an amount of either sign by largest remainder; a negative one mirrors the positive one.

    Args:
        amount: minor units.
        shares: weights, none negative, in the order that ties are served in.

    Returns:
        Amounts that sum to `amount` exactly.

    """
    parts = [int(x) for x in largest_remainder_exact(shares, abs(amount))]
    return [-part for part in parts] if amount < 0 else parts


def schema() -> pa.Schema:
    """The ledger's columns; none may be null."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where a ledger is read or written

    types = {"amount": pa.int64(), "scale": pa.int32()}
    return pa.schema([pa.field(name, types.get(name, pa.string()), nullable=False) for name in Row._fields])


def table_of(rows: Iterable[Row]) -> pa.Table:
    """Make the table of rows, in the order they are given; a ledger's are sorted.

    Raises:
        UnbalancedError: when an amount leaves int64.

    """
    import pyarrow as pa  # noqa: PLC0415 - loaded where a ledger is read or written

    ordered = list(rows)
    for row in ordered:
        if not -INT64 <= row.amount < INT64:
            message = f"an amount of {row.amount} minor units ({row.kind}) is beyond what a ledger holds"
            raise UnbalancedError(message, advice="Use a currency with fewer digits, or divide the pool.")
    columns: Iterable[Sequence[object]] = zip(*ordered, strict=True) if ordered else [[] for _ in Row._fields]
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema(), strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema())


def rows_of(table: pa.Table) -> list[Row]:
    """Turn a ledger table into rows.

    Raises:
        ValueError: when the columns are not a ledger's.

    """
    if not table.schema.equals(schema()):
        message = "the columns are not those of a ledger"
        raise ValueError(message)
    return [Row(*values) for values in zip(*(column.to_pylist() for column in table.columns), strict=True)]


def read_rows(path: str) -> list[Row]:
    """Read a ledger file.

    Raises:
        ValueError: when it is not a ledger (also pyarrow's own errors, which are ValueError or OSError).

    """
    import pyarrow.parquet as pq  # noqa: PLC0415 - loaded where a ledger is read or written

    return rows_of(pq.read_table(path, partitioning=None))


def ledger_csv(rows: Iterable[Row]) -> str:
    """The ledger as text, in the order of the rows; amounts stay minor units."""
    import csv  # noqa: PLC0415 - small, used here only
    import io  # noqa: PLC0415 - small, used here only

    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(Row._fields)
    writer.writerows(rows)
    return out.getvalue()
