"""Scenes: artists who are heard by the same people; their playlists, and what comes out on Fridays."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fairpay.synth.catalogue import FAME, GENRES, MOST_TRACKS, Catalogue
from fairpay.synth.draws import below, draw, pick_table, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["OLD_TRACKS", "PLAYLIST", "Scenes"]

PER_GENRE = 8
COUNT = PER_GENRE * len(GENRES)
NEAR = np.array([-2, -1, -1, 1, 1, 2])
"""How far the scenes lie that neighbours listen to: a genre's lie together, akin genres side by side."""
OWN, NEXT = 9, 13
"""Of 16 artists somebody likes, those of the own scene, and after them those of near ones; the others are of any."""
OLD_TRACKS = 20
"""Tracks of an artist who brings out more this month, at most."""
PLAYLISTS = 4
"""Editorial playlists of a scene, and as many of the charts."""
PLAYLIST = 60
"""Tracks of one; a third is replaced on Fridays."""
RELEASES = 4
"""Releases of a scene on a Friday, and as many that everybody hears of."""


@dataclass(frozen=True)
class Scenes:
    """The artists of a month by scene; the scene numbered COUNT is the charts: all of them."""

    seed: int
    catalogue: Catalogue
    of: Ints
    """int64[artists]: the scene of each."""
    table: NDArray[np.int32]
    """int32[COUNT + 1, 2^bits]: artists in proportion to their fame."""
    bits: int

    @classmethod
    def among(cls, catalogue: Catalogue, *, seed: int) -> Scenes:
        """Divide artists among the scenes of their genre."""
        index = np.arange(catalogue.artists)
        of = catalogue.genre * PER_GENRE + below(draw(stream(seed, "scene"), index), PER_GENRE)
        catalogue = replace(catalogue, tracks=np.minimum(catalogue.tracks, OLD_TRACKS))
        bits, fame = catalogue.bits, np.power(index + 1.0, -FAME[1], dtype=np.float64)
        everybody = pick_table(fame, 1 << bits)
        table = np.tile(everybody, (COUNT + 1, 1))
        order, size = np.argsort(of, kind="stable"), np.bincount(of, minlength=COUNT)
        for scene, members in enumerate(np.split(order, np.cumsum(size)[:-1])):
            if len(members):
                table[scene] = members[pick_table(fame[members], 1 << bits)]
        return cls(seed, catalogue, of, table, bits)

    def artist(self, draws: NDArray[np.uint64], scene: Ints) -> Ints:
        """Draw artists of scenes by fame: int64[n], by the highest bits."""
        found: Ints = self.table[scene, (draws >> np.uint64(64 - self.bits)).astype(np.int64)].astype(np.int64)
        return found

    def liked(self, draws: NDArray[np.uint64], home: Ints) -> Ints:
        """Draw artists as people at home in scenes like them: int64[n]."""
        kind = below(draws, 16)
        near = (home + NEAR[below(draws, len(NEAR), offset=16)]) % COUNT
        return self.artist(draws, np.where(kind < OWN, home, np.where(kind < NEXT, near, COUNT)))

    def home(self, draws: NDArray[np.uint64]) -> Ints:
        """Draw the scenes that people are at home in, by the fame of their artists: int64[n]."""
        return self.of[self.artist(draws, np.full(len(draws), COUNT))]

    def listed(self, playlist: Ints, place: Ints, week: Ints) -> tuple[Ints, Ints]:
        """Say what stands at some places of playlists in a week: artists and tracks, int64[n] each."""
        scene = np.minimum(playlist // PLAYLISTS, COUNT)
        likes = draw(stream(self.seed, "listed"), playlist * PLAYLIST + place, np.where(place % 3 == 0, week + 1, 0))
        artist = self.artist(likes, scene)
        return artist, self.catalogue.track(likes, artist, offset=0)

    def released(self, scene: Ints, week: Ints, draws: NDArray[np.uint64]) -> tuple[Ints, Ints]:
        """Draw tracks of what came out in scenes on the Friday of a week, most of it few: int64[n] each."""
        number = below(draws, below(draws, RELEASES, offset=16) + 1, offset=32)
        likes = draw(stream(self.seed, "release"), scene * 64 + week, number)
        artist = self.artist(likes, scene)
        fresh = MOST_TRACKS - OLD_TRACKS
        return artist, artist * MOST_TRACKS + OLD_TRACKS + below(draws, fresh, offset=48)
