"""Tracks that have splits of their own: sources beside their artist."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from fairpay.adjust.ruling import HELD
from fairpay.errors import InputError, Problem
from fairpay.ledger.exclusions import as_text
from fairpay.ledger.splits import OF_TRACK, Splits

if TYPE_CHECKING:
    from fairpay.logs.schema import Listens, RawBatch

__all__ = ["TrackSources"]


@dataclass(slots=True)
class TrackSources:
    """Says of each row under which name it earns. Called from several threads."""

    splits: Splits
    pools: int
    """How many there are; plays behind them are in none."""
    holding: bool = False
    """Whether a person's decisions hold plays."""
    met: set[str] = field(default_factory=set)
    """Such tracks whose splits name no artist, by their sources."""
    lock: Lock = field(default_factory=Lock)

    def __call__(self, raw: RawBatch, listens: Listens) -> pa.Array:
        """Put tracks that have splits in the place of their artist; held plays stay where they are held.

        Raises:
            InputError: an artist whose id is also the account of a track.

        """
        if "track" not in raw.columns:
            return listens.artist
        track, artist = as_text(raw.columns["track"]), as_text(listens.artist)
        refuse_accounts(artist, self.splits)
        name = pc.binary_join_element_wise(artist, track, pa.scalar(OF_TRACK, pa.large_string()))
        stated, any_artist = (pa.array(sorted(x), pa.large_string()) for x in (self.splits.tracks, self.splits.of_any))
        alone = pc.and_(pc.is_in(track, value_set=any_artist), pc.is_valid(name))
        if self.holding:
            kept = pc.fill_null(pc.invert(pc.starts_with(artist, HELD)), fill_value=False)
            alone, name = pc.and_(alone, kept), pc.if_else(kept, name, None)
        self.meet(name, alone, listens)
        return pc.if_else(pc.or_(alone, pc.is_in(name, value_set=stated)), name, artist)

    def meet(self, name: pa.Array, alone: pa.Array, listens: Listens) -> None:
        """Keep which tracks were played whose splits name no artist."""
        assert listens.pool is not None
        played = pc.and_(alone, pa.array(listens.used & (listens.pool < self.pools)))
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
    marked = artist.filter(pc.fill_null(pc.match_substring(artist, OF_TRACK), fill_value=False)).unique().to_pylist()
    clash = [text for text in marked if splits.of_track(text) is not None]
    if clash:
        message = f"the artist {clash[0]!r} has the name of a track's account"
        raise InputError(message, advice="Give the artist another id, with --aliases.")
