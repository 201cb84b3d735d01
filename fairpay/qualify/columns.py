"""The columns of a batch as they are judged: ids that are missing or damaged, moments in microseconds from 1970 UTC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.errors import InputError
from fairpay.kernels.moments import parse_moments
from fairpay.logs.source import YEAR_1, YEAR_10000
from fairpay.money.amounts import (
    BLANK,
    EMPTY,
    EXACT,
    NEGATIVE,
    NOT_A_NUMBER,
    Amounts,
    is_text,
    missing,
    of_dictionary,
    read_amounts,
    text_lengths,
    with_nulls,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["holds_nul", "missing_ids", "read_moments"]

INLINE = 12
"""Bytes of a text that a view holds itself."""


def missing_ids(column: pa.Array, *, role: str) -> NDArray[np.bool_] | None:
    """Say which ids are null or empty; None: none is. An id of spaces, or the text `null`, is an id.

    Raises:
        InputError: the column's type cannot be an id.

    """
    coded = pa.types.is_dictionary(column.type)
    values = column.dictionary if coded else column
    kind = values.type
    if not (is_text(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        message = f"{role} is a column of {kind}; ids are text or whole numbers"
        raise InputError(message, advice=f"Write the ids as text, or name another column with --columns {role}=NAME.")
    found = text_lengths(values) == 0 if is_text(kind) else missing(values)
    if coded:
        at = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
        found = found[at] if len(values) else np.zeros(len(column), np.bool_)
        found = found | missing(column) if column.null_count else found
    return found if found.any() else None


def holds_nul(column: pa.Array) -> NDArray[np.bool_] | None:
    """Say which ids hold a NUL character, as a power cut or half a character leaves it; None: none does."""
    kind = column.type
    if not is_text(kind):
        return None
    none_outside = pa.types.is_string_view(kind) and not any(has_zero(buffer) for buffer in column.buffers()[2:])
    if none_outside and not (text_lengths(column) <= INLINE).any():
        return None  # text within the views themselves ends in zeros, other text has none
    found = pl.Series(column).str.contains("\0", literal=True).fill_null(value=False)
    return found.to_numpy() if found.any() else None


def has_zero(buffer: pa.Buffer | None) -> bool:
    """Whether any byte is zero."""
    return buffer is not None and buffer.size > 0 and not np.frombuffer(buffer, np.uint8).all()


FIRST = 100_000_000
"""Unix time in seconds, of 1973: smaller numbers are days counted in some other way, or no times."""
LIMIT = 1 << 62
PER_UNIT = {"s": 1_000_000, "ms": 1000, "us": 1}


def read_moments(column: pa.Array) -> Amounts:
    """Read a column as microseconds; unreadable ones, and those outside years 1 to 9999, are NOT_A_NUMBER.

    Missing ones are EMPTY.

    Raises:
        InputError: the column's type holds no moments.

    """
    found = moments_of(column)
    outside = (found.value < YEAR_1) | (found.value >= YEAR_10000)
    if not outside.any():
        return found
    how = np.zeros(len(outside), np.uint8) if found.how is None else found.how
    how = np.where(outside & (how == EXACT), np.uint8(NOT_A_NUMBER), how)
    return Amounts(np.where(outside, 0, found.value), how)


def moments_of(column: pa.Array) -> Amounts:
    """Read a column as microseconds, of whatever year.

    Raises:
        InputError: the column's type holds no moments.

    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return of_dictionary(column, read_moments)
    if is_text(kind) or pa.types.is_null(kind):
        return with_nulls(of_text(column), column)
    if pa.types.is_timestamp(kind):
        return with_nulls(Amounts(of_timestamps(column), None), column)
    if pa.types.is_date(kind):
        return with_nulls(Amounts(of_timestamps(column.cast(pa.timestamp("ms"))), None), column)
    if pa.types.is_integer(kind) or pa.types.is_floating(kind):
        return with_nulls(of_unix(column), column)
    message = f"time is a column of {kind}, not of moments"
    raise InputError(message, advice="Name another column with --columns time=NAME.")


