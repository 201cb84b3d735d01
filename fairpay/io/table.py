"""Rows as a format gives them, and their way to RawBatch: names become roles, types become those of the contract."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.errors import InputError
from fairpay.kernels.amounts import is_text, is_utf8
from fairpay.schema import RawBatch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fairpay.io.columns import Columns

__all__ = ["Origin", "Rows", "check_id_type", "to_batch"]

BYTES = (pa.types.is_string_view, pa.types.is_binary, pa.types.is_large_binary, pa.types.is_binary_view)


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a file: columns by name, nothing known about roles."""

    columns: Mapping[str, pa.Array]
    rows: int
    broken: pa.Array | None = None
    """bool[rows]: rows that could not be split into fields."""
    pruned: int = 0
    """Rows before these that were passed over."""
    sound: bool = False
    """Whether all text is known to be UTF-8."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where rows come from."""

    file: str
    constants: Mapping[str, str | None]
    """Columns with one value for the whole file: hive keys, and under the role `user` the file's name."""


def to_batch(
    rows: Rows, columns: Columns, origin: Origin, *, first_row: int, before: Callable[[], int] | None = None
) -> RawBatch:
    """Name the columns by role; `before` as in RawBatch.

    Raises:
        InputError: text that is not UTF-8.

    """
    found: dict[str, pa.Array] = {}
    for role, name in columns.roles.items():
        if name in rows.columns:
            found[role] = plain(rows.columns[name])
            if not rows.sound:
                sound(found[role], f"{origin.file}: the {role} column {name}")
        else:
            found[role] = constant(origin.constants[name], rows.rows)
    played = None
    for name, words in columns.played:
        is_play = pc.is_in(plain(rows.columns[name]).cast(pa.string()), value_set=pa.array(sorted(words), pa.string()))
        played = is_play if played is None else pc.and_(played, is_play)
    if played is not None:
        found["played"] = played
    if rows.broken is not None:
        found["broken"] = rows.broken
    return RawBatch(found, origin.file, first_row, rows.pruned, before)


def constant(value: str | None, rows: int) -> pa.Array:
    """Repeat one value without writing it out."""
    if value is None:
        return pa.nulls(rows, pa.string())
    try:
        entry = pa.array([value], pa.string())
    except UnicodeEncodeError:
        message = f"a file or folder whose name is not UTF-8 cannot stand for an id: {value}"
        raise InputError(message, advice="Give it a name in UTF-8.") from None
    return pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), entry)


def sound(column: pa.Array, what: str) -> None:
    """Refuse text that is not UTF-8.

    Raises:
        InputError: naming the column.

    """
    text = column.dictionary if pa.types.is_dictionary(column.type) else column
    if is_text(text.type) and not is_utf8(text):
        message = f"{what} is not UTF-8 text throughout"
        raise InputError(message, advice="The file is damaged, or was written with another encoding; write it again.")


def plain(column: pa.Array) -> pa.Array:
    """Bring types outside the contract (string views, bytes, dictionaries of other things) into it."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ExtensionArray):
        column = column.storage
    kind = column.type
    if pa.types.is_dictionary(kind) and not (
        pa.types.is_string(kind.value_type) or pa.types.is_large_string(kind.value_type)
    ):
        return plain(column.dictionary_decode())
    if pa.types.is_null(kind):
        return pa.nulls(len(column), pa.string())
    if not any(test(kind) for test in BYTES):
        return column
    try:
        return column.cast(pa.large_string())
    except pa.ArrowInvalid:  # bytes that are no UTF-8: let the reader of the message know which column
        return column.cast(pa.large_binary()).view(pa.large_string())


def check_id_type(kind: pa.DataType, *, role: str, name: str, where: str) -> None:
    """Refuse ids that are not text or whole numbers: a float or a date has no one spelling.

    Raises:
        InputError: naming the column and its type.

    """
    inner = kind.value_type if pa.types.is_dictionary(kind) else kind
    tests = (pa.types.is_string, pa.types.is_large_string, pa.types.is_integer, pa.types.is_null, *BYTES)
    if not any(test(inner) for test in tests):
        message = f"{where}: the {role} column {name} is of type {kind}; ids are text or whole numbers"
        raise InputError(message, advice=f"Write it as text, or name another column with --columns {role}=NAME.")
