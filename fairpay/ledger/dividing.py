"""Dividing: many amounts among the payees of their splits at once, exactly, each by largest remainder."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairpay.ledger.splits import Splits

__all__ = ["divide_lines"]

NARROW, WIDE = 2**48, 2**112
"""What an amount times its whole may reach in int64, and in int128: remainders of 2^14 payees are added too."""
FINEST = 2**62
"""Shares are whole numbers out of less than this; finer ones are divided one by one."""


def divide_lines(lines: pl.DataFrame, splits: Splits) -> pl.DataFrame:
    """Divide each amount among the payees of its source; a negative one mirrors the positive one.

    Args:
        lines: `line` (a number of its own), `source` (which has splits) and `amount`, int64 or int128.
        splits: who shares.

    Returns:
        `line`, `payee`, `amount`, in no stated order; the parts of a line sum to its amount, and zeros are left out.

    """
    sources = lines["source"].unique().cast(pl.String).to_list()
    shares, whole, beyond = shares_of(sources, splits)
    wide = lines["amount"].cast(pl.Int128)
    most = max([1, *(abs(n) for n in (wide.min(), wide.max()) if isinstance(n, int))])
    kind = pl.Int64 if most * whole < NARROW else pl.Int128
    if most * whole >= WIDE:
        beyond = sources
    slow = pl.col("source").is_in(beyond)
    parts = divided(lines.filter(~slow).with_columns(pl.col("amount").cast(kind)), shares, kind)
    if beyond:
        exact = one_by_one(lines.filter(slow), splits)
        parts = pl.concat([parts.with_columns(pl.col("amount").cast(pl.Int128)), exact])
    return parts.filter(pl.col("amount") != 0)


def shares_of(sources: Iterable[str], splits: Splits) -> tuple[pl.DataFrame, int, list[str]]:
    """The shares of some sources as whole numbers: the table, the largest sum, and sources too fine for int64."""
    rows: list[tuple[str, str, int, int]] = []
    beyond: list[str] = []
    for source in sources:
        payees = splits.of(source)
        whole = math.lcm(*(share.denominator for _, share in payees))
        if whole >= FINEST:
            beyond.append(source)
        else:
            rows += [(source, payee, share.numerator * (whole // share.denominator), whole) for payee, share in payees]
    types = {"source": pl.Categorical, "payee": pl.Categorical, "share": pl.Int64, "whole": pl.Int64}
    table = pl.DataFrame(rows, schema=types, orient="row")
    return table, max((row[3] for row in rows), default=1), beyond


def divided(lines: pl.DataFrame, shares: pl.DataFrame, wide: type[pl.DataType]) -> pl.DataFrame:
    """Floors first, then one unit each to the largest remainders; ties to the payee that stands first."""
    parts = lines.join(shares, on="source", how="inner", maintain_order="left_right").with_row_index("place")
    product = pl.col("amount").abs() * pl.col("share").cast(wide)
    whole = pl.col("whole").cast(wide)
    parts = parts.with_columns(part=product // whole, rest=product % whole)
    # What the floors leave of a line is the sum of its remainders over the whole.
    open_lines = parts.filter(pl.col("rest") != 0).select("line", "place", "rest", "whole")
    ranked = open_lines.sort("line", "rest", "place", descending=[False, True, False])
    first = pl.int_range(pl.len()).over("line")
    left = pl.col("rest").sum().over("line") // pl.col("whole").first().over("line").cast(wide)
    served = ranked.filter(first < left)["place"]
    extra = pl.col("place").is_in(served.implode()).cast(wide)
    signed = (pl.col("part") + extra) * pl.when(pl.col("amount") < 0).then(-1).otherwise(1).cast(wide)
    return parts.select("line", "payee", amount=signed)


def one_by_one(lines: pl.DataFrame, splits: Splits) -> pl.DataFrame:
    """The same with Python's integers, for shares that are too fine."""
    rows = [
        (line, payee, part)
        for line, source, amount in lines.select("line", "source", "amount").iter_rows()
        for payee, part in splits.divide(source, amount)
    ]
    return pl.DataFrame(rows, schema={"line": pl.UInt32, "payee": pl.Categorical, "amount": pl.Int128}, orient="row")
