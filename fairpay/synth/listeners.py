"""Who listens: ordinary people, and fakes, planted to see what a rule and an auditor make of them.

A shape of fakes is one entry of KINDS.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from fairpay.errors import UsageError
from fairpay.synth.calendar import AROUND_THE_CLOCK, OVERNIGHT, PEOPLE
from fairpay.synth.catalogue import MOST_TRACKS
from fairpay.synth.draws import below, draw, lognormal_steps, stream
from fairpay.synth.plays import Cohort, Mark, World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.synth.calendar import Hours
    from fairpay.synth.plays import Choice, Slots

__all__ = [
    "DAYS",
    "KINDS",
    "LATE_HOURS",
    "SPREAD",
    "STEPS",
    "Plant",
    "PlantKind",
    "by_order",
    "make_people",
    "parse_plants",
    "plain",
]

STEPS = 4096
DAYS = 28
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


WRITTEN = re.compile(r"(\d{1,7}):(\d{1,6})(?::(\d{1,6}))?")


@dataclass(frozen=True, kw_only=True)
class PlantKind:
    """A way of faking listening."""

    artist: str
    """What the planted artists are called; a number follows where there are several."""
    hours: Hours
    artists: int
    """How many artists are played, where it is not said; 0: each cell has its own."""
    tracks: int
    """Tracks of each artist that are played."""
    seconds: tuple[int, int] | None
    """The least and the most heard of a track; None: tracks as long as everybody's, heard to the end."""
    sitting: int
    """One play in so many begins a new sitting."""
    camouflage: int = 0
    """Of 2^16 plays, those of artists everybody plays."""
    cell: int = 0
    """How many accounts do the same; 0: all."""
    each: int = 0
    """How many of the artists a cell plays; 0: all."""
    listed: int = 0
    """How long the list is that they play from the first to the last; 0: they draw what they play."""
    before: int = 0
    """Tracks of each artist that come before those played."""
    followers: int = 0
    """How many people for each account play the list as well, and nothing to blame."""
    life: Literal["", "own", "copied"] = ""
    """Whether the account also has the listening of its owner, or a copy of somebody else's."""
    begins: int = 0
    """The day of the month before which each begins; 0: all on the first."""


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
    "nonstop": PlantKind(
        # the same few short tracks day and night
        artist="Endless Minute", hours=AROUND_THE_CLOCK, artists=12, tracks=6, seconds=(31, 45), sitting=300,
        cell=1, each=1,
    ),
    "living-loops": PlantKind(
        # people who listen by day, and leave an album on repeat by night
        artist="Second Shift", hours=OVERNIGHT, artists=15, tracks=8, seconds=(31, 120), sitting=200,
        cell=1, each=1, life="own",
    ),
    "botnet": PlantKind(
        # machines that hide among popular artists
        artist="Chart Guest", hours=AROUND_THE_CLOCK, artists=20, tracks=10, seconds=None, sitting=60,
        camouflage=50_000,
    ),
    "slow-bots": PlantKind(
        # machines that keep people's hours and play no more than people
        artist="Patient Echo", hours=PEOPLE, artists=30, tracks=10, seconds=None, sitting=15, camouflage=20_000,
    ),
    "click-farm": PlantKind(
        # people paid to play, each for some of the artists, on the accounts they listen with
        artist="Paid Applause", hours=PEOPLE, artists=20, tracks=8, seconds=(31, 240), sitting=8, camouflage=20_000,
        cell=1, each=5, life="own",
    ),
    "cells": PlantKind(
        # a farm in small groups that have no artist in common
        artist="Cell Choir", hours=PEOPLE, artists=0, tracks=6, seconds=None, sitting=10, camouflage=30_000,
        cell=7, each=3,
    ),
    "spread": PlantKind(
        # few plays of each of thousands of artists (Smith, SDNY 2024)
        artist="Unsigned", hours=AROUND_THE_CLOCK, artists=5000, tracks=10, seconds=(32, 190), sitting=100,
    ),
    "injection": PlantKind(
        # a playlist of popular tracks with others among them, played by machines
        artist="Stowaway", hours=PEOPLE, artists=25, tracks=3, seconds=None, sitting=40, camouflage=45_000,
        listed=100,
    ),
    "bought-places": PlantKind(
        # curators sell places on their playlists, and have accounts that play these
        artist="Bought Place", hours=PEOPLE, artists=30, tracks=2, seconds=None, sitting=25, camouflage=36_000,
        listed=60, cell=20, followers=10,
    ),
    "takeover-heavy": PlantKind(
        # accounts of people taken over, from some day on
        artist="Borrowed Key", hours=AROUND_THE_CLOCK, artists=40, tracks=8, seconds=(31, 200), sitting=50,
        cell=1, each=8, life="own", begins=20,
    ),
    "takeover-light": PlantKind(
        artist="Spare Key", hours=PEOPLE, artists=60, tracks=8, seconds=(31, 240), sitting=10,
        cell=1, each=8, life="own", begins=20,
    ),
    "takeover-dispersed": PlantKind(
        # the same for so many artists that hardly two accounts play the same
        artist="Lost Key", hours=PEOPLE, artists=4000, tracks=8, seconds=None, sitting=10,
        cell=1, each=6, life="own", begins=20,
    ),
    "unlinked": PlantKind(
        # a farm whose accounts have nothing in common
        artist="No Relation", hours=PEOPLE, artists=0, tracks=8, seconds=None, sitting=10, camouflage=30_000,
        cell=1, each=3,
    ),
    "copycats": PlantKind(
        # machines with the taste of real listeners
        artist="Carbon Copy", hours=PEOPLE, artists=40, tracks=8, seconds=None, sitting=9,
        cell=1, each=2, life="copied",
    ),
    "solos": PlantKind(
        # each account plays one artist of its own, much
        artist="Own Applause", hours=PEOPLE, artists=0, tracks=12, seconds=None, sitting=30, cell=1, each=1,
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

    def mark(self, accounts: Ints) -> Mark:
        """Say of its accounts what they are, and which do the same."""
        return Mark(self.kind, accounts, np.arange(len(accounts)) // (KINDS[self.kind].cell or len(accounts)))


def by_order(slots: Slots, *, world: World, kind: PlantKind, first: int, targets: Ints) -> Choice:
    """Choose as such accounts do, `first` and those after it: the artists `targets` evenly, others as camouflage."""
    cell = (slots.user - first) // kind.cell if kind.cell else np.zeros_like(slots.user)
    who, number = (cell, slots.number % kind.listed) if kind.listed else (slots.user, slots.number)
    bits = draw(stream(world.seed, "planted" + (kind.artist if kind.listed else "")), who, number)
    which = below(bits, len(targets))
    if kind.each:
        which = cell * kind.each + below(bits, kind.each)
        if kind.artists:
            which = draw(stream(world.seed, f"hired {kind.artist}"), which).astype(np.int64) >> 8
        which %= len(targets)
    artist = targets[which]
    hidden = below(bits, 1 << 16, offset=16) < kind.camouflage
    liked = draw(stream(world.seed, "hidden"), bits[hidden])
    artist[hidden] = world.catalogue.artist(liked, np.ones(len(liked), np.int64))
    track = artist * MOST_TRACKS + kind.before + below(bits, kind.tracks, offset=32)
    if kind.seconds is None:
        return artist, track, world.catalogue.length(track)
    low, high = kind.seconds
    ms = low * 1000 + below(draw(stream(world.seed, "planted length"), track), (high - low) * 1000)
    return artist, track, ms


def parse_plants(written: Mapping[str, str], *, realistic: bool) -> list[Plant]:
    """Read plants by kind, `{"bots": "1040:636"}`; `realistic` is whether people have tastes of their own.

    Raises:
        UsageError: for an unknown kind, numbers that are not written so, or a kind that needs such people.

    """
    if unknown := [kind for kind in written if kind not in KINDS]:
        message = f"nothing called {', '.join(unknown)} can be planted"
        raise UsageError(message, advice=f"Choose among: {', '.join(KINDS)}.")
    plants = [parse_plant(kind, text) for kind, text in written.items()]
    if not realistic and (alive := [kind for kind in written if KINDS[kind].life]):
        message = f"{alive[0]} can only be planted among people with tastes of their own"
        raise UsageError(message, advice="Add --population realistic.")
    return plants


def parse_plant(kind: str, text: str) -> Plant:
    """Read `1040:636` (accounts, plays a day of each) or `1040:636:50` (for 50 artists)."""
    found = WRITTEN.fullmatch(text.strip())
    numbers = [int(part) for part in found.groups() if part is not None] if found else [0]
    if min(numbers) < 1:
        message = f"--{kind} {text}: not a number of accounts and of plays a day"
        raise UsageError(
            message, advice=f"Write --{kind} 1040:636 (accounts:plays a day) or 1040:636:50 (for 50 artists)."
        )
    usual = KINDS[kind].artists or -(-numbers[0] // max(KINDS[kind].cell, 1)) * KINDS[kind].each
    return Plant(kind, numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else usual)  # noqa: PLR2004 - the third is optional


def plain(
    world: World, planted: Sequence[tuple[Plant, Ints]], *, users: int, rows: int
) -> tuple[list[Cohort], list[Mark]]:
    """Make people with `rows` plays in all, and the accounts of plants, each with the artists they play, after them."""
    cohorts, marks = [make_people(world, users, rows=rows)], []
    for plant, targets in planted:
        kind, total = KINDS[plant.kind], np.full(plant.accounts, plant.plays * world.calendar.days, dtype=np.int64)
        choose = partial(by_order, world=world, kind=kind, first=users, targets=targets)
        cohorts.append(Cohort(world, users, total, kind.hours, kind.sitting, choose))
        marks.append(plant.mark(cohorts[-1].account))
        users += plant.accounts
    return cohorts, marks
