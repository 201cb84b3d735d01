"""Grouping: rows brought together by their columns, and integers summed group by group, exactly, whatever their size.

Text columns are categorical: one code for each text. Nothing here is a float, and no sum can wrap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import polars as pl

from fairpay.errors import UnbalancedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["Exact", "Groups", "column", "group", "negative", "row_order", "summed", "widened"]

Exact: TypeAlias = "NDArray[Any]"
"""int64, or objects that are Python integers where int64 may be too small."""
INT64 = 2**63
ROOM = 2**62
"""Numbers that one packed key can tell apart."""
HALF, MASK = 32, 2**32 - 1
SAFE = 2**58
"""Up to 32 numbers below this in magnitude are added in int64."""


@dataclass(frozen=True, slots=True)
class Groups:
    """Rows of a frame, group by group."""

    order: Ints | None
    """int64[rows]: the rows such that those of a group follow one another, in their old order; None: as they are."""
    starts: Ints
    """int64[groups]: where each group begins in that order. Groups are in the order of their columns, text by bytes."""
    rows: int

    def __len__(self) -> int:
        """How many groups."""
        return len(self.starts)

    def arranged(self, values: NDArray[Any]) -> NDArray[Any]:
        """Values of rows, group by group."""
        return values if self.order is None else values[self.order]

    def sum(self, amounts: Ints, where: NDArray[np.bool_] | None = None) -> Exact:
        """The sum of each group; rows that are not `where` count as 0."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        return run_sums(self.arranged(amounts if where is None else np.where(where, amounts, 0)), self.starts)

    def any(self, where: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """bool[groups]: whether any row of the group is `where`."""
        if not len(self):
            return np.zeros(0, dtype=np.bool_)
        return np.logical_or.reduceat(self.arranged(where), self.starts)

    def last(self, where: NDArray[np.bool_]) -> Ints:
        """int64[groups]: the last row of each group that is `where`; -1 where there is none."""
        if not len(self):
            return np.zeros(0, dtype=np.int64)
        place = np.where(self.arranged(where), np.arange(self.rows), -1)
        found: Ints = np.maximum.reduceat(place, self.starts)
        return found if self.order is None else np.where(found < 0, -1, self.order[found])

    def firsts(self) -> Ints:
        """int64[groups]: the first row of each group."""
        return self.starts if self.order is None else self.order[self.starts]


def group(frame: pl.DataFrame, by: Sequence[str]) -> Groups:
    """Bring together the rows that have the same values in these columns (text, kinds or small integers)."""
    keys = packed(frame, by)
    rows = frame.height
    order = None if len(keys) == 1 and (keys[0][1:] >= keys[0][:-1]).all() else ordered(keys)
    arranged = [key if order is None else key[order] for key in keys]
    change = np.zeros(rows, dtype=np.bool_)
    change[:1] = True
    for key in arranged:
        change[1:] |= key[1:] != key[:-1]
    return Groups(order, np.flatnonzero(change), rows)


def row_order(frame: pl.DataFrame, by: Sequence[str]) -> Ints:
    """int64[rows]: the rows by these columns, text by its bytes; a last column `amount` is compared as a number."""
    if by[-1] != "amount":
        return ordered(packed(frame, by))
    keys = packed(frame, by[:-1])
    order = ordered(keys)
    if len(keys) == 1 and (np.diff(keys[0][order]) > 0).all():
        return order
    return ordered([*keys, frame["amount"].to_numpy()])


def ordered(keys: Sequence[Ints]) -> Ints:
    """int64[rows]: a stable order by these keys, the first before the second."""
    if len(keys) == 1:
        return np.argsort(keys[0], kind="stable")
    order: Ints = np.lexsort(list(keys)[::-1])
    return order


def packed(frame: pl.DataFrame, by: Sequence[str]) -> list[Ints]:
    """Columns as few int64 keys of the same order: several columns go into one as far as 62 bits reach."""
    keys: list[Ints] = []
    room = ROOM
    for name in by:
        codes, count = ranks(frame[name])
        if count <= 1:
            continue
        if room * count < ROOM:
            keys[-1] = keys[-1] * count + codes
            room *= count
        else:
            keys.append(codes.astype(np.int64))
            room = count
    return keys or [np.zeros(frame.height, dtype=np.int64)]


def ranks(values: pl.Series) -> tuple[Ints, int]:
    """int64[rows]: the place of each value among those that occur, text by its bytes; and a bound on the places."""
    if values.is_empty():
        return np.zeros(0, dtype=np.int64), 0
    codes = values.to_physical().to_numpy()
    least, most = int(codes.min()), int(codes.max())
    if values.dtype != pl.Categorical or least == most:
        return codes.astype(np.int64) - least, most - least + 1
    first = np.full(most + 1, -1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    present = np.flatnonzero(first >= 0)
    words = values.gather(first[present]).cast(pl.String)
    first[present[words.arg_sort().to_numpy()]] = np.arange(len(present))
    return first[codes], len(present)


def run_sums(amounts: Exact, starts: Ints) -> Exact:
    """Sum runs of amounts: the two 32-bit halves apart, which is exact up to 2^31 rows; objects where int64 is left."""
    if amounts.dtype == object:
        return np.add.reduceat(amounts, starts)
    low = np.add.reduceat(amounts & MASK, starts)
    high = np.add.reduceat(amounts >> HALF, starts) + (low >> HALF)
    low &= MASK
    if ((high >= -(INT64 >> HALF)) & (high < INT64 >> HALF)).all():
        found: Exact = (high << HALF) + low
        return found
    wide: Exact = (high.astype(object) << HALF) + low.astype(object)
    return wide


def widened(*amounts: Exact) -> list[Exact]:
    """The same numbers so that a few of them can be added and negated: as they are, or all as Python integers."""
    safe = all(part.dtype != object and (not part.size or -SAFE < part.min() <= part.max() < SAFE) for part in amounts)
    return list(amounts) if safe else [part.astype(object) for part in amounts]


def column(amounts: Exact | Iterable[int]) -> pl.Series:
    """A column `amount` of int64, or of int128 where one is larger."""
    if isinstance(amounts, np.ndarray) and amounts.dtype != object:
        return pl.Series("amount", amounts, dtype=pl.Int64)
    values = [int(amount) for amount in amounts]
    small = all(-INT64 <= value < INT64 for value in values)
    return pl.Series("amount", values, dtype=pl.Int64 if small else pl.Int128)


def negative() -> pl.Expr:
    """The column `amount` with the other sign, in int128, where nothing wraps."""
    return (pl.lit(0, dtype=pl.Int128) - pl.col("amount").cast(pl.Int128)).alias("amount")


def summed(frame: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """The first row of each group, with the group's `amount`.

    Raises:
        UnbalancedError: when a sum leaves int64.

    """
    groups = group(frame, keys)
    found = column(groups.sum(frame["amount"].to_numpy()))
    if found.dtype != pl.Int64:
        message = "an amount is beyond what a ledger holds"
        raise UnbalancedError(message, advice="Use a currency with fewer digits, or divide the pool.")
    return frame[groups.firsts()].with_columns(found)
