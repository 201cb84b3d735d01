"""Numbering: key columns as one number per row, so that each different key is looked at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.ledger.exclusions import as_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pyarrow as pa

    from fairpay.kernels.arrays import Ints

__all__ = ["Numbered", "numbered"]


@dataclass(frozen=True, slots=True)
class Numbered:
    """Some columns as one."""

    index: Ints
    """int64[rows]: the number of each row's key."""
    texts: Sequence[Sequence[str]]
    """The different texts of each column; nothing counts as empty text."""

    def key(self, number: int) -> tuple[str, ...]:
        """The texts a number stands for."""
        found = []
        for texts in reversed(self.texts):
            number, place = divmod(number, len(texts))
            found.append(texts[place])
        return tuple(reversed(found))

    def present(self) -> Ints:
        """int64: the numbers that occur."""
        return np.flatnonzero(np.bincount(self.index)) if len(self.index) else np.zeros(0, dtype=np.int64)


def numbered(columns: Iterable[pa.Array]) -> Numbered:
    """Number the keys of these columns (at least one)."""
    texts, index = [], None
    for column in columns:
        own, place = one(column)
        index = place if index is None else index * len(own) + place
        texts.append(own)
    assert index is not None
    return Numbered(index, texts)


def one(column: pa.Array) -> tuple[list[str], Ints]:
    """Number the texts of one column."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
    import pyarrow.compute as pc  # noqa: PLC0415 - the same

    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = [text or "" for text in as_text(coded.dictionary).to_pylist()]
    place = pc.fill_null(coded.indices.cast(pa.int64()), len(texts)).to_numpy(zero_copy_only=False)
    return [*texts, ""], place
