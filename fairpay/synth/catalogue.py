"""What can be played: artists by fame and genre, their names and tracks; scenes, their playlists and releases."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fairpay.synth.draws import below, draw, lognormal_steps, pick_table, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints

__all__ = ["GENRES", "MOST_TRACKS", "OLD_TRACKS", "PLAYLIST", "Catalogue", "Scenes", "artist_name", "label_name"]

FAME = (0.75, 0.85, 0.95)
"""Zipf exponents for light, middling and heavy listeners: the k-th artist is played about in proportion to k^-0.85."""
FAMOUS = 10
"""One artist in so many is famous; their genres are the first MAINSTREAM ones."""
MAINSTREAM = 4
GENRES = {
    "pop": (1.0, 1.0, 1.1),
    "rap": (0.4, 1.0, 1.6),
    "electronic": (0.7, 1.0, 1.3),
    "rock": (1.1, 1.0, 0.9),
    "folk": (1.4, 1.0, 0.7),
    "jazz": (1.7, 1.0, 0.5),
    "classical": (2.0, 1.0, 0.4),
    "ambient": (1.0, 1.0, 1.0),
}
"""genre -> how much light, middling and heavy listeners like it."""
MOST_TRACKS = 32
PER_GENRE = 8
COUNT = PER_GENRE * len(GENRES)
NEAR = np.array([-2, -1, -1, 1, 1, 2])
"""How far the scenes lie that neighbours listen to: a genre's lie together, akin genres side by side."""
AT_HOME, NEARBY = 9, 13
"""Of 16 artists somebody likes, those of the own scene, and after them those of near ones; the others are of any."""
OLD_TRACKS = 20
"""Tracks of an artist who brings out more this month, at most."""
PLAYLISTS = 4
"""Editorial playlists of a scene, and as many of the charts."""
PLAYLIST = 60
"""Tracks of one; a third is replaced on Fridays."""
RELEASES = 4
"""Releases of a scene on a Friday, and as many that everybody hears of."""
LENGTH_STEPS = 1024


@dataclass(frozen=True)
class Catalogue:
    """The artists of a month. An artist is an index; 0 is the most famous."""

    artists: int
    genre: Ints
    """int64[artists]: index into GENRES."""
    tracks: Ints
    """int64[artists]: how many tracks the artist has, at most 32."""
    tables: NDArray[np.int32]
    """int32[3 * size]: for light, middling and heavy listeners, artists in proportion to how they are liked."""
    bits: int
    """size = 2^bits."""
    lengths: Ints
    """int64[1024]: quantiles of track lengths, milliseconds."""
    track_stream: np.uint64

    @classmethod
    def of(cls, artists: int, *, seed: int) -> Catalogue:
        """Make `artists` artists: fame by rank (Zipf), genre and number of tracks by draw."""
        index = np.arange(artists)
        traits = draw(stream(seed, "artist"), index)
        genre = below(traits, np.where(index * FAMOUS < artists, MAINSTREAM, len(GENRES)))
        bits = max(12, min(24, (8 * artists).bit_length()), (2 * artists).bit_length())
        liking = np.array(list(GENRES.values()))
        tables = [pick_table((index + 1.0) ** -zipf * liking[genre, k], 1 << bits) for k, zipf in enumerate(FAME)]
        return cls(
            artists=artists,
            genre=genre,
            tracks=4 + below(traits, MOST_TRACKS - 4, offset=16),
            tables=np.concatenate(tables),
            bits=bits,
            lengths=lognormal_steps(LENGTH_STEPS, median=205_000, sigma=0.28),
            track_stream=stream(seed, "track length"),
        )

    def artist(self, draws: NDArray[np.uint64], taste: Ints) -> NDArray[np.int64]:
        """Draw artists by the liking of listeners of class `taste`: int64[n]."""
        place = (draws >> np.uint64(64 - self.bits)).astype(np.int64)
        place += taste << self.bits
        return self.tables[place].astype(np.int64)

    def track(self, draws: NDArray[np.uint64], artist: Ints, *, offset: int) -> NDArray[np.int64]:
        """Draw a track of each artist, the early ones more often: track numbers, int64[n]."""
        skewed = below(draws, below(draws, 1 << 16, offset=offset), offset=offset)
        return artist * MOST_TRACKS + ((skewed * self.tracks[artist]) >> 16)

    def length(self, track: Ints) -> NDArray[np.int64]:
        """Look up how long each track is: milliseconds, int64[n]."""
        return self.lengths[(draw(self.track_stream, track) >> np.uint64(54)).astype(np.int64)]


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
        return self.artist(draws, np.where(kind < AT_HOME, home, np.where(kind < NEARBY, near, COUNT)))

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


