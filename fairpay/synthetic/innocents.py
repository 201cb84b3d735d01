"""Innocent accounts that look odd: shops, sleepers, superfans and families. Who looks for fakes must leave them be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.synthetic.calendar import PEOPLE, Hours
from fairpay.synthetic.draws import below, draw, stream
from fairpay.synthetic.plays import Choice, Crowd, Slots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.synthetic.calendar import Calendar
    from fairpay.synthetic.catalogue import Catalogue

__all__ = ["INNOCENTS", "make_innocents"]

OPEN = Hours((0,) * 8 + (73,) * 12 + (74,) * 2 + (0,) * 2)
NIGHTS = Hours((100,) * 6 + (56,) + (12,) * 13 + (8, 24, 80, 100))


@dataclass(frozen=True, kw_only=True)
class Innocent:
    """A way of listening that is odd and in order."""

    what: str
    """In words."""
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
        what="a shop with background music, open from eight to ten", hours=OPEN, plays=230, own=300, even=True,
        sitting=15,
    ),
    "sleepers": Innocent(
        what="someone who sleeps to white noise and listens to music by day", hours=NIGHTS, plays=110, own=20,
        devoted=40_000, tracks=2, seconds=480, sitting=60,
    ),
    "superfans": Innocent(
        what="a fan who plays little but one artist", hours=PEOPLE, plays=60, own=12, devoted=56_000,
    ),
    "families": Innocent(
        what="four people on one account", hours=PEOPLE, plays=220, own=80,
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Habit:
    """What such accounts choose."""

    kind: Innocent
    catalogue: Catalogue
    seed: int

    def __call__(self, slots: Slots) -> Choice:
        """Choose for each slot."""
        bits = draw(stream(self.seed, "habit"), slots.user, slots.number)
        limit: NDArray[np.int64] | int = self.kind.own
        own = below(bits, limit if self.kind.even else below(bits, limit, offset=16))
        devoted = below(bits, 1 << 16, offset=32) < self.kind.devoted
        own[devoted] = -1
        likes = draw(stream(self.seed, "habitual"), slots.user, own + 1)
        artist = self.catalogue.artist(likes, np.ones(len(bits), dtype=np.int64))
        track = self.catalogue.track(likes if self.kind.even else bits, artist, offset=48)
        track[devoted] = artist[devoted] * 32 + below(bits[devoted], self.kind.tracks, offset=48)
        ms = self.catalogue.length(track)
        if self.kind.seconds is not None:
            ms[devoted] = self.kind.seconds * 1000
        return Choice(artist, track, ms)


def make_innocents(  # noqa: PLR0913 - told apart by name
    kind: str, accounts: int, *, first_user: int, catalogue: Catalogue, calendar: Calendar, seed: int
) -> Crowd:
    """Make so many accounts of a kind of `INNOCENTS`; they come after all users that are there already."""
    innocent = INNOCENTS[kind]
    index = np.arange(accounts) + first_user
    about = innocent.plays * 3 // 4 + below(draw(stream(seed, kind), index), innocent.plays // 2)
    return Crowd(
        first=first_user,
        total=about * calendar.days,
        phase=draw(stream(seed, "phase"), index),
        shift=np.zeros(accounts, dtype=np.int64),
        hours=innocent.hours,
        sitting=innocent.sitting,
        calendar=calendar,
        choose=Habit(innocent, catalogue, seed),
        seed=seed,
    )
