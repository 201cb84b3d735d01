"""Columns of amounts (durations, play counts, money) as int64, exactly, whatever type they were read as.

An integer of 2^62 and more is TOO_LARGE; halves go to the even integer, and a value below what it was rounded to is
ROUNDED_UP.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = [
    "BLANK",
    "EMPTY",
    "EXACT",
    "INEXACT",
    "NEGATIVE",
    "NOT_A_NUMBER",
    "ROUNDED_UP",
    "TOO_LARGE",
    "Amounts",
    "is_text",
    "missing",
    "of_dictionary",
    "read_amounts",
    "text_lengths",
    "with_nulls",
]

EXACT, ROUNDED_UP, INEXACT = 0, 1, 2
"""Usable: equal to what was read; below what it was rounded to; above it."""
EMPTY, NOT_A_NUMBER, NEGATIVE, TOO_LARGE = 16, 17, 18, 19
"""Not usable, and why."""
LIMIT = 1 << 62
PER_SECOND = {"s": 0, "ms": 3, "us": 6, "ns": 9}
BLANK = "".join(map(chr, range(33)))
"""What may stand around a number: spaces, tabs, and whatever else has no shape."""
NUMBER = r"^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
PLACES, FINEST = 20, pl.Decimal(38, 20)
"""Decimal places that hold every text of so many bytes without an exponent."""
FARTHEST = 9999
"""Exponents beyond it make no difference to any column."""


@dataclass(frozen=True, slots=True)
class Amounts:
    """A column of amounts, rounded to integers."""

    value: NDArray[np.int64]
    """The amount; 0 where it cannot be used."""
    how: NDArray[np.uint8] | None
    """How each came about, in the codes above; None: all are EXACT."""

    def bad(self) -> NDArray[np.bool_] | None:
        """Which cannot be used; None: all can."""
        if self.how is None:
            return None
        found = self.how >= EMPTY
        return found if found.any() else None

    def usable(self, among: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which of some rows can be used."""
        bad = self.bad()
        return among if bad is None else among & ~bad


def is_text(kind: pa.DataType) -> bool:
    """Whether a type is text of any width."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def text_lengths(column: pa.Array) -> NDArray[Any]:
    """Return the bytes of each text, uint32[rows]; 0 where there is none."""
    return pl.Series(column).str.len_bytes().fill_null(0).to_numpy()


def missing(column: pa.Array) -> NDArray[np.bool_]:
    """Say which values are null."""
    return np.asarray(column.is_null().to_numpy(zero_copy_only=False))


def read_amounts(column: pa.Array, *, role: str, digits: int) -> Amounts:
    """Read a column as integers of 10^-digits, to the nearest, halves to even.

    Floats stand for the shortest decimal text that names them. Nothing passes through a float on the way.

    Raises:
        InputError: the column's type holds no numbers.

    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return of_dictionary(column, partial(read_amounts, role=role, digits=digits))
    if is_text(kind) or pa.types.is_null(kind):
        return with_nulls(of_text(column, digits), column)
    if pa.types.is_integer(kind):
        return with_nulls(of_integers(column, digits), column)
    if pa.types.is_floating(kind):
        return with_nulls(of_floats(column, digits), column)
    if pa.types.is_decimal(kind):
        return with_nulls(of_text(column.cast(pa.large_string()), digits), column)
    if pa.types.is_duration(kind) and role != "plays":
        return with_nulls(of_durations(column), column)
    message = f"{role} is a column of {kind}, not of numbers"
    raise InputError(message, advice=f"Name another column with --columns {role}=NAME.")


def with_nulls(amounts: Amounts, column: pa.Array) -> Amounts:
    """Call the missing values EMPTY."""
    if column.null_count == 0:
        return amounts
    gone = missing(column)
    how = np.zeros(len(column), np.uint8) if amounts.how is None else amounts.how
    return Amounts(np.where(gone, 0, amounts.value), np.where(gone, np.uint8(EMPTY), how))


def filled(column: pa.Array) -> pa.Array:
    """Put zeros in the place of nulls."""
    return column if column.null_count == 0 else column.fill_null(0)


def of_dictionary(column: pa.DictionaryArray, read: Callable[[pa.Array], Amounts]) -> Amounts:
    """Read each distinct value once."""
    values = read(column.dictionary)
    if len(values.value) == 0:
        return with_nulls(Amounts(np.zeros(len(column), np.int64), None), column)
    at = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
    return with_nulls(Amounts(values.value[at], None if values.how is None else values.how[at]), column)


