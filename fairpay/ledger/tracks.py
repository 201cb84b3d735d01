"""Tracks: which plays are theirs, and what of their artist's pay; those with splits of their own, or all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.adjust.decisions import HELD
from fairpay.adjust.factors import text_of
from fairpay.errors import InputError, Problem
from fairpay.ledger.splits import OF_TRACK, artist_of
from fairpay.money.counts import counted
from fairpay.pipeline.sources import ByArtist, seen_as

if TYPE_CHECKING:
    from fairpay.engine.pool import LocalPool
    from fairpay.ledger.splits import Splits
    from fairpay.logs.schema import Listens, RawBatch

__all__ = ["TrackSources", "by_artist", "by_source"]


def by_source(pool: LocalPool | ByArtist, splits: Splits) -> ByArtist:
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

    def earning(self, source: str) -> str:
        """What the ledger calls who earns: of all tracks, those with splits stand for themselves."""
        return artist_of(source) if self.every and self.splits.of_track(source) is None else source

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
