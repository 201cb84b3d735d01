"""The stages between judging a batch and the engine, in order: decisions, policies, what listeners state, sources.

One run has one pool and its rows name none; a month of many pools names the pool of each row. What leaves on the way
is counted by reason; where rows name pools it goes to a pool of its own behind them, so that its listeners are known.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from enum import IntEnum
from math import prod
from threading import Lock
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow.compute as pc

from fairpay.adjust.factors import text_of
from fairpay.logs.schema import REASONS, Fate
from fairpay.money.counts import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.adjust.decisions import Decisions
    from fairpay.adjust.layering import Layering
    from fairpay.adjust.weights import Weigher
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.pipeline.request import Observer

__all__ = ["LOST", "Lost", "Sources", "Stages", "Tracks"]


class Lost(IntEnum):
    """Where plays go that qualify and are paid from no pool: places behind the pools."""

    NO_POOL = 0
    EXCLUDED = 1
    DECIDED = 2
    WEIGHED_OUT = 3
    INELIGIBLE = 4


FATES = {
    Lost.DECIDED: Fate.EXCLUDED,
    Lost.WEIGHED_OUT: Fate.WEIGHED_OUT,
    Lost.INELIGIBLE: Fate.INELIGIBLE,
}
LOST = {
    Lost.NO_POOL: "without a pool",
    Lost.EXCLUDED: "excluded",
    **{lost: REASONS[fate] for lost, fate in FATES.items()},
}
"""The reasons, in the words of the controls."""
COUNTED = 1
"""What plays behind the pools count: the engine counts listeners of plays that count something."""


class Sources(Protocol):
    """What says under which name plays earn: their artist's, or that of a track with splits of its own."""

    @property
    def met(self) -> set[str]:
        """What it must know of everybody's plays before it can finish."""

    def __call__(self, raw: RawBatch, listens: Listens) -> pa.Array:
        """The source of each row: large_string[rows]."""

    def finish(self) -> None:
        """Refuse what turned out to be ambiguous."""

    def remarks(self) -> tuple[str, ...]:
        """Say in sentences what was taken for what."""


@dataclass(slots=True)
class Tracks:
    """Puts tracks in the place of users, in pools of their own behind the others. Called from several threads."""

    first: int
    """The code of the first pool's."""
    places: int
    """How many codes each variant has."""
    pools: int
    """How many of them are of pools, before those of plays that no pool pays for."""
    unnamed: int = 0
    """Plays that name no track."""
    lock: Lock = field(default_factory=Lock)

    def __call__(self, raw: RawBatch, listens: Listens) -> Listens:
        """Return what a batch that was taken through the stages is of tracks; "" is the track of plays without one."""
        code = np.zeros(len(listens.used), dtype=np.uint32) if listens.pool is None else listens.pool
        used = listens.used & (code % np.uint32(self.places) < self.pools)
        track = pc.fill_null(text_of(raw.columns["track"]), "")
        without = used & pc.equal(track, "").to_numpy(zero_copy_only=False)
        plays = int(np.count_nonzero(without) if listens.plays is None else listens.plays[without].sum())
        with self.lock:
            self.unnamed += plays
        pool = np.where(used, code, 0).astype(np.uint32) + np.uint32(self.first)
        return replace(listens, user=track, used=used, ms=None, pool=pool, divisions=None)

    def remarks(self) -> tuple[str, ...]:
        """Say how plays without a track are counted."""
        plays = counted(self.unnamed, "play names", "plays name")
        return (f"{plays} no track: all of an artist's count as one track",) if self.unnamed else ()


