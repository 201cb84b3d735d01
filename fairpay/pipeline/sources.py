"""A pool in which several sources of plays are one artist: rules see the artist, and its amount is divided among them.

Sources are tracks, or plays that are told apart from the artist's others. What each brings its artist is what the rule
weighs of it, listener by listener.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.engine.keys import order_of
from fairpay.money.integers import sum_exactly
from fairpay.rules.core.rule import Needs
from fairpay.rules.core.ties import first_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fairpay.engine.pool import LocalPool
    from fairpay.kernels.arrays import Codes, Ints
    from fairpay.rules.core.month import Facts, Month, Totals, Usage, Users
    from fairpay.rules.core.rule import Rule

__all__ = ["ByArtist", "added", "seen_as"]

T = TypeVar("T")
NEAR = 2**20
"""Remainders nearer than this part of their whole may be one and the same, rounded: then the smaller id is first."""


@dataclass(frozen=True, slots=True)
class Grouped:
    """A block of users by artist, and what each entry is made of."""

    usage: Usage
    """One entry for each artist of a user, in artist order."""
    start: Ints
    """int64[entries + 1]: whose `source` and `amount` are whose."""
    source: Codes
    amount: Ints


@dataclass(frozen=True, slots=True, weakref_slot=True)
class MonthByArtist:
    """A month in which the sources of an artist are one, as `month.Month`."""

    base: Month
    of_source: Ints
    facts: Facts
    counted: list[Ints] = field(default_factory=list)
    """Listeners, once they were counted; a cached property would let only one month of all count at a time."""

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]: listening of each artist, in the measure."""
        return added(self.of_source, self.base.artist_amount, self.facts.artists)

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]: distinct users of each artist."""

        def visit(usage: Usage, out: Ints) -> None:
            np.add.at(out[0], usage.artist, 1)

        if not self.counted:
            self.counted.append(self.gather(visit, rows=1)[0][0])
        return self.counted[0]

    @property
    def tracks(self) -> MonthByArtist | None:
        """The same plays with tracks in the place of users."""
        return None if self.base.tracks is None else replace(self, base=self.base.tracks, counted=[])

    def each(self, visit: Callable[[Usage], T]) -> Iterable[T]:
        """Visit every block."""
        of_source = self.of_source
        return self.base.each(lambda usage: visit(grouped(usage, of_source).usage))

    def each_users(self, visit: Callable[[Users], T]) -> Iterable[T]:
        """Visit the users without their artists."""
        return self.base.each_users(visit)

    def gather(
        self, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int | None = None
    ) -> tuple[Ints, Totals]:
        """Gather from every block."""
        of_source, wide = self.of_source, self.facts.artists if columns is None else columns

        def by_artist(usage: Usage, out: Ints) -> Totals | None:
            return visit(grouped(usage, of_source).usage, out)

        return self.base.gather(by_artist, rows=rows, columns=wide)


@dataclass(frozen=True, slots=True)
class ByArtist:
    """A pool whose sources are artists and tracks, seen by artist: a pool as well, so that it may be seen so again."""

    sources: LocalPool | ByArtist
    artist: pa.Array
    """large_string[artists], sorted by bytes."""
    of_source: Ints
    """int64[sources]: the artist of each."""

    def month(self, **known: Any) -> MonthByArtist:  # noqa: ANN401 - see `LocalPool.month`
        """Return the month for rules; `known` as in `LocalPool.month`."""
        base = self.sources.month(**known)
        return MonthByArtist(base, self.of_source, replace(base.facts, artists=len(self.artist)))

    @property
    def plain(self) -> MonthByArtist:
        """The month without money."""
        return self.month(pool=0, rate=None, fees_are_money=False)

    @property
    def artist_amount(self) -> Ints:
        """int64[artists]: listening of each artist, in the measure."""
        return self.plain.artist_amount

    @property
    def artist_listeners(self) -> Ints:
        """int64[artists]: distinct users of each artist; walks."""
        return self.plain.artist_listeners

    @property
    def artist_plays(self) -> Ints:
        """int64[artists]: plays of each artist."""
        return added(self.of_source, self.sources.artist_plays, len(self.artist))

    @property
    def artist_ms(self) -> Ints | None:
        """int64[artists]: milliseconds of each artist; None where no batch had a duration."""
        ms = self.sources.artist_ms
        return None if ms is None else added(self.of_source, ms, len(self.artist))

    def names(self, places: Ints) -> list[str]:
        """Ids of some artists: int64[n] positions."""
        found: list[str] = self.artist.take(pa.array(places)).to_pylist()
        return found

    def divide(self, paid: Ints, shares: Ints | None) -> Ints:
        """Divide what each artist is paid, int64[artists], among its sources: int64[sources] of the same sum.

        `shares` are what each source brings, see `shares`; listening where they are None, or none of an artist's.
        """
        played, listeners = self.sources.artist_amount, self.sources.artist_listeners
        out = paid[self.of_source]
        order = np.argsort(self.of_source, kind="stable")
        sizes = np.bincount(self.of_source, minlength=len(paid))
        ends = np.cumsum(sizes)
        for artist in np.flatnonzero((sizes > 1) & (paid != 0)).tolist():
            mine = order[ends[artist] - sizes[artist] : ends[artist]]
            weights = shares[mine] if shares is not None and shares[mine].any() else played[mine]
            error = 4 * (sum_exactly(listeners[mine]) + len(mine))
            out[mine] = nearly_exact(int(paid[artist]), weights.tolist(), error=error)
        return out

    def shares(self, rule: Rule, prepared: Any, **known: Any) -> Ints | None:  # noqa: ANN401 - what `prepare` returned; see `month`
        """int64[sources], summing to 2^62: what each source brings; None where listeners have no part.

        `known` of the month is for rules that are prepared once more, on the sources.
        """
        month, of_source = (self.month(**known) if known else self.plain).base, self.of_source

        def visit(usage: Usage, out: Ints) -> None:
            from fairpay.kernels import split  # noqa: PLC0415 - Numba is loaded where it is used

            found = grouped(usage, of_source)
            entries = len(found.usage.artist)
            parts = np.zeros((rule.rows, entries), dtype=np.int64)
            rule.weigh(replace(found.usage, artist=np.arange(entries, dtype=np.uint32)), prepared, parts)
            for part, row in zip(parts, out, strict=True):
                split.add_proportional(found.start, found.source, found.amount, found.usage.amount, part, row)

        weights, _ = month.gather(visit, rows=rule.rows)
        ready = rule.prepare(month) if rule.needs is Needs.TRACKS else prepared
        return rule.brought(weights, ready) if weights.any() else None


def seen_as(pool: LocalPool | ByArtist, artist: pa.Array) -> ByArtist:
    """Look at a pool whose sources belong to these artists: large_string[sources]."""
    names = artist.unique()
    names = names.take(pa.array(order_of(names)))
    of_source = pc.index_in(artist, value_set=names).to_numpy(zero_copy_only=False).astype(np.int64)
    return ByArtist(pool, names, of_source)


def added(owner: Ints, values: Ints, owners: int) -> Ints:
    """Add int64[sources] up by owner: int64[owners]."""
    out = np.zeros(owners, dtype=np.int64)
    np.add.at(out, owner, values)
    return out


def grouped(usage: Usage, of_source: Ints) -> Grouped:
    user = np.repeat(np.arange(usage.users, dtype=np.int64), np.diff(usage.start))
    artist = of_source[usage.artist]
    order = np.lexsort((usage.artist, artist, user))
    user, artist, amount = user[order], artist[order], usage.amount[order]
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = (user[1:] != user[:-1]) | (artist[1:] != artist[:-1])
    first = np.flatnonzero(new)
    start = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(np.bincount(user[first], minlength=usage.users))])
    whole = np.add.reduceat(amount, first) if len(first) else amount
    by_user = replace(usage, start=start, artist=artist[first].astype(np.uint32), amount=whole)
    return Grouped(by_user, np.append(first, len(order)), usage.artist[order], amount)


def nearly_exact(amount: int, weights: list[int], *, error: int) -> list[int]:
    """Divide an amount by largest remainder, where each weight may be off by `error` through rounding.

    Remainders that this cannot tell apart are equal: the smaller source is served first.
    """
    whole = sum(weights)
    parts = [amount * weight // whole for weight in weights]
    keys = [amount * weight - part * whole for part, weight in zip(parts, weights, strict=True)]
    slack = min(amount * error, whole // NEAR)  # of two remainders together: both are doubled
    served, _ = first_of([2 * key for key in keys], amount - sum(parts), slack=[slack] * len(keys))
    for place in served:
        parts[place] += 1
    return parts
