"""Tracks: which plays are theirs, and what of their artist's pay; those with splits of their own, or all."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.adjust.decisions import HELD
from fairpay.adjust.weights import text_of
from fairpay.engine.keys import order_of
from fairpay.errors import InputError, Problem
from fairpay.ledger.splits import OF_TRACK, artist_of
from fairpay.money.counts import counted
from fairpay.money.integers import sum_exactly
from fairpay.rules.core.rule import Needs
from fairpay.rules.core.ties import first_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fairpay.engine.pool import LocalPool
    from fairpay.kernels.arrays import Codes, Ints
    from fairpay.ledger.splits import Splits
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.rules.core.month import Facts, Month, Totals, Usage, Users
    from fairpay.rules.core.rule import Rule

__all__ = ["ByArtist", "TrackSources", "by_artist", "by_source"]

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


@dataclass(frozen=True, slots=True)
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
        out = np.zeros(self.facts.artists, dtype=np.int64)
        np.add.at(out, self.of_source, self.base.artist_amount)
        return out

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
        out = np.zeros(len(self.artist), dtype=np.int64)
        np.add.at(out, self.of_source, self.sources.artist_plays)
        return out

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
        """int64[sources], summing to 2^62: what each source brings; None where listeners have no part."""
        month, of_source = self.month(**known).base, self.of_source

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


def by_source(pool: LocalPool, splits: Splits) -> ByArtist:
    """Look at a pool of all tracks as the ledger does: tracks with splits apart, all others as their artist."""
    ids = pl.Series(pool.artist)
    marked = ids.filter(ids.str.contains(OF_TRACK, literal=True))
    others = {source: artist_of(source) for source in marked if splits.of_track(source) is None}
    return seen_as(pool, ids.replace(others).to_arrow())


def by_artist(pool: LocalPool | ByArtist, splits: Splits) -> ByArtist | None:
    """Look at a pool by artist; None where no track with splits was played in it."""
    if not splits.has_tracks:
        return None
    ids = pool.artist
    marked = pc.indices_nonzero(pc.match_substring(ids, OF_TRACK)).to_numpy().astype(np.int64)
    tracks = [(place, source) for place in marked.tolist() if splits.of_track(source := ids[place].as_py()) is not None]
    if not tracks:
        return None
    mask = np.zeros(len(ids), dtype=np.bool_)
    mask[[place for place, _ in tracks]] = True
    owners = pa.array([artist_of(source) for _, source in tracks], pa.large_string())
    return seen_as(pool, pc.replace_with_mask(ids, pa.array(mask), owners))


def seen_as(pool: LocalPool | ByArtist, artist: pa.Array) -> ByArtist:
    """Look at a pool whose sources belong to these artists: large_string[sources]."""
    names = artist.unique()
    names = names.take(pa.array(order_of(names)))
    of_source = pc.index_in(artist, value_set=names).to_numpy(zero_copy_only=False).astype(np.int64)
    return ByArtist(pool, names, of_source)


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


@dataclass(slots=True)
class TrackSources:
    """Says of each row under which name it earns. Called from several threads."""

    splits: Splits
    pools: int
    """How many there are; plays behind them are in none."""
    holding: bool = False
    """Whether a person's decisions hold plays."""
    every: bool = False
    """Whether all tracks earn under their own name, and not only those that have splits."""
    met: set[str] = field(default_factory=set)
    """Such tracks whose splits name no artist, by their sources; a set takes texts in one step."""

    @property
    def wanted(self) -> bool:
        """Whether any track may earn under its own name."""
        return self.every or self.splits.has_tracks

    def __call__(self, raw: RawBatch, listens: Listens) -> pa.Array:
        """Put tracks that have splits in the place of their artist; held plays stay where they are held.

        Raises:
            InputError: an artist whose id is also the account of a track.

        """
        if "track" not in raw.columns:
            return listens.artist
        track, artist = text_of(raw.columns["track"]), text_of(listens.artist)
        refuse_accounts(artist, None if self.every else self.splits)
        track = pc.if_else(pc.equal(track, ""), None, track) if self.every else track
        name = pc.binary_join_element_wise(artist, track, pa.scalar(OF_TRACK, pa.large_string()))
        stated, any_artist = (pa.array(sorted(x), pa.large_string()) for x in (self.splits.tracks, self.splits.of_any))
        alone = pc.and_(pc.is_in(track, value_set=any_artist), pc.is_valid(name))
        if self.holding:
            kept = pc.fill_null(pc.invert(pc.starts_with(artist, HELD)), fill_value=False)
            alone, name = pc.and_(alone, kept), pc.if_else(kept, name, None)
        self.meet(name, alone, listens)
        if self.every:
            return pc.coalesce(name, artist)
        return pc.if_else(pc.or_(alone, pc.is_in(name, value_set=stated)), name, artist)

    def meet(self, name: pa.Array, alone: pa.Array, listens: Listens) -> None:
        """Keep which tracks were played whose splits name no artist."""
        assert listens.pool is not None
        played = pc.and_(alone, pa.array(listens.used & (listens.pool < self.pools)))
        self.met.update(name.filter(played).unique().to_pylist())

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
            message = f"splits name {counted(len(several), 'track')} without its artist, and several artists have them"
            raise InputError(message, problems=problems, advice="Fill the column `artist` of these lines of splits.")

    def remarks(self) -> tuple[str, ...]:
        """Say whose the tracks were taken to be that stand without an artist."""
        if not self.met:
            return ()
        return (
            f"Splits name {counted(len(self.met), 'track')} without the artist: each is played under one artist only",
        )


def refuse_accounts(artist: pa.Array, splits: Splits | None) -> None:
    """Refuse artists whose id is also the account of a track with splits; without splits, of any track."""
    marked = artist.filter(pc.fill_null(pc.match_substring(artist, OF_TRACK), fill_value=False)).unique().to_pylist()
    clash = [text for text in marked if splits is None or splits.of_track(text) is not None]
    if clash:
        message = f"the artist {clash[0]!r} has the name of a track's account"
        raise InputError(message, advice="Give the artist another id, with --aliases.")
