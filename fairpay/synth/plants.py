"""Planted listening: accounts that do not listen for pleasure, to see what a rule and an auditor make of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import UsageError
from fairpay.synth.calendar import AROUND_THE_CLOCK, OVERNIGHT, PEOPLE
from fairpay.synth.catalogue import MOST_TRACKS
from fairpay.synth.draws import below, draw, stream
from fairpay.synth.people import make_people
from fairpay.synth.plays import Choice, Cohort, MadeMonth, Slots, World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairpay.synth.calendar import Hours

__all__ = ["KINDS", "Plant", "make_month", "make_plant", "parse_plants"]

DAYS = 28
WRITTEN = re.compile(r"(\d{1,7}):(\d{1,6})(?::(\d{1,6}))?")


@dataclass(frozen=True, kw_only=True)
class PlantKind:
    """A way of faking listening."""

    what: str
    """In words."""
    artist: str
    """What the planted artists are called; a number follows where there are several."""
    hours: Hours
    artists: int
    """How many artists are played, where it is not said."""
    tracks: int
    """Tracks of each artist that are played."""
    seconds: tuple[int, int]
    """The least and the most heard of a track."""
    sitting: int
    """One play in so many begins a new sitting."""
    camouflage: int = 0
    """Of 2^16 plays, those of artists everybody plays."""


KINDS = {
    "bots": PlantKind(
        what="paid accounts that play around the clock, spread over many made-up artists (Smith, SDNY 2024)",
        artist="Untitled Signal", hours=AROUND_THE_CLOCK, artists=100, tracks=20, seconds=(32, 190), sitting=200,
    ),
    "loops": PlantKind(
        what="fans who loop one album of silence overnight (Sleepify, 2014)",
        artist="Hushabye Loop", hours=OVERNIGHT, artists=1, tracks=10, seconds=(31, 36), sitting=400,
    ),
    "lockstep": PlantKind(
        what="accounts that play the same few tracks at people's hours",
        artist="Same Song", hours=PEOPLE, artists=9, tracks=7, seconds=(45, 240), sitting=12,
    ),
    "farm": PlantKind(
        what="people paid to play, who play famous artists as camouflage",
        artist="Hired Hands", hours=PEOPLE, artists=5, tracks=8, seconds=(31, 240), sitting=8, camouflage=40_000,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Plant:
    """So many accounts of a kind."""

    kind: str
    """A key of KINDS."""
    accounts: int
    plays: int
    """Plays a day of each account."""
    artists: int
    """How many artists they are planted for."""

    @property
    def names(self) -> list[str]:
        """Names of the planted artists."""
        name = KINDS[self.kind].artist
        return [name] if self.artists == 1 else [f"{name} {number + 1}" for number in range(self.artists)]


@dataclass(frozen=True)
class Repertoire:
    """What planted accounts choose: the planted artists, evenly, and others as camouflage."""

    kind: PlantKind
    first: int
    """Index of the first planted artist; they come after the catalogue's."""
    artists: int
    world: World

    def __call__(self, slots: Slots) -> Choice:
        """Choose for each slot."""
        bits = draw(stream(self.world.seed, "planted"), slots.user, slots.number)
        artist = self.first + below(bits, self.artists)
        hidden = below(bits, 1 << 16, offset=16) < self.kind.camouflage
        artist[hidden] = self.world.catalogue.artist(
            draw(stream(self.world.seed, "hidden"), bits[hidden]), np.ones(hidden.sum(), np.int64)
        )
        track = artist * MOST_TRACKS + below(bits, self.kind.tracks, offset=32)
        low, high = self.kind.seconds
        ms = low * 1000 + below(draw(stream(self.world.seed, "planted length"), track), (high - low) * 1000)
        return Choice(artist, track, ms)


def parse_plants(written: Mapping[str, str]) -> list[Plant]:
    """Read plants by kind, `{"bots": "1040:636"}`.

    Raises:
        UsageError: for an unknown kind, or numbers that are not written so.

    """
    if unknown := [kind for kind in written if kind not in KINDS]:
        message = f"nothing called {', '.join(unknown)} can be planted"
        raise UsageError(message, advice=f"Choose among: {', '.join(KINDS)}.")
    return [parse_plant(kind, text) for kind, text in written.items()]


def parse_plant(kind: str, text: str) -> Plant:
    """Read `1040:636` (accounts, plays a day of each) or `1040:636:50` (for 50 artists).

    Raises:
        UsageError: when it is written otherwise, or nothing would be planted.

    """
    found = WRITTEN.fullmatch(text.strip())
    numbers = [int(part) for part in found.groups() if part is not None] if found else [0]
    if min(numbers) < 1:
        message = f"--{kind} {text}: not a number of accounts and of plays a day"
        raise UsageError(
            message, advice=f"Write --{kind} 1040:636 (accounts:plays a day) or 1040:636:50 (for 50 artists)."
        )
    return Plant(kind, numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else KINDS[kind].artists)  # noqa: PLR2004 - the third is optional


def make_plant(world: World, plant: Plant, *, first_user: int, first_artist: int) -> Cohort:
    """Make the accounts of a plant; they and their artists come after all that are there already."""
    kind = KINDS[plant.kind]
    total = np.full(plant.accounts, plant.plays * world.calendar.days, dtype=np.int64)
    choose = Repertoire(kind, first_artist, plant.artists, world)
    return Cohort.of(world, total, first=first_user, hours=kind.hours, sitting=kind.sitting, choose=choose)


def make_month(  # noqa: PLR0913 - the sizes of a month are told apart by name
    rows: int, plants: Sequence[Plant], *, users: int, artists: int, seed: int, month: str
) -> MadeMonth:
    """Make people with `rows` plays in all, and add the accounts of plants on top.

    Raises:
        UsageError: when `month` is not a month.

    """
    expected = rows + sum(plant.accounts * plant.plays * DAYS for plant in plants)
    world = World.of(month, rows=expected, artists=artists, seed=seed)
    cohorts = [make_people(world, users, rows=rows)]
    for plant in plants:
        cohorts.append(make_plant(world, plant, first_user=users, first_artist=artists))
        users += plant.accounts
        artists += plant.artists
    return MadeMonth(tuple(cohorts), tuple(name for plant in plants for name in plant.names))