@dataclass(slots=True, kw_only=True)
class Stages:
    """Everything that is done with a judged batch, in order. Called from several threads."""

    pools: int = 1
    """Codes from here on are of plays that no pool pays for."""
    decisions: Decisions | None = None
    """What a person decided."""
    observer: Observer | None = None
    weighers: Sequence[Weigher] = ()
    """One for each policy."""
    layering: Layering | None = None
    """What listeners state themselves."""
    sources: Sources | None = None
    tracks: Tracks | None = None
    """Where rules count by track."""
    left: Counter[Lost] = field(default_factory=Counter)
    """Rows that left, by reason."""
    lock: Lock = field(default_factory=Lock)

    def code(self, lost: Lost) -> int:
        """The code of a place behind the pools."""
        return self.pools + lost

    @property
    def codes(self) -> int:
        """About how many pools and places behind them there will be, where rows name pools."""
        return self.code(Lost.INELIGIBLE if self.decisions or self.weighers else Lost.EXCLUDED) + 1

    @property
    def hash_only(self) -> bool:
        """Whether nobody looks at ids on the way: they are only hashed."""
        return not (self.decisions or self.observer or self.layering or self.sources or self.tracks or self.weighers)

    def play(self, pool: int = 0) -> int:
        """What one play comes to in a pool, once weights have brought all of them to whole numbers."""
        own = [weigher.base for weigher in self.weighers if pool in weigher.pools]
        return prod(own) * (1 if self.decisions is None else self.decisions.scale)

    def withheld(self, pool: int = 0) -> tuple[Fraction, ...]:
        """What share each line of a pool's policy withholds of what the plays that it marks earn."""
        own = [one.policy for one in self.weighers if pool in one.pools]
        return tuple(one.share for policy in own for one in policy.withhold)

    def __call__(self, raw: RawBatch, listens: Listens) -> Listens:
        """Take a judged batch through the stages."""
        if not raw.columns:
            return listens
        if listens.artist is not raw.columns["artist"]:  # a right id for a wrong one, whatever is decided about it
            raw = replace(raw, columns={**raw.columns, "artist": listens.artist})
        if self.decisions is not None:
            listens = self.decided(self.decisions, listens)
        if self.observer is not None:
            self.observer.take(raw, listens)
        for weigher in self.weighers:
            listens = self.weighed(weigher, raw, listens)
        self.note_lost(listens)
        sources = listens.artist if self.sources is None else self.sources(raw, listens)
        if self.decisions is not None and self.decisions.penalties is not None:
            sources = self.decisions.marked(listens, raw.columns["artist"], sources, self.inside(listens))
        for weigher in self.weighers:
            if weigher.withholding:
                from fairpay.pipeline.withheld import set_apart  # noqa: PLC0415 - only where a policy withholds

                sources = set_apart(weigher, raw, listens, sources)
        if self.layering is not None:
            return self.layering.apply(listens, sources)
        return listens if sources is listens.artist else replace(listens, artist=sources)

    def inside(self, listens: Listens) -> NDArray[np.bool_]:
        """bool[rows]: what a pool pays."""
        return listens.used if listens.pool is None else listens.used & (listens.pool < self.pools)

    def decided(self, decisions: Decisions, listens: Listens) -> Listens:
        """Apply decisions to what is in pools."""
        inside = self.inside(listens)
        after = decisions.apply(replace(listens, used=inside))
        gone = inside & ~after.used
        if listens.pool is None:
            self.count(Lost.DECIDED, gone)
            return after
        amount = amounts(after)
        amount[gone] = COUNTED
        pool = np.where(gone, np.uint32(self.code(Lost.DECIDED)), listens.pool)
        return replace(after, used=listens.used, pool=pool, amount=amount)

    def weighed(self, weigher: Weigher, raw: RawBatch, listens: Listens) -> Listens:
        """Apply a policy to the pools that have it."""
        rows = weigher.rows_of(listens)
        if not len(rows) or not weigher.factors:
            return listens
        part, mine = weigher.part(raw, listens, rows)
        after, short_of = weigher.weigh(part, mine)
        gone = mine.used & ~after.used
        if listens.pool is None:
            self.count(Lost.INELIGIBLE, gone & short_of)
            self.count(Lost.WEIGHED_OUT, gone & ~short_of)
            return after
        assert after.amount is not None
        codes = np.where(short_of, np.uint32(self.code(Lost.INELIGIBLE)), np.uint32(self.code(Lost.WEIGHED_OUT)))
        pool, amount = listens.pool.copy(), amounts(listens)
        pool[rows[gone]], amount[rows] = codes[gone], np.where(gone, COUNTED, after.amount)
        return replace(listens, pool=pool, amount=amount)

    def count(self, lost: Lost, gone: NDArray[np.bool_]) -> None:
        """Count rows that leave."""
        if rows := int(np.count_nonzero(gone)):
            with self.lock:
                self.left[lost] += rows

    def note_lost(self, listens: Listens) -> None:
        """Count the rows that count and are in no pool."""
        if listens.pool is None:
            return
        out = listens.used & (listens.pool >= self.pools)
        if out.any():
            found = np.bincount(listens.pool[out] - np.uint32(self.pools), minlength=len(Lost))
            with self.lock:
                self.left.update({lost: int(found[lost]) for lost in Lost})

    def left_out(self) -> dict[Fate, int]:
        """Rows that qualified and left on the way, by fate; no zeros."""
        return {fate: self.left[lost] for lost, fate in FATES.items() if self.left[lost]}

    def missed(self) -> tuple[str, ...]:
        """In sentences, how many artists or tracks miss each threshold."""
        return tuple(sentence for weigher in self.weighers for sentence in weigher.missed())

    def finish(self) -> None:
        """Refuse decisions about nobody, and sources that are ambiguous.

        Raises:
            InputError: with how many there are.

        """
        if self.decisions is not None:
            self.decisions.finish()
        if self.sources is not None:
            self.sources.finish()

    def remarks(self) -> tuple[str, ...]:
        """Say in sentences what was done; what policies did goes first."""
        said = [sentence for weigher in self.weighers for sentence in weigher.remarks()]
        for stage in (self.sources, self.layering, self.tracks):
            said += () if stage is None else stage.remarks()
        return tuple(said)


def amounts(listens: Listens) -> Ints:
    """int64[rows], to be written to: what each row counts."""
    return np.ones(len(listens.used), dtype=np.int64) if listens.amount is None else listens.amount.copy()
