"""The chain from a batch as it was read to what the engine takes in: pool, decisions, policies, wishes, sources."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import IntEnum
from math import prod
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fairpay.adjust.ruling import HELD
from fairpay.errors import InputError, Problem
from fairpay.ledger.exclusions import as_text
from fairpay.ledger.splits import OF_TRACK, Splits
from fairpay.logs.schema import REASONS, Fate

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from fairpay.adjust.ruling import Ruling
    from fairpay.kernels.arrays import Ints
    from fairpay.ledger.boosting import PoolWeigher
    from fairpay.ledger.restating import PoolLayering
    from fairpay.ledger.sorting import Sorter
    from fairpay.logs.schema import Listens, RawBatch

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
    splits: Splits = field(default_factory=Splits)
    """Tracks that have splits of their own are sources beside their artist."""
    met: set[str] = field(default_factory=set)
    """Such tracks whose splits name no artist, by their sources."""
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
        raw = replace(raw, columns={**raw.columns, "artist": listens.artist})  # under the right id, whatever is decided
        if self.ruling is not None:
            listens = self.decided(self.ruling, listens)
        for weigher in self.weighers:
            listens = self.weighed(weigher, raw, listens)
        self.note_lost(listens)
        sources = self.sources(raw, listens)
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

    def sources(self, raw: RawBatch, listens: Listens) -> pa.Array:
        """Put tracks that have splits in the place of their artist; held plays stay where they are held.

        Raises:
            InputError: an artist whose id is also the account of a track.

        """
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
        import pyarrow.compute as pc  # noqa: PLC0415 - the same

        if not self.splits.has_tracks or "track" not in raw.columns:
            return listens.artist
        track, artist = as_text(raw.columns["track"]), as_text(listens.artist)
        refuse_accounts(artist, self.splits)
        name = pc.binary_join_element_wise(artist, track, pa.scalar(OF_TRACK, pa.large_string()))
        stated, any_artist = (pa.array(sorted(x), pa.large_string()) for x in (self.splits.tracks, self.splits.of_any))
        alone = pc.and_(pc.is_in(track, value_set=any_artist), pc.is_valid(name))
        if self.ruling is not None:
            kept = pc.fill_null(pc.invert(pc.starts_with(artist, HELD)), fill_value=False)
            alone, name = pc.and_(alone, kept), pc.if_else(kept, name, None)
        self.meet(name, alone, listens)
        return pc.if_else(pc.or_(alone, pc.is_in(name, value_set=stated)), name, artist)

    def meet(self, name: pa.Array, alone: pa.Array, listens: Listens) -> None:
        """Keep which tracks were played whose splits name no artist."""
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
        import pyarrow.compute as pc  # noqa: PLC0415 - the same

        assert listens.pool is not None
        played = pc.and_(alone, pa.array(listens.used & (listens.pool < self.sorter.no_pool)))
        found = name.filter(played).unique().to_pylist()
        with self.lock:
            self.met.update(found)

    def finish(self) -> None:
        """Refuse splits of a track without its artist where several artists have such a track.

        Raises:
            InputError: with each such track.

        """
        by_track: dict[str, list[str]] = {}
        for source in sorted(self.met):
            artist, _, track = source.partition(OF_TRACK)
            by_track.setdefault(track, []).append(artist)
        several = {track: artists for track, artists in by_track.items() if len(artists) > 1}
        if several:
            problems = [
                Problem(len(artists), f"artists have a track {track}", f"{artists[0]} and {artists[1]} among them")
                for track, artists in several.items()
            ]
            message = f"splits name {len(several):,} tracks without their artist, and several artists have them"
            raise InputError(message, problems=problems, advice="Fill the column `artist` of these lines of splits.")

    def remarks(self) -> tuple[str, ...]:
        """Say whose the tracks were taken to be that stand without an artist."""
        if not self.met:
            return ()
        return (f"Splits name {len(self.met):,} tracks without their artist: each is played under one artist only",)


def refuse_accounts(artist: pa.Array, splits: Splits) -> None:
    """Refuse artists whose id is also the account of a track with splits.

    Raises:
        InputError: with the id.

    """
    import pyarrow.compute as pc  # noqa: PLC0415 - loaded where it is used

    marked = artist.filter(pc.fill_null(pc.match_substring(artist, OF_TRACK), fill_value=False)).unique().to_pylist()
    clash = [text for text in marked if splits.of_track(text) is not None]
    if clash:
        message = f"the artist {clash[0]!r} has the name of a track's account"
        raise InputError(message, advice="Give the artist another id, with --aliases.")


def amounts(listens: Listens) -> Ints:
    """int64[rows], to be written to: what each row counts."""
    return np.ones(len(listens.used), dtype=np.int64) if listens.amount is None else listens.amount.copy()
