"""Ids to 128-bit keys, keys to codes, and artists in byte order of their ids."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.kernels import hashing

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Codes, Ints

__all__ = ["Artists", "Column", "KeyTable", "fresh_keys", "hash_ids", "ids_as_text", "order_of"]

FIRST_KEYS = 32


@dataclass(frozen=True, slots=True)
class Column:
    """An id column as kernels see it."""

    described: Ints
    """int64[2], see `kernels.hashing`."""
    kept: tuple[Any, ...]
    """What must live as long as the addresses are used."""

    @classmethod
    def of(cls, ids: pa.Array) -> Column:
        """Describe an array of ids: text of any Arrow kind, integers, or a dictionary of either."""
        array = as_views(ids)
        buffers = array.buffers()
        views, data = buffers[1], buffers[2:]
        table = np.array([0 if buffer is None else buffer.address for buffer in data] or [0], dtype=np.int64)
        start = 0 if views is None else views.address + 16 * array.offset
        return cls(np.array([start, table.ctypes.data], dtype=np.int64), (array, buffers, table))


def as_views(ids: pa.Array) -> pa.Array:
    """Return ids as string or binary views, integers as decimal text."""
    if pa.types.is_string_view(ids.type) or pa.types.is_binary_view(ids.type):
        return ids
    return arrow_of(as_series(ids), pl.CompatLevel.newest())


def as_series(ids: pa.Array) -> pl.Series:
    """Return ids as text, or bytes, of Polars.

    Raises:
        ValueError: a code of a dictionary that is no entry's.

    """
    if pa.types.is_dictionary(ids.type):
        try:
            return as_series(ids.dictionary.take(ids.indices))
        except pa.ArrowIndexError as cause:
            message = "a dictionary's code stands for no entry"
            raise ValueError(message) from cause
    series = pl.Series(ids)
    return series if series.dtype in (pl.String, pl.Binary) else series.cast(pl.String)


def arrow_of(series: pl.Series, level: pl.CompatLevel) -> pa.Array:
    """Return a series as one Arrow array."""
    array = series.rechunk().to_arrow(compat_level=level)
    return array if isinstance(array, pa.Array) else array.combine_chunks()


def ids_as_text(ids: pa.Array, rows: Ints) -> pa.Array:
    """Return the ids in some rows as large_string, integers as decimal text."""
    if pa.types.is_dictionary(ids.type):
        return ids_as_text(ids.dictionary, ids.indices.take(pa.array(rows)).to_numpy(zero_copy_only=False))
    return arrow_of(as_series(ids).gather(rows), pl.CompatLevel.oldest()).cast(pa.large_string())


def order_of(ids: pa.Array) -> Ints:
    """Return int64[n], the positions of different ids in ascending byte order."""
    return pl.Series(ids).arg_sort().to_numpy().astype(np.int64)


def fresh_keys(count: int = 1) -> NDArray[np.uint64]:
    """Draw uint64[count * KEYS] for hashes of this run."""
    return np.frombuffer(secrets.token_bytes(8 * count * hashing.KEYS), dtype=np.uint64).copy()


def hash_ids(ids: pa.Array, secret: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return uint64[rows, 2]: both lanes of each id under uint64[KEYS]."""
    out = np.empty((len(ids), 2), dtype=np.uint64)
    column = Column.of(ids)
    hashing.hash_column(column.described, secret, out)
    return out


class KeyTable:
    """Codes 0, 1, 2, ... of 128-bit keys, in the order in which they come."""

    def __init__(self, room: int = FIRST_KEYS) -> None:
        """Make room for some keys, a power of 2."""
        self.count = 0
        self.slots = np.zeros(2 * room, dtype=np.uint32)
        self.keys = np.empty((room, 2), dtype=np.uint64)

    @property
    def nbytes(self) -> int:
        """Bytes held."""
        return self.slots.nbytes + self.keys.nbytes

    def grow(self) -> None:
        """Make room for twice the keys; memory that is not used yet is not touched."""
        before, self.keys = self.keys, np.empty((2 * len(self.keys), 2), dtype=np.uint64)
        self.keys[: self.count] = before[: self.count]
        self.slots = np.zeros(2 * len(self.keys), dtype=np.uint32)
        hashing.rehash(self.keys[: self.count], self.slots)

    def enter(self, keys: NDArray[np.uint64]) -> Codes:
        """Return the codes uint32[n] of keys uint64[n, 2], new ones for new keys."""
        codes = np.empty(len(keys), dtype=np.uint32)
        done = 0
        while True:
            more, self.count = hashing.enter(keys[done:], self.slots, self.keys, self.count, codes[done:])
            done += more
            if done == len(keys):
                return codes
            self.grow()


class Artists:
    """The artists of a pool. A smaller code is a smaller id."""

    def __init__(self, ids: pa.Array) -> None:
        """Take large_string[artists], sorted by bytes."""
        self.known = ids

    @property
    def ids(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        return self.known

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.ids)

    def some(self, places: Ints) -> list[str]:
        """Return the ids of int64[n] artists."""
        found: list[str] = self.ids.take(pa.array(places)).to_pylist()
        return found
