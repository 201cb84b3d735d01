"""Which ids are missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.errors import InputError
from fairpay.kernels.amounts import is_text, missing, text_lengths

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["missing_ids"]


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
