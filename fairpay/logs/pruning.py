"""Rows of typed files that are passed over unread because they lie outside the period."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairpay.logs.source import Source

__all__ = ["passing"]

PER_UNIT = {"ms": 1000, "us": 1}
UNIX = ((10**8, 10**11, 1_000_000, 1), (10**11, 10**14, 1000, 1), (10**14, 10**17, 1, 1), (10**17, 2**62, 1, 1000))
"""Unix times from and below these numbers count seconds, ms, us, ns: factor to and divisor from microseconds."""
COMPACT = (19_000_000_000_000, 22_000_000_000_000)
"""Numbers of 14 digits that are written dates."""
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_800_000_000
"""Microseconds of the years 1 and 10000, beyond which a time is none, whatever the period."""


def passing(source: Source, time: str | None, period: tuple[int | None, int | None]) -> pl.Expr | None:
    """Return the condition on rows that may count: in the period, without a time, or with one that is none.

    None where the file gives times no type, or does not know how many rows it has. Polars passes over row groups by
    their statistics; the rows left are judged one by one all the same.
    """
    field = None if time is None else source.fields.get(time)
    since, until = period
    if field is None or source.rows is None or (since is None and until is None):
        return None
    kind, expr = field.kind, field.expr
    if isinstance(kind, pl.Datetime) and kind.time_unit in PER_UNIT:
        factor = PER_UNIT[kind.time_unit]

        def at(microseconds: int) -> pl.Expr:
            return pl.lit(-(-microseconds // factor), pl.Int64).cast(kind)

        keep = within(expr, since, until, at)
        return expr.is_null() | keep | (expr < at(FIRST)) | (expr >= at(LAST))
    if kind.is_integer():
        keep = (expr < UNIX[0][0]) | (expr >= UNIX[-1][1]) | expr.is_between(*COMPACT)
        for least, most, factor, divisor in UNIX:
            low = least if since is None else max(least, -(-since * divisor // factor))
            high = most if until is None else min(most, -(-until * divisor // factor))
            if low < high:
                keep |= (expr >= low) & (expr < high)
        return expr.is_null() | keep
    return None


def within(expr: pl.Expr, since: int | None, until: int | None, at: Callable[[int], pl.Expr]) -> pl.Expr:
    """Say that a time is in the period."""
    keep = pl.lit(value=True)
    if since is not None:
        keep &= expr >= at(min(max(since, FIRST), LAST))
    if until is not None:
        keep &= expr < at(min(max(until, FIRST), LAST))
    return keep
