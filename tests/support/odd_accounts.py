"""Odd accounts for tests: innocents whom a search must leave be, and a click farm that hides well.

Shops, sleepers, superfans and families look odd and are in order. The accounts of the farm are each hired for a few of
many artists, so that no two look the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fairpay.synth.calendar import PEOPLE, Hours
from fairpay.synth.catalogue import MOST_TRACKS
from fairpay.synth.draws import below, draw, stream
from fairpay.synth.plays import Cohort, World

if TYPE_CHECKING:
    from fairpay.synth.plays import Choice, Slots

OPEN = Hours((0,) * 8 + (73,) * 12 + (74,) * 2 + (0,) * 2)
NIGHTS = Hours((100,) * 6 + (56,) + (12,) * 13 + (8, 24, 80, 100))


@dataclass(frozen=True, kw_only=True)
class Innocent:
    """A way of listening that is odd and in order."""

    hours: Hours
    plays: int
    """Plays a day."""
    own: int
    """Artists the account comes back to, or tracks of its playlist."""
    even: bool = False
    """Whether it plays these evenly, as on shuffle, instead of mostly the first ones."""
    devoted: int = 0
    """Of 2^16 plays, those of one artist."""
    tracks: int = 30
    """Tracks of that artist that are played."""
    seconds: int | None = None
    """How long these are; None: like music."""
    sitting: int = 12
    """One play in so many begins a new sitting."""


INNOCENTS = {
    "cafes": Innocent(
        # a shop with background music, open from eight to ten
        hours=OPEN, plays=230, own=300, even=True,
        sitting=15,
    ),
    "sleepers": Innocent(
        # someone who sleeps to white noise and listens to music by day
        hours=NIGHTS, plays=110, own=20,
        devoted=40_000, tracks=2, seconds=480, sitting=60,
    ),
    "superfans": Innocent(
        # a fan who plays little but one artist
        hours=PEOPLE, plays=60, own=12, devoted=56_000,
    ),
    "families": Innocent(
        # four people on one account
        hours=PEOPLE, plays=220, own=80,
    ),
}  # fmt: skip


def by_habit(slots: Slots, *, world: World, kind: Innocent) -> Choice:
    """Choose as such accounts do."""
    bits = draw(stream(world.seed, "habit"), slots.user, slots.number)
    own = below(bits, kind.own if kind.even else below(bits, kind.own, offset=16))
    devoted = below(bits, 1 << 16, offset=32) < kind.devoted
    own[devoted] = -1
    likes = draw(stream(world.seed, "habitual"), slots.user, own + 1)
    artist = world.catalogue.artist(likes, np.ones(len(bits), dtype=np.int64))
    track = world.catalogue.track(likes if kind.even else bits, artist, offset=48)
    track[devoted] = artist[devoted] * 32 + below(bits[devoted], kind.tracks, offset=48)
    ms = world.catalogue.length(track)
    if kind.seconds is not None:
        ms[devoted] = kind.seconds * 1000
    return artist, track, ms


def make_innocents(world: World, kind: str, accounts: int, *, first_user: int) -> Cohort:
    """Make so many accounts of a kind of `INNOCENTS`; they come after all users that are there already."""
    innocent = INNOCENTS[kind]
    drawn = draw(stream(world.seed, kind), np.arange(accounts) + first_user)
    about = innocent.plays * 3 // 4 + below(drawn, innocent.plays // 2)
    total, choose = about * world.calendar.days, partial(by_habit, world=world, kind=innocent)
    return Cohort(world, first_user, total, innocent.hours, innocent.sitting, choose)


CAMOUFLAGE = 40_000
"""Of 2^16 plays, those of artists everybody plays."""
TRACKS = 8
SECONDS = (31, 240)


def by_hire(slots: Slots, *, world: World, first: int, artists: int, each: int) -> Choice:
    """Choose as hired accounts do: each plays `each` of the `artists` who pay, who come after all others, and cover."""
    bits = draw(stream(world.seed, "hired"), slots.user, slots.number)
    which = draw(stream(world.seed, "hired for"), slots.user, below(bits, each))
    artist = first + below(which, artists)
    hidden = below(bits, 1 << 16, offset=16) < CAMOUFLAGE
    liked = draw(stream(world.seed, "hidden"), bits[hidden])
    artist[hidden] = world.catalogue.artist(liked, np.ones(len(liked), dtype=np.int64))
    track = artist * MOST_TRACKS + below(bits, TRACKS, offset=32)
    low, high = SECONDS
    ms = low * 1000 + below(draw(stream(world.seed, "hired length"), track), (high - low) * 1000)
    return artist, track, ms


def make_hired(  # noqa: PLR0913 - told apart by name
    world: World, accounts: int, plays: int, *, first_user: int, first: int, artists: int, each: int
) -> Cohort:
    """Make accounts that play so many times a day; they come after all users that are there already."""
    total = np.full(accounts, plays * world.calendar.days, dtype=np.int64)
    choose = partial(by_hire, world=world, first=first, artists=artists, each=each)
    return Cohort(world, first_user, total, PEOPLE, 8, choose)
