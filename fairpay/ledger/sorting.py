"""Sorting: which pool each play belongs to, whether it counts there, its artist's right id, and exclusions.

The terms are the month's, or those of the pool's policy.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fairpay.adjust.payers import Payers
from fairpay.errors import InputError
from fairpay.ledger.exclusions import Exclusions, as_text
from fairpay.ledger.payers import ROLE_OF, find_pool, numbered
from fairpay.qualify import ByRow

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import pyarrow as pa

    from fairpay.kernels.arrays import Codes, Ints
    from fairpay.ledger.closing import Closing, Loaded
    from fairpay.ledger.payers import Numbered
    from fairpay.ledger.pools import Pool
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.qualify import Qualifier
    from fairpay.settings.values import Qualifying

__all__ = ["Sorter", "Terms", "terms_of"]

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
        place = pc.index_in(as_text(raw.columns["user"]), value_set=known)
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
        text = as_text(artist)
        return pc.coalesce(right.take(pc.index_in(text, value_set=wrong)), text)


DURATIONS = frozenset({"ms", "seconds"})


@dataclass(frozen=True, slots=True)
class Terms:
    """Which listens count in which pool."""

    names: tuple[str, ...]
    """Of the pools."""
    pools: tuple[Qualifying, ...]
    """Those of each pool."""
    rest: Qualifying
    """Those of plays without a pool."""

    @property
    def alike(self) -> bool:
        """Whether all are the same."""
        return all(own == self.rest for own in self.pools)

    @property
    def plain(self) -> Qualifying:
        """What a qualifier is made of: the terms of all, or, where they differ, what they have in common."""
        return self.rest if self.alike else replace(self.rest, min_ms=0, measure=None)

    def always(self) -> Terms:
        """The same for a log without times: every play is of the month."""
        pools = tuple(replace(own, since=None, until=None) for own in self.pools)
        return Terms(self.names, pools, replace(self.rest, since=None, until=None))

    def timed(self, columns: Collection[str]) -> list[bool]:
        """Whether listening is time, in each pool, then in none, of a log with these columns.

        Raises:
            InputError: a pool measures time, and there is no duration.

        """
        has = bool(DURATIONS & {*columns})
        without = [name for name, own in zip(self.names, self.pools, strict=True) if own.measure == "time" and not has]
        if without:
            message = f"{len(without):,} pools measure time, {without[0]} among them, and the log has no duration"
            raise InputError(message, advice="Name it with --columns seconds=NAME or ms=NAME, or measure plays.")
        return [has and own.measure != "plays" for own in (*self.pools, self.rest)]

    def judge(self, qualifier: Qualifier) -> Callable[[RawBatch, Codes], Listens]:
        """Judge rows, each under the terms of its pool."""
        if self.alike:
            return lambda raw, _: qualifier.judge(raw)
        least = np.array([own.min_ms for own in (*self.pools, self.rest)], dtype=np.int64)

        def judge(raw: RawBatch, codes: Codes) -> Listens:
            timed = np.array(self.timed(raw.columns) if raw.columns else [False] * len(least), dtype=np.bool_)
            return qualifier.judge(raw, ByRow(least[codes], timed[codes]))

        return judge


def terms_of(closing: Closing, loaded: Loaded) -> Terms:
    """The terms of each pool: what the month states goes before what its policy says."""
    month = loaded.policies.month
    of_policies = [None if chosen is None else chosen.policy for chosen in loaded.policies.pools]
    return Terms(
        tuple(pool.name for pool in loaded.pools),
        tuple(closing.qualifying(policy) for policy in of_policies),
        closing.qualifying(None if month is None else month.policy),
    )
