"""Sheets: tables for people and for machines; the text of amounts has their currency's digits."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import UnbalancedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import pyarrow as pa

__all__ = ["Sheet", "money"]

SLICE = 1 << 17
"""Records that are turned into text at once."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table for people and for machines."""

    name: str
    frame: pl.DataFrame
    """Texts, whole numbers, and amounts; with a column `scale`."""
    amounts: frozenset[str]
    """Columns that are minor units of the row's `currency`, with `scale` digits."""
    scales: Mapping[str, str] = field(default_factory=dict)
    """Those of another currency -> the column of its digits."""

    def __len__(self) -> int:
        """How many records."""
        return self.frame.height

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return self.frame.columns

    def scale_of(self, name: str) -> str:
        """The column that says how many digits the amounts of a column have."""
        return self.scales.get(name, "scale")

    @property
    def records(self) -> list[tuple[Any, ...]]:
        """The records as Python values, for a few."""
        return self.frame.rows()

    def texts(self, rows: int = SLICE) -> Iterator[pl.DataFrame]:
        """The records as text, amounts in major units, some at a time."""
        for start in range(0, len(self), rows):
            part = self.frame[start : start + rows]
            yield part.select(
                money(part, name, self.scale_of(name)) if name in self.amounts else pl.col(name).cast(pl.String)
                for name in self.columns
            )

    def arrow(self) -> pa.Table:
        """The same for machines: amounts are decimals in major units, with the digits of a column's finest currency.

        Raises:
            UnbalancedError: when an amount leaves int64.

        """
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used

        for name in self.amounts:
            if self.frame[name].dtype == pl.Int128:
                message = f"an amount of the column {name} is beyond what a table holds"
                raise UnbalancedError(message, advice="Use a currency with fewer digits, or divide the pool.")
        whole = self.frame.select(
            money(self.frame, name, self.scale_of(name))
            if name in self.amounts
            else pl.col(name).cast(pl.Int64 if kind.is_integer() else pl.String)
            for name, kind in self.frame.schema.items()
        ).to_arrow()
        kinds = {
            name: pa.decimal128(38, self.frame[self.scale_of(name)].max() if len(self) else 2)
            if name in self.amounts
            else (pa.int64() if self.frame.schema[name].is_integer() else pa.string())
            for name in self.columns
        }
        return whole.cast(pa.schema(kinds.items()))


def money(frame: pl.DataFrame, name: str, of: str = "scale") -> pl.Expr:
    """A column of minor units as text in major units: -5 with 2 digits is `-0.05`."""
    column = pl.col(name)
    least = frame[name].min()
    if least is None or (isinstance(least, int) and least <= -(2**63)):  # its magnitude is no int64
        column = column.cast(pl.Int128)
    text = column.cast(pl.String)
    for scale in frame[of].unique().to_list():
        if scale:
            text = pl.when(pl.col(of) == scale).then(decimal(column, scale)).otherwise(text)
    return text.alias(name)


def decimal(column: pl.Expr, scale: int) -> pl.Expr:
    """The text of minor units with this many digits after the point."""
    size = column.abs()
    sign = pl.when(column < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    part = (size % 10**scale).cast(pl.Int64).cast(pl.String).str.zfill(scale)
    text: pl.Expr = sign + (size // 10**scale).cast(pl.String) + "." + part
    return text