def of_text(column: pa.Array) -> Amounts:
    """Read ISO 8601, or numbers."""
    if not len(column):
        return Amounts(np.empty(0, np.int64), None)
    column = column.cast(pa.large_string())
    _, offsets, text = column.buffers()
    start = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    data = np.empty(0, np.uint8) if text is None else np.frombuffer(text, np.uint8)
    start.flags.writeable = data.flags.writeable = False  # else the kernel would be compiled for both kinds of array
    out, read = np.empty(len(column), np.int64), np.empty(len(column), np.bool_)
    parse_moments(start, data, out, read)
    if read.all():
        return Amounts(out, None)
    rest, how = np.flatnonzero(~read), np.zeros(len(column), np.uint8)
    numbers = of_numbers(column.take(pa.array(rest)))
    out[rest], how[rest] = numbers.value, 0 if numbers.how is None else numbers.how
    return Amounts(out, how if how.any() else None)


def of_numbers(column: pa.Array) -> Amounts:
    """Read numbers as text: unix times, and dates that are written in 8 or 14 digits."""
    whole, milli, micro = (read_amounts(column, role="time", digits=digits) for digits in (0, 3, 6))
    text = pl.Series(column).cast(pl.String).fill_null("").str.strip_chars(BLANK)
    digits = text.str.contains("^(?:[0-9]{8}|[0-9]{14})$").to_numpy()
    found = by_size(whole.value, micro.value, milli.value, written=digits)
    known = np.zeros(len(text), np.uint8) if whole.how is None else whole.how
    known = np.where((known == NEGATIVE) | text.str.starts_with("+").to_numpy(), np.uint8(NOT_A_NUMBER), known)
    bad = known >= EMPTY
    how = np.where(bad, known, np.zeros(len(text), np.uint8) if found.how is None else found.how)
    return Amounts(np.where(bad, 0, found.value), how)


def of_timestamps(column: pa.Array) -> NDArray[np.int64]:
    """Bring Arrow timestamps, which are UTC or without a zone, to microseconds."""
    ticks: NDArray[np.int64] = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return ticks // 1000 if column.type.unit == "ns" else ticks * PER_UNIT[column.type.unit]


def of_unix(column: pa.Array) -> Amounts:
    """Read unix times, and numbers that are written dates."""
    raw = column.fill_null(0).to_numpy(zero_copy_only=False)
    raw = raw.astype(np.float64 if raw.dtype.kind == "f" else np.int64, copy=False)  # 2^63 and more are below zero
    raw = np.where((raw >= 0) & (raw < LIMIT), raw, 0)
    whole = raw.astype(np.int64)
    micro = whole * PER_UNIT["s"] if raw is whole else np.rint(raw * PER_UNIT["s"]).astype(np.int64)
    return by_size(whole, micro, whole * PER_UNIT["ms"], written=whole == raw)


def by_size(whole: Ints, micro: Ints, milli: Ints, *, written: NDArray[np.bool_]) -> Amounts:
    """Take whole numbers for seconds, ms (10^11 and more), us or ns: before 1973 they are no time.

    `micro` and `milli` are the microseconds of what is in seconds and in milliseconds. Where a number may be `written`,
    one of 8 or 14 digits that is a date, or a date and a time, is that.
    """
    value = np.select([whole < 10**11, whole < 10**14, whole < 10**17], [micro, milli, whole], whole // 1000)
    usable = whole >= FIRST
    value[~usable] = 0
    day = (whole >= FIRST // 10) & (whole < FIRST)
    rows = np.flatnonzero(written & (day | ((whole >= 10**13) & (whole < 10**14))))
    if len(rows):
        digits = pl.Series(np.where(day, whole * 10**6, whole)[rows])
        moment = digits.cast(pl.String).str.to_datetime("%Y%m%d%H%M%S", time_unit="us", strict=False)
        is_date = moment.dt.year().is_between(1900, 2199) & (digits % 100 < 60)  # noqa: PLR2004 - seconds
        at = is_date.fill_null(value=False).to_numpy()
        value[rows[at]], usable[rows[at]] = moment.to_physical().fill_null(0).to_numpy()[at], True
    return Amounts(value, None if usable.all() else np.where(usable, EXACT, NOT_A_NUMBER).astype(np.uint8))
