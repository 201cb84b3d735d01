"""Sorting: which pool each play belongs to, under which id its artist is known, and which plays are excluded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fairpay.books.exclusions import MARK, Exclusions, as_text, joined
from fairpay.books.keys import ROLE_OF, find_pool
from fairpay.books.payers import Payers
from fairpay.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import pyarrow as pa

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
    known: dict[str, int] = field(default_factory=dict)
    users: tuple[pa.Array, Ints] | None = None
    """Subscribers and the pool of each, once they are needed."""
    lock: Lock = field(default_factory=Lock)

    @property
    def no_pool(self) -> int:
        """The code of plays without a pool."""
        return len(self.pools)

    @property
    def excluded(self) -> int:
        """The code of plays that were excluded."""
        return len(self.pools) + 1

    @property
    def roles(self) -> tuple[str, ...]:
        """The log columns needed besides those of every run."""
        wanted = {ROLE_OF[column] for column in self.columns} | set(self.exclusions.roles)
        return tuple(sorted((wanted | ({"track"} if self.tracks else set())) - {"user", "artist"}))

    def __call__(self, raw: RawBatch) -> Listens:
        """Judge a batch; `pool` of the result is a pool's index, or one of the two codes above."""
        listens = self.judge(raw)
        codes = self.codes(raw, listens)
        if self.exclusions.keys:
            codes[self.exclusions.match(raw)] = self.excluded
        return replace(listens, pool=codes, artist=self.artists(raw, listens.artist))

    def codes(self, raw: RawBatch, listens: Listens) -> Codes:
        """uint32[rows]: the pool of each row by its key columns."""
        rows = len(listens.used)
        if not self.columns:
            return np.full(rows, 0 if self.pools else self.no_pool, dtype=np.uint32)
        if self.payers.lines and any(ROLE_OF[column] not in raw.columns for column in self.columns):
            return self.codes_of_users(raw, listens)
        key = self.key(raw).dictionary_encode()
        texts, index = key.dictionary.to_pylist(), key.indices.to_numpy(zero_copy_only=False).astype(np.int64)
        code_of = np.array([self.code(text) for text in texts], dtype=np.uint32)
        lost = np.bincount(index[listens.used], minlength=len(texts))
        with self.lock:
            for place in np.flatnonzero((code_of == self.no_pool) & (lost > 0)):
                self.without_pool[texts[place].replace(MARK, "/")] += int(lost[place])
        codes: Codes = code_of[index] if rows else np.zeros(0, dtype=np.uint32)
        return codes

    def codes_of_users(self, raw: RawBatch, listens: Listens) -> Codes:
        """uint32[rows]: the pool of each row's user, as the subscriber file has it."""
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
        import pyarrow.compute as pc  # noqa: PLC0415 - the same

        with self.lock:
            if self.users is None:
                pool_of = self.payers.pool_of_user()
                self.users = pa.array(pool_of.keys(), pa.large_string()), np.array([*pool_of.values()], np.int64)
        known, pools = self.users
        place = pc.index_in(as_text(raw.columns["user"]), value_set=known)
        index = pc.fill_null(place, len(known)).to_numpy(zero_copy_only=False)
        codes: Codes = np.append(pools, self.no_pool)[index].astype(np.uint32)
        lost = int(np.count_nonzero(listens.used & (codes == self.no_pool)))
        with self.lock:
            self.without_pool.update({"no subscriber": lost} if lost else {})
        return codes

    def key(self, raw: RawBatch) -> pa.Array:
        """The key columns as one text per row; nothing counts as empty text.

        Raises:
            InputError: the log lacks a key column.

        """
        import pyarrow.compute as pc  # noqa: PLC0415 - loaded where it is used

        roles = [ROLE_OF[column] for column in self.columns]
        missing = [role for role in roles if role not in raw.columns]
        if missing:
            message = f"the log has no column for {' and none for '.join(missing)}, which the pools are told apart by"
            raise InputError(message, advice=f"Name it: --columns {missing[0]}=COLUMN, or use fewer keys: --pool-by.")
        return joined([pc.fill_null(as_text(raw.columns[role]), "") for role in roles])

    def code(self, text: str) -> int:
        """The pool of a key, looked up once."""
        found = self.known.get(text)
        if found is None:
            index = find_pool(self.pools, self.columns, text.split(MARK))
            found = self.known[text] = self.no_pool if index is None else index
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
