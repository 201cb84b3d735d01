"""Which row groups of a Parquet file lie outside the period, by the file's own statistics."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow.parquet as pq

__all__ = ["outside"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNIX = ((10**11, 1_000_000), (10**14, 1000), (10**17, 1))
"""Unix times below the first number count seconds, then ms, then us; with the factor to microseconds."""


def outside(
    metadata: pq.FileMetaData, time: str | None, groups: Sequence[int], period: tuple[int | None, int | None]
) -> frozenset[int]:
    """Return the row groups in which every row has a time and none is in the period."""
    since, until = period
    if time is None or (since is None and until is None):
        return frozenset()
    found = set()
    at = next((i for i in range(len(metadata.schema)) if metadata.schema.column(i).path == time), None)
    if at is None:
        return frozenset()
    for group in groups:
        span = span_of(metadata.row_group(group), at)
        if span is None:
            continue
        if (since is not None and span[1] < since) or (until is not None and span[0] >= until):
            found.add(group)
    return frozenset(found)


def span_of(group: pq.RowGroupMetaData, time: int) -> tuple[int, int] | None:
    """Return first and last moment of a row group in microseconds; None where the statistics do not say."""
    column = group.column(time)
    if not column.is_stats_set:
        return None
    statistics = column.statistics
    if not statistics.has_min_max or not statistics.has_null_count or statistics.null_count > 0:
        return None
    try:
        first, last = statistics.min, statistics.max
    except (ValueError, OverflowError, ArithmeticError):
        return None
    return pair(first, last)


def pair(first: Any, last: Any) -> tuple[int, int] | None:  # noqa: ANN401 - whatever the statistics hold
    """Bring both ends to microseconds; None where that is not certain."""
    if isinstance(first, datetime) and isinstance(last, datetime):
        # Whole microseconds are kept; finer ones are cut off below and made up for above.
        return microseconds(first), microseconds(last) + 1
    if isinstance(first, date) and isinstance(last, date):
        return microseconds(datetime(*first.timetuple()[:3])), microseconds(datetime(*last.timetuple()[:3]))  # noqa: DTZ001 - a date
    if isinstance(first, int) and isinstance(last, int) and first >= 0:
        for below, factor in UNIX:
            if last < below:
                return (
                    (first * factor, last * factor) if first >= (0 if below == UNIX[0][0] else below // 1000) else None
                )
    return None


def microseconds(moment: datetime) -> int:
    """Count microseconds from 1970; a moment without a zone is UTC."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - EPOCH) // timedelta(microseconds=1)
