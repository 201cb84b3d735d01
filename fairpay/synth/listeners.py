"""Who listens: ordinary people, and planted accounts, to see what a rule and an auditor make of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import UsageError
from fairpay.synth.calendar import AROUND_THE_CLOCK, OVERNIGHT, PEOPLE
from fairpay.synth.catalogue import MOST_TRACKS
from fairpay.synth.draws import below, draw, lognormal_steps, stream
from fairpay.synth.plays import Cohort, MadeMonth, World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.synth.calendar import Hours
    from fairpay.synth.plays import Choice, Slots

__all__ = ["KINDS", "Plant", "make_month", "make_people", "make_plant", "parse_plants"]

STEPS = 4096
SPREAD = 1.1
"""Sigma of the log-normal of listening per user."""
LIGHT, HEAVY = STEPS // 2, STEPS * 9 // 10
SITTING = 9
LATE_HOURS = np.array([0] * 6 + [1] * 4 + [2] * 2 + [23] * 3 + [10], dtype=np.int64)
"""How late people's days are: some rise early, one in sixteen works at night."""
ELSEWHERE = 1 << 13
"""Of 2^16 plays, those of artists who are not among the user's own."""
PODCASTS = 400
"""Of 2^16 plays, those of podcasts, which have no artist."""
FINISHED, SKIPPED = 42_000, 56_000
"""Of 2^16 plays, those heard to the end, and after them those skipped within 30 seconds."""


def by_taste(slots: Slots, *, world: World, liking: Ints, favourites: Ints) -> Choice:
    """Choose as ordinary listeners do: mostly the artists they keep coming back to.

    By user: `liking` is 0 for a light, 1 for a middling, 2 for a heavy listener, `favourites` how many artists the user
    comes back to.
    """
    bits = draw(stream(world.seed, "choice"), slots.user, slots.number)
    own = below(bits, below(bits, favourites[slots.user], offset=16))
    elsewhere = below(bits, 1 << 16, offset=32) < ELSEWHERE
    own[elsewhere] = slots.number[elsewhere] + (1 << 32)
    likes = draw(stream(world.seed, "favourite"), slots.user, own)
    artist = world.catalogue.artist(likes, liking[slots.user])
    track = world.catalogue.track(bits, artist, offset=48)
    bits = draw(stream(world.seed, "heard"), slots.user, slots.number)
    ms = heard(bits, world.catalogue.length(track))
    podcast = below(bits, 1 << 16, offset=48) < PODCASTS
    ms[podcast] *= 6
    artist[podcast] = -1
    return artist, track, ms


def heard(bits: NDArray[np.uint64], length: Ints) -> Ints:
    """How much of each track is heard: most to the end, some a few seconds, the rest a part."""
    kind = below(bits, 1 << 16)
    skipped = below(bits, below(bits, 30_000, offset=16), offset=32)
    part = 30_000 + below(bits, np.maximum(length - 30_000, 1), offset=16)
    return np.where(kind < FINISHED, length, np.where(kind < SKIPPED, skipped, part))


def make_people(world: World, users: int, *, rows: int) -> Cohort:
    """Make `users` listeners with `rows` plays in all; listening per user is log-normal."""
    traits = draw(stream(world.seed, "person"), np.arange(users))
    activity = below(traits, STEPS)
    until = np.cumsum(lognormal_steps(STEPS, median=1000, sigma=SPREAD)[activity])
    total = np.diff(np.floor(until / until[-1] * rows).astype(np.int64), prepend=0)
    liking = (activity >= LIGHT).astype(np.int64) + (activity >= HEAVY)
    favourites = 6 + below(traits, lognormal_steps(STEPS, median=20, sigma=SPREAD / 2)[activity], offset=16)
    choose = partial(by_taste, world=world, liking=liking, favourites=favourites)
    late = LATE_HOURS[below(traits, len(LATE_HOURS), offset=32)]
    return Cohort(world, 0, total, PEOPLE, SITTING, choose, late)


DAYS = 28
WRITTEN = re.compile(r"(\d{1,7}):(\d{1,6})(?::(\d{1,6}))?")


@dataclass(frozen=True, kw_only=True)
class PlantKind:
    """A way of faking listening."""

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
        # paid accounts that play around the clock, spread over many made-up artists (Smith, SDNY 2024)
        artist="Untitled Signal", hours=AROUND_THE_CLOCK, artists=100, tracks=20, seconds=(32, 190), sitting=200,
    ),
    "loops": PlantKind(
        # fans who loop one album of silence overnight (Sleepify, 2014)
        artist="Hushabye Loop", hours=OVERNIGHT, artists=1, tracks=10, seconds=(31, 36), sitting=400,
    ),
    "lockstep": PlantKind(
        # accounts that play the same few tracks at people's hours
        artist="Same Song", hours=PEOPLE, artists=9, tracks=7, seconds=(45, 240), sitting=12,
    ),
    "farm": PlantKind(
        # people paid to play, who play famous artists as camouflage
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


def by_order(slots: Slots, *, world: World, kind: PlantKind, first: int, artists: int) -> Choice:
    """Choose as planted accounts do: the planted artists, `first` and those after it, evenly; others as camouflage."""
    bits = draw(stream(world.seed, "planted"), slots.user, slots.number)
    artist = first + below(bits, artists)
    hidden = below(bits, 1 << 16, offset=16) < kind.camouflage
    liked = draw(stream(world.seed, "hidden"), bits[hidden])
    artist[hidden] = world.catalogue.artist(liked, np.ones(len(liked), np.int64))
    track = artist * MOST_TRACKS + below(bits, kind.tracks, offset=32)
    low, high = kind.seconds
    ms = low * 1000 + below(draw(stream(world.seed, "planted length"), track), (high - low) * 1000)
    return artist, track, ms


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
    """Read `1040:636` (accounts, plays a day of each) or `1040:636:50` (for 50 artists)."""
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
    choose = partial(by_order, world=world, kind=kind, first=first_artist, artists=plant.artists)
    return Cohort(world, first_user, total, kind.hours, kind.sitting, choose)


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
