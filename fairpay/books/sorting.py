"""Sorting: which pool each play belongs to, under which id its artist is known, and which plays are excluded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fairpay.books.exclusions import Exclusions, as_text
from fairpay.books.keys import ROLE_OF, find_pool
from fairpay.books.numbering import numbered
from fairpay.books.payers import Payers
from fairpay.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

    from fairpay.books.numbering import Numbered
    from fairpay.books.pools import Pool
    from fairpay.schema import Listens, RawBatch
    from fairpay.usage import Codes, Ints

__all__ = ["Sorter"]


@dataclass(slots=True)
class Sorter:
    """Judges rows, and says more of each than whether it counts. Called from several threads."""

    judge: Callable[[RawBatch], Listens]
    """Which rows count at all."""
    pools: Sequence[Pool]
    columns: tuple[str, ...]
    """The key columns that decide."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """wrong artist -> right artist."""
    tracks: frozenset[str] = frozenset()
    """Tracks that have splits of their own: such a track earns in its artist's place."""
    exclusions: Exclusions = field(default_factory=Exclusions)
    payers: Payers = field(default_factory=Payers)
    """Subscribers, who say whose pool it is where the log does not."""
    without_pool: Counter[str] = field(default_factory=Counter)
    """key values -> rows that count and that no pool covers."""
    known: dict[tuple[str, ...], int] = field(default_factory=dict)
    users: tuple[pa.Array, Ints] | None = None
    """Subscribers and the pool of each, once they are needed."""
    rows_lost: Counter[int] = field(default_factory=Counter)
    """`no_pool` and `excluded` -> rows that count and went there."""
    lock: Lock = field(default_factory=Lock)

    @property
    def no_pool(self) -> int:
        """The code of plays without a pool."""
        return len(self.pools)

    @property
    def excluded(self) -> int:
        """The code of plays that were excluded."""
        return len(self.pools) + 1

    def lost(self, listens: Listens) -> None:
        """Count the rows that count and go to no pool."""
        assert listens.pool is not None
        out = listens.pool >= self.no_pool
        if out.any():
            found = np.bincount(listens.pool[out & listens.used], minlength=self.excluded + 1)
            with self.lock:
                self.rows_lost.update({code: int(found[code]) for code in (self.no_pool, self.excluded)})

    def __call__(self, raw: RawBatch) -> Listens:
        """Judge a batch; `pool` of the result is a pool's index, or one of the two codes above."""
        listens = self.judge(raw)
        codes = self.codes(raw, listens)
        if self.exclusions.keys:
            codes[self.exclusions.match(raw)] = self.excluded
        sorted_out = replace(listens, pool=codes, artist=self.artists(raw, listens.artist))
        self.lost(sorted_out)
        return sorted_out

    def codes(self, raw: RawBatch, listens: Listens) -> Codes:
        """uint32[rows]: the pool of each row by its key columns."""
        rows = len(listens.used)
        if not self.columns:
            return np.full(rows, 0 if self.pools else self.no_pool, dtype=np.uint32)
        if self.payers.lines and any(ROLE_OF[column] not in raw.columns for column in self.columns):
            return self.codes_of_users(raw, listens)
        found = self.keys(raw)
        present = found.present()
        code_of = np.zeros(int(present[-1]) + 1 if rows else 0, dtype=np.uint32)
        code_of[present] = [self.code(found.key(number)) for number in present.tolist()]
        codes: Codes = code_of[found.index]
        if (code_of[present] == self.no_pool).any():
            lost = np.bincount(found.index[listens.used & (codes == self.no_pool)])
            with self.lock:
                for number in np.flatnonzero(lost).tolist():
                    self.without_pool["/".join(found.key(number))] += int(lost[number])
        return codes

    def codes_of_users(self, raw: RawBatch, listens: Listens) -> Codes:
        """uint32[rows]: the pool of each row's user, as the subscriber file has it."""
        import pyarrow.compute as pc  # noqa: PLC0415 - loaded where it is used

        with self.lock:
            if self.users is None:
                self.users = self.payers.pool_of_user()
        known, pools = self.users
        place = pc.index_in(as_text(raw.columns["user"]), value_set=known)
        index = pc.fill_null(place, len(known)).to_numpy(zero_copy_only=False)
        codes: Codes = np.append(pools, self.no_pool)[index].astype(np.uint32)
        lost = int(np.count_nonzero(listens.used & (codes == self.no_pool)))
        with self.lock:
            self.without_pool.update({"no subscriber": lost} if lost else {})
        return codes

    def keys(self, raw: RawBatch) -> Numbered:
        """Number the key of each row.

        Raises:
            InputError: the log lacks a key column.

        """
        roles = [ROLE_OF[column] for column in self.columns]
        missing = [role for role in roles if role not in raw.columns]
        if missing:
            message = f"the log has no column for {' and none for '.join(missing)}, which the pools are told apart by"
            raise InputError(message, advice=f"Name it: --columns {missing[0]}=COLUMN, or use fewer keys: --pool-by.")
        return numbered(raw.columns[role] for role in roles)

    def code(self, key: tuple[str, ...]) -> int:
        """The pool of a key, looked up once."""
        found = self.known.get(key)
        if found is None:
            index = find_pool(self.pools, self.columns, key)
            found = self.known[key] = self.no_pool if index is None else index
        return found

    def artists(self, raw: RawBatch, artist: pa.Array) -> pa.Array:
        """Put right ids for wrong ones, and tracks that have splits in the place of their artist."""
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
        import pyarrow.compute as pc  # noqa: PLC0415 - the same

        if self.aliases:
            wrong = pa.array(self.aliases.keys(), pa.large_string())
            right = pa.array(self.aliases.values(), pa.large_string())
            text = as_text(artist)
            artist = pc.coalesce(right.take(pc.index_in(text, value_set=wrong)), text)
        if self.tracks and "track" in raw.columns:
            track = as_text(raw.columns["track"])
            own = pc.is_in(track, value_set=pa.array(sorted(self.tracks), pa.large_string()))
            artist = pc.if_else(pc.and_(own, pc.is_valid(artist)), track, as_text(artist))
        return artist
