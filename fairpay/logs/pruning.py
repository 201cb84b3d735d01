"""Rows of typed files that are passed over unread because they lie outside the period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from fairpay.logs.source import Source

__all__ = ["passing"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LEAST, MOST = datetime(1, 1, 2, tzinfo=UTC), datetime(9999, 12, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def passing(source: Source, time: str | None, period: tuple[int | None, int | None]) -> pl.Expr | None:
    """Return the condition on rows that may count: in the period, within a day, or without a time.

    None where the file gives times no type, or does not know how many rows it has. Polars then passes over row groups
    by their statistics; the rows left are judged one by one all the same.
    """
    field = None if time is None else source.fields.get(time)
    if field is None or source.rows is None or not isinstance(field.kind, pl.Datetime):
        return None
    since, until = period
    keep = pl.lit(value=True)
    if since is not None:
        keep &= field.expr >= pl.lit(bound(since) - DAY, pl.Datetime("us")).cast(field.kind)
    if until is not None:
        keep &= field.expr <= pl.lit(bound(until) + DAY, pl.Datetime("us")).cast(field.kind)
    return None if since is None and until is None else field.expr.is_null() | keep


def bound(microseconds: int) -> datetime:
    """Return a moment that datetime can hold, without a zone."""
    try:
        found = EPOCH + timedelta(microseconds=microseconds)
    except OverflowError:
        found = MOST if microseconds > 0 else LEAST
    return min(max(found, LEAST), MOST).replace(tzinfo=None)
