"""Made-up names of artists; none is meant to be anyone's."""

from __future__ import annotations

__all__ = ["artist_name", "label_name"]

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
LABELS = ("Harrow & Finch", "Lowtide", "Second Floor", "Tin Roof", "Big Meridian", "Self-released")
STRIDE = 2437
"""Odd, so that names repeat only after all 4,096 have been used."""


def artist_name(index: int) -> str:
    """Name the artist of that index; from 4,096 on a number is added, so that names differ."""
    round_, place = divmod(index, len(FIRST) * len(SECOND))
    first, second = divmod(place * STRIDE % (len(FIRST) * len(SECOND)), len(SECOND))
    return f"{FIRST[first]} {SECOND[second]}" + (f" {round_ + 1}" if round_ else "")


def label_name(index: int) -> str:
    """Name the label of the artist of that index."""
    return LABELS[index * 7 // 3 % len(LABELS)]
