"""Listeners whose listening is divided by what they stated themselves: exact shares, put in while a month is walked.

How much such a listener heard goes through the engine like all listening, as a row under a stand-in artist of its own.
Where a block of users comes up, the stand-in is replaced by the listener's shares: whole numbers in any unit of their
own, so that nothing is rounded before a rule sees it. See `month.Usage.whole`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.engine.keys import order_of, places_of
from fairpay.engine.pool import Listening
from fairpay.money.currency import LARGEST

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fairpay.engine.listening import LocalListening
    from fairpay.kernels.arrays import Codes, Ints
    from fairpay.logs.schema import StatedShares
    from fairpay.rules.core.month import Totals, Usage, Users

__all__ = ["Redivided"]

T = TypeVar("T")
FINE = 2**20


@dataclass(frozen=True, slots=True)
class Places:
    """Where everything is once stand-ins are replaced."""

    ids: pa.Array
    """large_string[artists], sorted by bytes."""
    of_artist: Ints
    """int64[artists of the engine]: the artist's place; -1 for a stand-in."""
    of_listener: Ints
    """int64[artists of the engine]: which listener a stand-in stands for; -1 for an artist."""
    start: Ints
    artist: Codes
    """uint32[entries]: places of the division's artists."""
    weight: Ints
    whole: Ints
    """int64[listeners]: the sum of each one's weights."""
    present: NDArray[np.bool_]
    """bool[listeners]: who is in the pool; the others have no subscription line."""


class Redivided(Listening):
    """A pool's plays, in which the stand-ins are replaced."""

    redivided = True

    def __init__(self, base: LocalListening, division: StatedShares) -> None:
        """Take over what was taken in; nothing is looked at yet."""
        self.base = base
        self.division = division

    @cached_property
    def places(self) -> Places:
        """Find the artists: the engine's without the stand-ins, and those that only shares name."""
        met, division = self.base.artist, self.division
        of_listener = places_of(met, division.stand_in)
        plain = of_listener < 0
        known = met.filter(pa.array(plain))
        named = division.artist.unique()
        ids = pa.chunked_array([known, named.filter(pc.invert(pc.is_in(named, value_set=known)))]).combine_chunks()
        ids = ids.take(pa.array(order_of(ids)))
        of_artist = np.full(len(met), -1, dtype=np.int64)
        of_artist[plain] = places_of(known, ids)
        present = np.zeros(len(division.stand_in), dtype=np.bool_)
        present[of_listener[~plain]] = True
        weight = division.weight
        whole = np.add.reduceat(weight, division.start[:-1]) if len(weight) else weight
        codes = places_of(division.artist, ids).astype(np.uint32)
        return Places(ids, of_artist, of_listener, division.start, codes, weight, whole, present)

    @property
    def artist(self) -> pa.Array:
        """large_string[artists], sorted by bytes."""
        return self.places.ids

    def walk(self, function: Callable[[Usage], T]) -> Iterator[T]:
        """Hand every block over, on threads; yield the results as they come."""
        places = self.places
        return self.base.walk(lambda usage: function(replaced(usage, places)))

    def gather(self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int) -> tuple[Ints, Totals]:
        """Gather from every block."""
        places = self.places
        return self.base.gather(lambda usage, out: visit(replaced(usage, places), out), rows=rows, columns=columns)

    def users(self) -> Iterator[Users]:
        """Yield the users of every block without their artists."""
        return self.base.users()

    @cached_property
    def listeners(self) -> Ints:
        """int64[artists]: distinct users."""
        found, places = self.moved(self.base.listeners), self.places
        np.add.at(found, places.artist[np.repeat(places.present, np.diff(places.start))], 1)
        return found

    @cached_property
    def facts(self) -> tuple[Ints, Ints, Ints]:
        """Amount (in one finer unit for all artists), plays and ms of each artist."""
        from fairpay.kernels import split  # noqa: PLC0415 - Numba is loaded where it is used

        places = self.places
        heard, plays, ms = self.base.facts
        scale = max(1, min(FINE, LARGEST // max(1, sum(heard.tolist()))))
        amount = self.moved(heard) * scale
        own = np.zeros(len(places.present), dtype=np.int64)
        at = places.of_listener
        own[at[at >= 0]] = heard[at >= 0] * scale
        split.add_proportional(places.start, places.artist, places.weight, places.whole, own, amount)
        return amount, self.moved(plays), self.moved(ms)

    @property
    def more_dropped(self) -> int:
        """Rows of the log that were left out with their listeners, beyond those that were taken in for them."""
        return int(self.division.more_rows[~self.places.present].sum())

    def moved(self, values: Ints) -> Ints:
        """Put values of the engine's artists in their places here."""
        places = self.places
        out = np.zeros(len(places.ids), dtype=np.int64)
        plain = places.of_artist >= 0
        out[places.of_artist[plain]] = values[plain]
        return out

    def release(self) -> None:
        """Let go of everything."""
        self.base.release()


def replaced(usage: Usage, places: Places) -> Usage:
    """Replace the stand-ins of a block."""
    listener = places.of_listener[usage.artist]
    standing = listener >= 0
    artist = places.of_artist[usage.artist]
    if not standing.any():
        return replace(usage, artist=artist.astype(np.uint32))
    sizes = np.ones(len(artist), dtype=np.int64)
    sizes[standing] = np.diff(places.start)[listener[standing]]
    ends = np.concatenate([[0], np.cumsum(sizes)])
    entry = np.repeat(np.arange(len(artist)), sizes)
    new = standing[entry]
    within = np.arange(len(entry)) - ends[entry]
    source = places.start[listener[entry[new]]] + within[new]
    codes, amount = artist[entry].astype(np.uint32), usage.amount[entry]
    codes[new], amount[new] = places.artist[source], places.weight[source]
    whole = usage.total.copy()
    user = np.repeat(np.arange(usage.users), np.diff(usage.start))
    whole[user[standing]] = places.whole[listener[standing]]
    return replace(usage, start=ends[usage.start], artist=codes, amount=amount, divided=whole)
