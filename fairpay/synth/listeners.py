"""Who listens: ordinary people, and planted accounts, to see what a rule and an auditor make of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import UsageError
from fairpay.synth.calendar import PEOPLE
from fairpay.synth.draws import below, draw, lognormal_steps, stream
from fairpay.synth.plants import KINDS, make_plant
from fairpay.synth.plays import Cohort, MadeMonth, World

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.synth.plants import Plant
    from fairpay.synth.plays import Choice, Slots

__all__ = ["DAYS", "LATE_HOURS", "SPREAD", "STEPS", "make_month", "make_people"]

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


def make_month(  # noqa: PLR0913 - the sizes of a month are told apart by name
    rows: int, plants: Sequence[Plant], *, users: int, artists: int, seed: int, month: str
) -> MadeMonth:
    """Make people with `rows` plays in all, and add the accounts of plants on top.

    Raises:
        UsageError: when `month` is not a month, or a plant is of people with tastes.

    """
    if alive := [plant.kind for plant in plants if KINDS[plant.kind].life]:
        message = f"{alive[0]} can only be planted among people with tastes of their own"
        raise UsageError(message, advice="Add --population realistic.")
    expected = rows + sum(plant.accounts * plant.plays * DAYS for plant in plants)
    world = World.of(month, rows=expected, artists=artists, seed=seed)
    cohorts, marks = [make_people(world, users, rows=rows)], []
    for plant in plants:
        cohorts.append(make_plant(world, plant, first_user=users, first_artist=artists))
        marks.append(plant.mark(cohorts[-1].account))
        users += plant.accounts
        artists += plant.artists
    return MadeMonth(tuple(cohorts), tuple(name for plant in plants for name in plant.names), tuple(marks))
