"""Ids to 128-bit keys, keys to codes and, by them, which group each user is in; ids in byte order."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.kernels import hashing
from fairpay.logs.cells import to_arrow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Codes, Ints

__all__ = [
    "NOWHERE",
    "SEVERAL",
    "Column",
    "KeyTable",
    "Members",
    "as_series",
    "fresh_keys",
    "hash_ids",
    "ids_as_text",
    "order_of",
    "places_of",
]

FIRST_KEYS = 32
NOWHERE, SEVERAL = -1, -2
"""Groups of users without a value, and of users with more than one."""


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
    if isinstance(ids, pa.Array) and (pa.types.is_string_view(ids.type) or pa.types.is_binary_view(ids.type)):
        return ids
    return to_arrow(as_series(ids), views=True)


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


def ids_as_text(ids: pa.Array, rows: Ints) -> pa.Array:
    """Return the ids in some rows as large_string, integers as decimal text."""
    if pa.types.is_dictionary(ids.type):
        return ids_as_text(ids.dictionary, ids.indices.take(pa.array(rows)).to_numpy(zero_copy_only=False))
    return to_arrow(as_series(ids).gather(rows)).cast(pa.large_string())


def order_of(ids: pa.Array) -> Ints:
    """Return int64[n], the positions of different ids in ascending byte order."""
    return pl.Series(ids).arg_sort().to_numpy().astype(np.int64)


def places_of(ids: pa.Array, among: pa.Array) -> Ints:
    """int64[ids]: the place of each id among different ones, -1 where it is not there."""
    if ids.equals(among):
        return np.arange(len(ids), dtype=np.int64)
    found: Ints = pc.index_in(ids, value_set=among).fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return found


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


class Members:
    """Which group each user is in by some columns, such as country or plan: 24 bytes a user and 4 for each column.

    What is entered may come in any order and from any thread.
    """

    def __init__(self, columns: int) -> None:
        """Know nobody."""
        self.secret = fresh_keys()
        self.table = KeyTable()
        self.groups = np.full((columns, FIRST_KEYS), NOWHERE, dtype=np.int32)
        self.values: list[dict[str, int]] = [{} for _ in range(columns)]
        """For each column: value -> its group."""
        self.lock = Lock()

    def enter(self, column: int, users: pa.Array, values: pa.Array, used: NDArray[np.bool_] | None = None) -> None:
        """Take in what rows say of users, all or the used ones; rows without a value say nothing."""
        texts = as_series(values).cast(pl.String).replace("", None)
        told = texts.is_not_null() if used is None else texts.is_not_null() & pl.Series(used)
        rows = told.arg_true().to_numpy()
        if not len(rows):
            return
        keys, texts = hash_ids(users, self.secret)[rows], texts.gather(rows)
        different = texts.unique().sort()
        with self.lock:
            known = self.values[column]
            for text in different:
                known.setdefault(text, len(known))
            groups = texts.replace_strict(different, [known[text] for text in different], return_dtype=pl.Int32)
            self.note(column, self.codes(keys), groups.to_numpy())

    def codes(self, keys: NDArray[np.uint64]) -> NDArray[np.uint32]:
        """Return the codes of users, and have room for them."""
        codes = self.table.enter(keys)
        missing = len(self.table.keys) - self.groups.shape[1]
        if missing > 0:
            more = np.full((len(self.groups), missing), NOWHERE, dtype=np.int32)
            self.groups = np.concatenate([self.groups, more], axis=1)
        return codes

    def note(self, column: int, users: NDArray[np.uint32], groups: NDArray[np.int32]) -> None:
        """Say who is where; whoever is in two groups is in several."""
        own = self.groups[column]
        fresh = own[users] == NOWHERE
        own[users[fresh]] = groups[fresh]
        own[users[(own[users] != groups)]] = SEVERAL

    def of(self, keys: NDArray[np.uint64]) -> Ints:
        """Return int64[columns, users]: the groups of users by their keys."""
        with self.lock:
            codes = self.codes(keys)  # may make room, in another array
            return self.groups[:, codes].astype(np.int64)

    def names(self, column: int) -> Sequence[str]:
        """Return the values of a column by group."""
        return list(self.values[column])
