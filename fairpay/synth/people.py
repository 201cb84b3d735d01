"""Ordinary listeners: how much they listen and what they like, on which plan and in which country."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fairpay.synth.calendar import PEOPLE
from fairpay.synth.draws import below, draw, lognormal_steps, stream
from fairpay.synth.plays import Choice, Cohort, Slots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.synth.plays import World

__all__ = ["make_people"]

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


@dataclass(frozen=True)
class Taste:
    """What ordinary listeners choose: mostly the artists they keep coming back to."""

    world: World
    liking: NDArray[np.int64]
    """int64[users]: 0 light, 1 middling, 2 heavy listener."""
    favourites: NDArray[np.int64]
    """int64[users]: how many artists the user keeps coming back to."""

    def __call__(self, slots: Slots) -> Choice:
        """Choose for each slot."""
        bits = draw(stream(self.world.seed, "choice"), slots.user, slots.number)
        own = below(bits, below(bits, self.favourites[slots.user], offset=16))
        elsewhere = below(bits, 1 << 16, offset=32) < ELSEWHERE
        own[elsewhere] = slots.number[elsewhere] + (1 << 32)
        likes = draw(stream(self.world.seed, "favourite"), slots.user, own)
        artist = self.world.catalogue.artist(likes, self.liking[slots.user])
        track = self.world.catalogue.track(bits, artist, offset=48)
        bits = draw(stream(self.world.seed, "heard"), slots.user, slots.number)
        ms = heard(bits, self.world.catalogue.length(track))
        podcast = below(bits, 1 << 16, offset=48) < PODCASTS
        ms[podcast] *= 6
        artist[podcast] = -1
        return Choice(artist, track, ms)


def heard(bits: NDArray[np.uint64], length: NDArray[np.int64]) -> NDArray[np.int64]:
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
    taste = Taste(
        world=world,
        liking=(activity >= LIGHT).astype(np.int64) + (activity >= HEAVY),
        favourites=6 + below(traits, lognormal_steps(STEPS, median=20, sigma=SPREAD / 2)[activity], offset=16),
    )
    late = LATE_HOURS[below(traits, len(LATE_HOURS), offset=32)]
    return Cohort.of(world, total, first=0, hours=PEOPLE, sitting=SITTING, choose=taste, late=late)
