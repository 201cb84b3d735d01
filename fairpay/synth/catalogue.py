"""What can be played: artists by fame and genre, their names and tracks, and who tends to play whom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.synth.draws import below, draw, lognormal_steps, pick_table, stream

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GENRES", "MOST_TRACKS", "Catalogue", "artist_name", "label_name"]

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
LENGTH_STEPS = 1024


@dataclass(frozen=True)
class Catalogue:
    """The artists of a month. An artist is an index; 0 is the most famous."""

    artists: int
    genre: NDArray[np.int64]
    """int64[artists]: index into GENRES."""
    tracks: NDArray[np.int64]
    """int64[artists]: how many tracks the artist has, at most 32."""
    tables: NDArray[np.int32]
    """int32[3 * size]: for light, middling and heavy listeners, artists in proportion to how they are liked."""
    bits: int
    """size = 2^bits."""
    lengths: NDArray[np.int64]
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

    def artist(self, draws: NDArray[np.uint64], taste: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw artists by the liking of listeners of class `taste`: int64[n]."""
        place = (draws >> np.uint64(64 - self.bits)).astype(np.int64)
        place += taste << self.bits
        return self.tables[place].astype(np.int64)

    def track(self, draws: NDArray[np.uint64], artist: NDArray[np.int64], *, offset: int) -> NDArray[np.int64]:
        """Draw a track of each artist, the early ones more often: track numbers, int64[n]."""
        skewed = below(draws, below(draws, 1 << 16, offset=offset), offset=offset)
        return artist * MOST_TRACKS + ((skewed * self.tracks[artist]) >> 16)

    def length(self, track: NDArray[np.int64]) -> NDArray[np.int64]:
        """Look up how long each track is: milliseconds, int64[n]."""
        return self.lengths[(draw(self.track_stream, track) >> np.uint64(54)).astype(np.int64)]


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
