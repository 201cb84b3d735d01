"""Sorting: which pool each play belongs to, under which id its artist is known, and which plays are excluded."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fairpay.adjust.payers import Payers
from fairpay.adjust.weights import text_of
from fairpay.errors import InputError
from fairpay.ledger.exclusions import Exclusions
from fairpay.ledger.pools import ROLE_OF, find_pool

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    import pyarrow as pa

    from fairpay.kernels.arrays import Codes, Ints
    from fairpay.ledger.pools import Pool
    from fairpay.logs.schema import Listens, RawBatch

__all__ = ["Numbered", "Sorter", "numbered"]

NO_SUBSCRIBER = "no subscriber"


@dataclass(slots=True)
class Sorter:
    """Judges rows, and says more of each than whether it counts. Called from several threads."""

    judge: Callable[[RawBatch, Codes], Listens]
    """Which rows count at all, under the terms of the pools they belong to."""
    pools: Sequence[Pool]
    columns: tuple[str, ...]
    """The key columns that decide."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """wrong artist -> right artist."""
    exclusions: Exclusions = field(default_factory=Exclusions)
    payers: Payers = field(default_factory=Payers)
    """Subscribers, who say whose pool it is where the log does not."""
    without_pool: Counter[str] = field(default_factory=Counter)
    """key values -> rows that count and that no pool covers."""
    known: dict[tuple[str, ...], int] = field(default_factory=dict)
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

    def __call__(self, raw: RawBatch) -> Listens:
        """Judge a batch; `pool` of the result is a pool's index, or one of the two codes above."""
        if not raw.columns:
            return replace(self.judge(raw, no_codes := np.zeros(0, dtype=np.uint32)), pool=no_codes)
        codes, names = self.codes(raw)
        listens = self.judge(raw, codes)
        self.note(listens.used & (codes == self.no_pool), names)
        if self.exclusions.keys:
            codes = np.where(self.exclusions.match(raw), np.uint32(self.excluded), codes)
        return replace(listens, pool=codes, artist=self.artists(listens.artist))

    def codes(self, raw: RawBatch) -> tuple[Codes, Numbered | None]:
        """uint32[rows]: the pool of each row by its key columns; and the numbered keys, where rows have them."""
        rows = len(raw.columns["user"])
        if not self.columns:
            return np.full(rows, 0 if self.pools else self.no_pool, dtype=np.uint32), None
        if self.payers.lines and any(ROLE_OF[column] not in raw.columns for column in self.columns):
            return self.codes_of_users(raw), None
        found = self.keys(raw)
        present = found.present()
        code_of = np.zeros(int(present[-1]) + 1 if rows else 0, dtype=np.uint32)
        code_of[present] = [self.code(found.key(number)) for number in present.tolist()]
        codes: Codes = code_of[found.index]
        return codes, found

    def note(self, lost: np.ndarray, names: Numbered | None) -> None:
        """Count rows that count and that no pool covers, by their key."""
        if not lost.any():
            return
        if names is None:
            found = {NO_SUBSCRIBER: int(np.count_nonzero(lost))}
        else:
            counts = np.bincount(names.index[lost])
            found = {"/".join(names.key(n)): int(counts[n]) for n in np.flatnonzero(counts).tolist()}
        with self.lock:
            self.without_pool.update(found)

    def codes_of_users(self, raw: RawBatch) -> Codes:
        """uint32[rows]: the pool of each row's user, as the subscriber file has it."""
        import pyarrow.compute as pc  # noqa: PLC0415 - loaded where it is used

        with self.lock:
            if self.users is None:
                self.users = self.payers.pool_of_user()
        known, pools = self.users
        place = pc.index_in(text_of(raw.columns["user"]), value_set=known)
        index = pc.fill_null(place, len(known)).to_numpy(zero_copy_only=False)
        codes: Codes = np.append(pools, self.no_pool)[index].astype(np.uint32)
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

    def artists(self, artist: pa.Array) -> pa.Array:
        """Put right ids for wrong ones."""
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
        import pyarrow.compute as pc  # noqa: PLC0415 - the same

        if not self.aliases:
            return artist
        wrong = pa.array(self.aliases.keys(), pa.large_string())
        right = pa.array(self.aliases.values(), pa.large_string())
        text = text_of(artist)
        return pc.coalesce(right.take(pc.index_in(text, value_set=wrong)), text)


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
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
    import pyarrow.compute as pc  # noqa: PLC0415 - the same

    coded = column if pa.types.is_dictionary(column.type) else column.dictionary_encode()
    texts = [text or "" for text in text_of(coded.dictionary).to_pylist()]
    place = pc.fill_null(coded.indices.cast(pa.int64()), len(texts)).to_numpy(zero_copy_only=False)
    return [*texts, ""], place
