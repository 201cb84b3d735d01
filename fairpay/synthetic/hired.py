"""A click farm that hides better: each account is hired for a few of many artists, so that no two look the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.synthetic.calendar import PEOPLE
from fairpay.synthetic.catalogue import MOST_TRACKS
from fairpay.synthetic.draws import below, draw, stream
from fairpay.synthetic.plays import Choice, Crowd, Slots

if TYPE_CHECKING:
    from fairpay.synthetic.calendar import Calendar
    from fairpay.synthetic.catalogue import Catalogue

__all__ = ["Hired", "make_hired"]

CAMOUFLAGE = 40_000
"""Of 2^16 plays, those of artists everybody plays."""
TRACKS = 8
SECONDS = (31, 240)


@dataclass(frozen=True)
class Hired:
    """What such accounts choose."""

    first: int
    """Index of the first artist who pays; they come after all others."""
    artists: int
    """How many artists pay."""
    each: int
    """How many of them an account plays."""
    catalogue: Catalogue
    seed: int

    def __call__(self, slots: Slots) -> Choice:
        """Choose for each slot."""
        bits = draw(stream(self.seed, "hired"), slots.user, slots.number)
        which = draw(stream(self.seed, "hired for"), slots.user, below(bits, self.each))
        artist = self.first + below(which, self.artists)
        hidden = below(bits, 1 << 16, offset=16) < CAMOUFLAGE
        liked = draw(stream(self.seed, "hidden"), bits[hidden])
        artist[hidden] = self.catalogue.artist(liked, np.ones(len(liked), dtype=np.int64))
        track = artist * MOST_TRACKS + below(bits, TRACKS, offset=32)
        low, high = SECONDS
        ms = low * 1000 + below(draw(stream(self.seed, "hired length"), track), (high - low) * 1000)
        return Choice(artist, track, ms)


def make_hired(  # noqa: PLR0913 - told apart by name
    accounts: int, plays: int, *, first_user: int, choose: Hired, calendar: Calendar, seed: int
) -> Crowd:
    """Make accounts that play so many times a day; they come after all users that are there already."""
    index = np.arange(accounts) + first_user
    return Crowd(
        first=first_user,
        total=np.full(accounts, plays * calendar.days, dtype=np.int64),
        phase=draw(stream(seed, "phase"), index),
        shift=np.zeros(accounts, dtype=np.int64),
        hours=PEOPLE,
        sitting=8,
        calendar=calendar,
        choose=choose,
        seed=seed,
    )
