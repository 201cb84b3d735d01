"""Which group each user is in, such as a country or a plan, by hashes of ids: 24 bytes a user and 4 for each column."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.engine.keys import FIRST_KEYS, KeyTable, as_series, fresh_keys, hash_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["NOWHERE", "SEVERAL", "Members"]

NOWHERE, SEVERAL = -1, -2
"""Groups of users without a value, and of users with more than one."""


class Members:
    """The groups of users by some columns. What is entered may come in any order and from any thread."""

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
