"""Arrow arrays to the addresses that kernels read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairpay.kernels import hashing
from fairpay.kernels.addresses import address_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Column", "Hasher", "ids_as_text"]


KEPT = 4
"""Dictionaries a hasher remembers: one for each id column, and those of the row group before."""


def place_of(array: pa.Array) -> tuple[object, ...]:
    """Say where an array lies: two that are alike in this, and both alive, hold the same values."""
    addresses = [0 if buffer is None else buffer.address for buffer in array.buffers()]
    return array.type, array.offset, len(array), *addresses


class Hasher:
    """The keys of this run, and a thread's room for writing decimal text."""

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        """Take uint64[KEYS] keys."""
        self.keys = keys
        self.room = np.zeros((hashing.BLOCK, hashing.ROOM), dtype=np.uint8)
        self.spans = np.empty((hashing.BLOCK, 2), dtype=np.int64)
        self.index = np.empty(hashing.BLOCK, dtype=np.int64)
        self.known: list[tuple[pa.Array, NDArray[np.uint64]]] = []
        """Dictionaries met last, and the hashes of their entries."""

    def entries(self, dictionary: pa.Array) -> NDArray[np.uint64]:
        """Return uint64[entries, 2], at least one: a dictionary that comes with batch after batch is hashed once."""
        place = place_of(dictionary)
        for known, hashes in self.known:
            if place_of(known) == place:  # which cannot lie elsewhere while it is kept here
                return hashes
        hashes = self.hash_all(Column.of(dictionary, self), len(dictionary))
        if len(hashes) == 0:
            hashes = np.zeros((1, 2), dtype=np.uint64)
        self.known = [*self.known[1 - KEPT :], (dictionary, hashes)]
        return hashes

    def hash_all(self, column: Column, rows: int) -> NDArray[np.uint64]:
        """Return uint64[rows, 2]: both lanes of each id."""
        out = np.empty((rows, 2), dtype=np.uint64)
        hashing.hash_column(column.described, rows, self.keys, self.room, self.spans, self.index, out)
        return out


@dataclass(frozen=True, slots=True)
class Column:
    """An id column as kernels see it."""

    described: NDArray[np.int64]
    """int64[5], see `kernels.hashing`."""
    kept: tuple[Any, ...]
    """What must live as long as the addresses are used."""

    @classmethod
    def of(cls, array: pa.Array, hasher: Hasher) -> Column:
        """Describe an array of ids: text of any Arrow kind, integers, or a dictionary of either.

        A dictionary's entries are hashed once each, whatever the number of rows.
        """
        kind = array.type
        if pa.types.is_dictionary(kind):
            return cls.of_dictionary(array, hasher)
        if pa.types.is_string(kind) or pa.types.is_binary(kind):
            return cls.of_text(array, hashing.TEXT32, 4)
        if pa.types.is_large_string(kind) or pa.types.is_large_binary(kind):
            return cls.of_text(array, hashing.TEXT64, 8)
        if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
            return cls.of_views(array)
        if pa.types.is_integer(kind):
            return cls.of_integers(array, hasher)
        return cls.of_text(array.cast(pa.large_string()), hashing.TEXT64, 8)

    @classmethod
    def of_text(cls, array: pa.Array, kind: int, width: int) -> Column:
        """Offsets and bytes."""
        _, offsets, data = array.buffers()
        start = 0 if data is None else data.address
        end = 0 if data is None else data.address + data.size
        first = 0 if offsets is None else offsets.address + width * array.offset
        return cls(np.array([kind, first, start, end, 0], dtype=np.int64), (array, offsets, data))

    @classmethod
    def of_views(cls, array: pa.Array) -> Column:
        """Sixteen bytes a row, which hold a short id or say where a longer one is."""
        buffers = array.buffers()
        views, data = buffers[1], buffers[2:]
        table = np.array([0 if b is None else b.address for b in data] or [0], dtype=np.int64)
        described = [hashing.VIEWS, views.address + 16 * array.offset, address_of(table), views.address + views.size, 0]
        return cls(np.array(described, dtype=np.int64), (array, buffers, table))

    @classmethod
    def of_integers(cls, array: pa.Array, hasher: Hasher) -> Column:
        """Eight bytes a row; narrower integers are widened."""
        unsigned = pa.types.is_uint64(array.type)
        wide = array if unsigned else array.cast(pa.int64())
        values = wide.buffers()[1]
        room_end = address_of(hasher.room) + hasher.room.nbytes
        kind = hashing.UNSIGNED if unsigned else hashing.SIGNED
        first = 0 if values is None else values.address + 8 * wide.offset
        return cls(np.array([kind, first, 0, room_end, address_of(hasher.room)], dtype=np.int64), (wide, values))

    @classmethod
    def of_dictionary(cls, array: pa.DictionaryArray, hasher: Hasher) -> Column:
        """Codes by row and the hashes of the entries; null rows get any code, they are not used.

        Where a small batch brings a large dictionary along, hashing the rows is less work.

        Raises:
            ValueError: a code that is no entry's.

        """
        if len(array.dictionary) > 2 * len(array):
            return cls.of(array.dictionary_decode(), hasher)
        entries = hasher.entries(array.dictionary)
        codes = np.ascontiguousarray(array.indices.fill_null(0).to_numpy(zero_copy_only=False), dtype=np.int32)
        if len(codes) and array.null_count < len(codes) and not 0 <= codes.min() <= codes.max() < len(entries):
            message = "a dictionary's code stands for no entry"
            raise ValueError(message)
        described = [hashing.CODED, address_of(codes), address_of(entries), 0, 0]
        return cls(np.array(described, dtype=np.int64), (codes, entries))


def ids_as_text(array: pa.Array, rows: NDArray[np.int64]) -> pa.Array:
    """Return the ids in some rows as large_string, integers as decimal text."""
    index = pa.array(rows)
    if pa.types.is_dictionary(array.type):
        return ids_as_text(array.dictionary, array.indices.take(index).to_numpy(zero_copy_only=False))
    if pa.types.is_string_view(array.type):  # from which Arrow cannot take yet
        import polars as pl  # noqa: PLC0415 - for text as Polars has it

        taken = pl.Series(array).gather(rows).to_arrow(compat_level=pl.CompatLevel.oldest())
        return taken if isinstance(taken, pa.Array) else taken.combine_chunks()
    taken = array.take(index)
    return taken if pa.types.is_large_string(taken.type) else taken.cast(pa.large_string())
