"""The chain from a batch as it was read to what the engine takes in: pool, decisions, policies, wishes, sources."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import IntEnum
from math import prod
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fairpay.books.exclusions import as_text
from fairpay.ruling import HELD
from fairpay.schema import REASONS, Fate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from fairpay.books.boosting import PoolWeigher
    from fairpay.books.restating import PoolLayering
    from fairpay.books.sorting import Sorter
    from fairpay.ruling import Ruling
    from fairpay.schema import Listens, RawBatch
    from fairpay.usage import Ints

__all__ = ["LOST", "Chain", "Lost"]


class Lost(IntEnum):
    """Where plays go that qualify and are paid from no pool: heaps of their own, after those of the pools."""

    NO_POOL = 0
    EXCLUDED = 1
    DECIDED = 2
    WEIGHED_OUT = 3
    INELIGIBLE = 4


LOST = {
    Lost.NO_POOL: "without a pool",
    Lost.EXCLUDED: "excluded",
    Lost.DECIDED: REASONS[Fate.EXCLUDED],
    Lost.WEIGHED_OUT: REASONS[Fate.WEIGHED_OUT],
    Lost.INELIGIBLE: REASONS[Fate.INELIGIBLE],
}
"""The reasons, in the words of the controls."""
COUNTED = 1
"""What plays in these heaps count: the engine counts listeners of plays that count something."""


@dataclass(slots=True)
class Chain:
    """Everything that is done with a batch, in order. Called from several threads."""

    sorter: Sorter
    ruling: Ruling | None = None
    """What a person decided."""
    weighers: Sequence[PoolWeigher] = ()
    """One for each policy."""
    layering: PoolLayering | None = None
    """What listeners state themselves."""
    tracks: frozenset[str] = frozenset()
    """Tracks that have splits of their own: such a track earns in its artist's place."""
    rows_lost: Counter[int] = field(default_factory=Counter)
    """Code of a heap that is no pool's -> rows that went there."""
    lock: Lock = field(default_factory=Lock)

    def code(self, lost: Lost) -> int:
        """The code of a heap that is no pool's."""
        return self.sorter.no_pool + lost

    @property
    def heaps(self) -> int:
        """About how many heaps there will be."""
        return self.code(Lost.INELIGIBLE if self.ruling or self.weighers else Lost.EXCLUDED) + 1

    def play(self, pool: int) -> int:
        """What one play comes to in a pool, once weights have brought all of them to whole numbers."""
        own = [weigher.base for weigher in self.weighers if pool in weigher.pools]
        return prod(own) * (1 if self.ruling is None else self.ruling.scale)

    def __call__(self, raw: RawBatch) -> Listens:
        """Judge a batch, and say of each row to which heap it goes and what it counts."""
        listens = self.sorter(raw)
        if not raw.columns:
            return listens
        if self.ruling is not None:
            listens = self.decided(self.ruling, listens)
        for weigher in self.weighers:
            listens = self.weighed(weigher, raw, listens)
        self.note_lost(listens)
        sources = self.sources(raw, listens.artist)
        if self.layering is not None:
            return self.layering.take(listens, sources)
        return replace(listens, artist=sources)

    def decided(self, ruling: Ruling, listens: Listens) -> Listens:
        """Apply decisions to what is in pools; what they exclude goes to a heap of its own."""
        assert listens.pool is not None
        inside = listens.used & (listens.pool < self.sorter.no_pool)
        after = ruling.apply(replace(listens, used=inside))
        gone = inside & ~after.used
        pool, amount = np.where(gone, np.uint32(self.code(Lost.DECIDED)), listens.pool), amounts(after)
        amount[gone] = COUNTED
        return replace(after, used=listens.used, pool=pool, amount=amount)

    def weighed(self, weigher: PoolWeigher, raw: RawBatch, listens: Listens) -> Listens:
        """Apply a policy to the pools that have it; what then weighs nothing goes to heaps of its own."""
        rows = weigher.rows_of(listens)
        if not len(rows) or not weigher.factors:
            return listens
        part, mine = weigher.part(raw, listens, rows)
        after, short_of = weigher.weigh(part, mine)
        assert after.amount is not None
        assert listens.pool is not None
        gone = mine.used & ~after.used
        codes = np.where(short_of, np.uint32(self.code(Lost.INELIGIBLE)), np.uint32(self.code(Lost.WEIGHED_OUT)))
        pool, amount = listens.pool.copy(), amounts(listens)
        pool[rows[gone]], amount[rows] = codes[gone], np.where(gone, COUNTED, after.amount)
        return replace(listens, pool=pool, amount=amount)

    def note_lost(self, listens: Listens) -> None:
        """Count the rows that count and go to no pool."""
        assert listens.pool is not None
        first = self.sorter.no_pool
        out = listens.used & (listens.pool >= first)
        if out.any():
            found = np.bincount(listens.pool[out], minlength=first + len(Lost))
            with self.lock:
                self.rows_lost.update({self.code(lost): int(found[self.code(lost)]) for lost in Lost})

    def sources(self, raw: RawBatch, artist: pa.Array) -> pa.Array:
        """Put tracks that have splits in the place of their artist; held plays stay where they are held."""
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
        import pyarrow.compute as pc  # noqa: PLC0415 - the same

        if not self.tracks or "track" not in raw.columns:
            return artist
        track, text = as_text(raw.columns["track"]), as_text(artist)
        own = pc.and_(pc.is_in(track, value_set=pa.array(sorted(self.tracks), pa.large_string())), pc.is_valid(text))
        if self.ruling is not None:
            own = pc.and_(own, pc.invert(pc.starts_with(text, HELD)))
        return pc.if_else(own, track, text)


def amounts(listens: Listens) -> Ints:
    """int64[rows], to be written to: what each row counts."""
    return np.ones(len(listens.used), dtype=np.int64) if listens.amount is None else listens.amount.copy()
