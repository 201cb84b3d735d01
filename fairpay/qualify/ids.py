"""Which ids are missing or damaged."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.errors import InputError
from fairpay.kernels.amounts import is_text, missing, text_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["holds_nul", "missing_ids"]

INLINE = 12
"""Bytes of a text that a view holds itself."""


def missing_ids(column: pa.Array, *, role: str) -> NDArray[np.bool_] | None:
    """Say which ids are null or empty; None: none is. An id of spaces, or the text `null`, is an id.

    Raises:
        InputError: the column's type cannot be an id.

    """
    kind = column.type
    if pa.types.is_null(kind):
        return np.ones(len(column), np.bool_)
    found = missing(column) if column.null_count else None
    if pa.types.is_dictionary(kind):
        of_values = missing_ids(column.dictionary, role=role)
        if of_values is None:
            return found
        at = column.indices.fill_null(0).to_numpy(zero_copy_only=False)
        empty = of_values[at] if len(of_values) else np.zeros(len(column), np.bool_)
    elif is_text(kind):
        empty = text_lengths(column) == 0
    elif pa.types.is_integer(kind):
        return found
    else:
        message = f"{role} is a column of {kind}; ids are text or whole numbers"
        raise InputError(message, advice=f"Write the ids as text, or name another column with --columns {role}=NAME.")
    if not empty.any():
        return found
    return empty if found is None else empty | found


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