def of_text(column: pa.Array, digits: int) -> Amounts:
    """Read decimal text (`12`, `+1.5`, `.5`, `1e3`): by Polars where 38 digits hold it, else one by one."""
    text = pl.Series(column).cast(pl.String)
    whole = text.cast(pl.Int64, strict=False)
    if whole.null_count() == text.null_count():
        return of_integers(whole.to_arrow(), digits)
    text = text.fill_null("").str.strip_chars(BLANK).alias("text")
    near, fine = (pl.col("text").cast(kind, strict=False) for kind in (pl.Decimal(38, digits), FINEST))
    held = fine.is_not_null() & (pl.col("text").str.len_bytes() <= PLACES) & ~pl.col("text").str.contains("[eE]")
    came = pl.when(fine < 0).then(NEGATIVE).when(near.to_physical() >= LIMIT).then(TOO_LARGE)
    exactly = came.when(near > fine).then(ROUNDED_UP).when(near < fine).then(INEXACT).otherwise(EXACT)
    how = pl.when(held).then(exactly).when(pl.col("text") == "").then(EMPTY)
    how = how.when(~pl.col("text").str.contains(NUMBER)).then(NOT_A_NUMBER)
    read = text.to_frame().with_columns(how=how)
    usable = pl.col("how") < EMPTY
    value = read.select(pl.when(usable).then(near.to_physical()).otherwise(0).cast(pl.Int64)).to_series().to_numpy()
    return completed(value, read["how"], text.to_numpy(), partial(rounded, digits=digits))


def completed(
    value: NDArray[np.int64], how: pl.Series, what: NDArray[Any], one: Callable[[Any], tuple[int, int]]
) -> Amounts:
    """Ask `one` for the value, and how it came about, wherever that is not known yet."""
    codes, value = how.fill_null(EMPTY).to_numpy().astype(np.uint8), value.copy()
    unclear = how.is_null().to_numpy()
    if unclear.any():
        distinct, back = np.unique(what[unclear], return_inverse=True)
        values, hows = zip(*map(one, distinct), strict=True)
        value[unclear], codes[unclear] = np.array(values, np.int64)[back], np.array(hows, np.uint8)[back]
    return Amounts(value, codes if codes.any() else None)


def rounded(text: str, *, digits: int) -> tuple[int, int]:
    """Round one number, times 10^digits; return it and how it came about."""
    mantissa, _, exponent = text.lower().partition("e")
    power = int(min(max(Decimal(exponent or 0), Decimal(-FARTHEST)), Decimal(FARTHEST)))
    exact = Fraction(Decimal(mantissa)) * Fraction(10) ** (power + digits)
    value = round(exact)
    if exact < 0 or value >= LIMIT:
        return 0, NEGATIVE if exact < 0 else TOO_LARGE
    return value, EXACT if value == exact else ROUNDED_UP if value > exact else INEXACT


def of_integers(column: pa.Array, digits: int) -> Amounts:
    """Read integers, which need no rounding, only bounds."""
    raw = filled(column).to_numpy(zero_copy_only=False)
    scale = 10**digits
    least, most = (int(raw.min()), int(raw.max())) if len(raw) else (0, 0)
    if least >= 0 and most * scale < LIMIT:
        value = raw.astype(np.int64, copy=False)
        return Amounts(value * scale if scale > 1 else value, None)
    large = raw > (LIMIT - 1) // scale
    how = np.where(raw < 0, NEGATIVE, np.where(large, TOO_LARGE, EXACT)).astype(np.uint8)
    return Amounts(np.where(how == EXACT, raw, 0).astype(np.int64) * scale, how)


def of_durations(column: pa.Array) -> Amounts:
    """Read Arrow durations as milliseconds."""
    finer = PER_SECOND[column.type.unit] - PER_SECOND["ms"]
    ticks = column.cast(pa.int64()).fill_null(0)
    if finer <= 0:
        return of_integers(ticks, -finer)
    value, rest = np.divmod(ticks.to_numpy(zero_copy_only=False), 10**finer)
    up = (2 * rest > 10**finer) | ((2 * rest == 10**finer) & (value % 2 == 1))
    how = np.select([value < 0, up, rest > 0], [NEGATIVE, ROUNDED_UP, INEXACT], EXACT).astype(np.uint8)
    return Amounts(np.where(value < 0, 0, value + up), how if how.any() else None)


def of_floats(column: pa.Array, digits: int) -> Amounts:
    """Round floats as their shortest decimal text would be: by multiplying where that cannot matter, else by the text.

    The text is within half a unit in the last place of the float, the product within another half: several times that
    away from a tie and from the integer, the product rounds as the text does. Decimals of up to 15 digits (6 in single
    precision) are told apart by their floats: where dividing the integer back gives the float, the text is this one.
    """
    raw = filled(column).to_numpy(zero_copy_only=False)
    raw = raw if raw.dtype in (np.float32, np.float64) else raw.astype(np.float32)
    unsure, told_apart = (2.0**-22, 1e6) if raw.dtype == np.float32 else (2.0**-50, 1e15)
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = raw.astype(np.float64) * 10.0**digits
        nearest = np.rint(scaled)
        off = np.abs(scaled - nearest)
        usable = (raw >= 0) & (scaled < LIMIT)
        exact = (nearest < told_apart) & ((nearest / 10.0**digits).astype(raw.dtype) == raw)
        clear = (unsure * scaled < off) & (off < 0.5 - unsure * scaled)
        kinds = [np.isnan(raw), raw < 0, ~usable, exact, clear & (scaled < nearest), clear]
        codes = np.select(kinds, [NOT_A_NUMBER, NEGATIVE, TOO_LARGE, EXACT, ROUNDED_UP, INEXACT], -1)
        value = np.where(usable, nearest, 0).astype(np.int64)
    texts = partial(np.format_float_scientific, unique=True)
    return completed(value, pl.Series(codes).replace(-1, None), raw, lambda one: rounded(texts(one), digits=digits))
