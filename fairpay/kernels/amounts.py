"""Arrow columns of amounts (durations, play counts, money) as int64, exactly, whatever type they were read as."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairpay.errors import InputError
from fairpay.kernels.numbers import (
    EMPTY,
    EXACT,
    INEXACT,
    LIMIT,
    NEGATIVE,
    ROUNDED_UP,
    TOO_LARGE,
    UNREAD,
    parse_decimals,
    round_floats,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = [
    "Amounts",
    "is_text",
    "missing",
    "of_dictionary",
    "read_amounts",
    "text_buffers",
    "text_lengths",
    "text_offsets",
    "with_nulls",
]

PER_SECOND = {"s": 0, "ms": 3, "us": 6, "ns": 9}


@dataclass(frozen=True, slots=True)
class Amounts:
    """A column of amounts, rounded to integers."""

    value: NDArray[np.int64]
    """The amount; 0 where it cannot be used."""
    how: NDArray[np.uint8] | None
    """How each came about, in the codes of `kernels.numbers`; None: all are EXACT."""

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


def text_buffers(column: pa.Array) -> tuple[NDArray[np.int32] | NDArray[np.int64], NDArray[np.uint8]]:
    """Return start int32 or int64[n+1] and data uint8 of a text column as they lie in memory, not to be written to."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        column = column.cast(pa.large_string())
    start = text_offsets(column)
    buffer = column.buffers()[2] if len(column) else None
    data = np.empty(0, np.uint8) if buffer is None else np.frombuffer(buffer, np.uint8)
    data.flags.writeable = False  # else kernels would be compiled for both kinds of array
    return start, data


def text_offsets(column: pa.Array) -> NDArray[np.int32] | NDArray[np.int64]:
    """Return where each text begins and the last one ends, as they lie in memory."""
    if pa.types.is_string_view(column.type):
        return text_offsets(column.cast(pa.large_string()))
    kind: type[np.int32 | np.int64] = np.int32 if pa.types.is_string(column.type) else np.int64
    start: NDArray[Any] = np.zeros(1, kind)
    if len(column):
        start = np.frombuffer(column.buffers()[1], kind)[column.offset : column.offset + len(column) + 1]
    start.flags.writeable = False
    return start


def text_lengths(column: pa.Array) -> NDArray[Any]:
    """Int32 or int64[rows]: the bytes of each text; where there is none, any number."""
    if pa.types.is_string_view(column.type):
        words = np.frombuffer(column.buffers()[1], np.int32) if len(column) else np.empty(0, np.int32)
        return words[4 * column.offset : 4 * (column.offset + len(column)) : 4]  # a view begins with its length
    return np.diff(text_offsets(column))


def missing(column: pa.Array) -> NDArray[np.bool_]:
    """Say which values are null."""
    found: NDArray[np.bool_]
    valid = column.buffers()[0]
    if valid is None:  # null type, unions: their nulls are no bits
        found = column.is_null().to_numpy(zero_copy_only=False)
        return found
    bits = np.frombuffer(valid, np.uint8)[column.offset >> 3 : (column.offset + len(column) + 7) >> 3]
    first = column.offset & 7
    found = np.unpackbits(bits, bitorder="little")[first : first + len(column)] == 0
    return found


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
    """Read decimal text."""
    out, how = np.empty(len(column), np.int64), np.empty(len(column), np.uint8)
    start, data = text_buffers(column)
    parse_decimals(start, data, digits, out, how)
    return Amounts(out, how if how.any() else None)


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
    """Read Arrow durations as milliseconds, by their decimal text in seconds."""
    finer = PER_SECOND[column.type.unit]
    ticks = column.cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    if finer <= PER_SECOND["ms"]:
        return of_integers(pa.array(ticks), PER_SECOND["ms"] - finer)
    return of_text(pa.array([f"{tick}e-{finer - 3}" for tick in ticks.tolist()], pa.large_string()), 0)


def of_floats(column: pa.Array, digits: int) -> Amounts:
    """Read floats as their shortest decimal text: by multiplying where that cannot matter, else by the text itself."""
    raw = filled(column).to_numpy(zero_copy_only=False)
    raw = raw if raw.dtype in (np.float32, np.float64) else raw.astype(np.float32)
    value, how = np.empty(len(raw), np.int64), np.empty(len(raw), np.uint8)
    round_floats(raw, digits, value, how)
    unclear = np.flatnonzero(how == UNREAD)
    if len(unclear):
        distinct, back = np.unique(raw[unclear], return_inverse=True)
        texts = [exact_text(number, digits) for number in distinct]
        value[unclear] = np.array([v for v, _ in texts], np.int64)[back]
        how[unclear] = np.array([h for _, h in texts], np.uint8)[back]
    return Amounts(value, how if how.any() else None)


def exact_text(number: Any, digits: int) -> tuple[int, int]:  # noqa: ANN401 - a NumPy float of any width
    """Round the shortest decimal text of one float; return it and how it came about."""
    with localcontext() as context:
        context.prec = 400
        exact = Decimal(np.format_float_scientific(number, unique=True)).scaleb(digits)
        rounded = exact.to_integral_value(ROUND_HALF_EVEN)
    if rounded == exact:
        return int(rounded), EXACT
    return int(rounded), ROUNDED_UP if rounded > exact else INEXACT