FIRST = (
    "Amber", "Arctic", "Birch", "Blue", "Brass", "Cedar", "Chalk", "Cinder", "Cobalt", "Copper", "Coral", "Crooked",
    "Dawn", "Distant", "Dusty", "Electric", "Ember", "Fallow", "Feather", "Fern", "Fog", "Gentle", "Glass", "Golden",
    "Granite", "Hazel", "Hollow", "Honey", "Indigo", "Iron", "Ivory", "Juniper", "Lantern", "Lemon", "Linen", "Little",
    "Lunar", "Maple", "Marble", "Midnight", "Mint", "Morning", "Moss", "Northern", "Olive", "Opal", "Paper", "Pebble",
    "Plum", "Quiet", "Rapid", "Rust", "Saffron", "Silver", "Slow", "Solar", "Tidal", "Timber", "Velvet", "Violet",
    "Wandering", "Western", "Willow", "Winter",
)  # fmt: skip
SECOND = (
    "Antenna", "Arcade", "Atlas", "Avenue", "Balcony", "Bicycle", "Bridge", "Cabinet", "Canopy", "Carousel",
    "Cathedral", "Choir", "Circuit", "Cove", "Current", "Department", "Engine", "Estate", "Factory", "Ferry",
    "Garden", "Harbour", "Heron", "Horizon", "Hotel", "Island", "Kite", "Ladder", "Library", "Lighthouse",
    "Machine", "Meadow", "Meridian", "Mirror", "Museum", "Observatory", "Orchard", "Orchestra", "Otter", "Parade",
    "Pavilion", "Pilot", "Postcard", "Prairie", "Quartet", "Radio", "Railway", "Reservoir", "Satellite", "Season",
    "Signal", "Sisters", "Sparrow", "Staircase", "Station", "Telephone", "Theatre", "Thicket", "Transit",
    "Tributary", "Umbrella", "Valley", "Weather", "Window",
)  # fmt: skip
MAJOR, OWN = "Big Meridian", "Self-released"
LABELS = {
    "pop": "Lowtide",
    "rap": "Lowtide",
    "electronic": "Second Floor",
    "rock": "Tin Roof",
    "folk": "Tin Roof",
    "jazz": "Harrow & Finch",
    "classical": "Harrow & Finch",
    "ambient": "Second Floor",
}
"""genre -> the label of its artists, but for those who are famous or release their music themselves."""
ALONE = 7
"""One artist in so many releases it."""
STRIDE = 2437
"""Odd, so that names repeat only after all 4,096 have been used."""


def artist_name(index: int) -> str:
    """Name the artist of that index; from 4,096 on a number is added, so that names differ."""
    round_, place = divmod(index, len(FIRST) * len(SECOND))
    first, second = divmod(place * STRIDE % (len(FIRST) * len(SECOND)), len(SECOND))
    return f"{FIRST[first]} {SECOND[second]}" + (f" {round_ + 1}" if round_ else "")


def label_name(index: int, genre: str, artists: int) -> str:
    """Name the label of one of so many artists: the major's if famous, else the genre's, or the artist's own."""
    if index * FAMOUS < artists:
        return MAJOR
    return OWN if index % ALONE == 0 else LABELS[genre]
