"""Ids to dense codes, from many threads, and back to ids in the order of their bytes."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.engine.keys import hash_ids as hash_both
from fairpay.engine.keys import ids_as_text
from fairpay.fraud.likeness import seeds
from fairpay.kernels import hashing, seen

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["Coder", "hash_ids"]

FIRST_SLOTS = 1 << 16
KEYS = seeds("ids", hashing.KEYS)
"""Always the same, so that what is sampled by hash is the same in every run."""


def hash_ids(column: pa.Array) -> NDArray[np.uint64]:
    """Hash every id of a column, text or integers, to 64 bits other than 0: uint64[n]."""
    return np.maximum(hash_both(column, KEYS)[:, 0], np.uint64(1))


class Coder:
    """Gives each id a code, in the order of arrival, which is no order: `ranks` brings codes to that of the ids.

    Memory grows with the number of distinct ids, not with the rows. Two ids are taken for one with a chance of
    about n^2 / 2^65; money is divided by the engine, which tells ids apart by 128 bits.
    """

    def __init__(self) -> None:
        """Know nobody."""
        self.lock = Lock()
        self.count = 0
        self.slots = np.zeros(FIRST_SLOTS, dtype=np.uint64)
        self.codes = np.zeros(FIRST_SLOTS, dtype=np.uint32)
        self.texts: list[pa.Array] = []
        self.hashes: list[NDArray[np.uint64]] = []

    def encode(self, column: pa.Array, hashes: NDArray[np.uint64], rows: Ints) -> NDArray[np.uint32]:
        """Return the codes of the ids in `rows` of a column, whose hashes are given for these rows: uint32[rows]."""
        out = np.empty(len(rows), dtype=np.uint32)
        fresh = np.empty(len(rows), dtype=np.int64)
        with self.lock:
            self.make_room(len(rows))
            before = self.count
            self.count = seen.encode(hashes, self.slots, self.codes, before, out, fresh)
            if self.count > before:
                new = fresh[: self.count - before]
                self.texts.append(ids_as_text(column, rows[new]))
                self.hashes.append(hashes[new])
        return out

    def make_room(self, rows: int) -> None:
        """Grow until half of the slots stay free whatever comes."""
        size = len(self.slots)
        while size < 2 * (self.count + rows):
            size *= 2
        if size > len(self.slots):
            slots, codes = np.zeros(size, dtype=np.uint64), np.zeros(size, dtype=np.uint32)
            seen.regrow(self.slots, self.codes, slots, codes)
            self.slots, self.codes = slots, codes

    def hash_of(self) -> NDArray[np.uint64]:
        """Return each code's hash: uint64[count]."""
        return np.concatenate(self.hashes) if self.hashes else np.zeros(0, dtype=np.uint64)

    def sorted(self) -> tuple[pl.Series, Ints]:
        """Return the ids in the order of their bytes, and for each code its place there."""
        texts = pl.Series("id", pa.chunked_array(self.texts, pa.large_string()), dtype=pl.String)
        order = texts.arg_sort().to_numpy().astype(np.int64)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        return texts.gather(order), rank
