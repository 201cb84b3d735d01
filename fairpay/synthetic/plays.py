"""Plays of a crowd of users in some windows of the month; the same plays however users and windows are batched."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fairpay.synthetic.draws import draw, stream

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.synthetic.calendar import Calendar, Hours

__all__ = ["Choice", "Crowd", "Plays", "Slots", "join", "make_plays"]

PAUSE_MS = 4_000


@dataclass(frozen=True)
class Slots:
    """Plays before it is known what is played; those of one user and window stand together."""

    user: NDArray[np.int64]
    """int64[n]: user index."""
    number: NDArray[np.int64]
    """int64[n]: which of the user's plays of the month, from 0."""
    window: NDArray[np.int64]
    """int64[n]: window of the month."""


@dataclass(frozen=True)
class Choice:
    """What is played in each slot."""

    artist: NDArray[np.int64]
    """int64[n]: artist index; -1 for a podcast."""
    track: NDArray[np.int64]
    """int64[n]: track number."""
    ms: NDArray[np.int64]
    """int64[n]: milliseconds heard."""


@dataclass(frozen=True)
class Plays:
    """Finished plays."""

    user: NDArray[np.int64]
    artist: NDArray[np.int64]
    track: NDArray[np.int64]
    ms: NDArray[np.int64]
    second: NDArray[np.int64]
    """int64[n]: when the play ended, seconds since 1970 UTC."""

    def take(self, order: NDArray[np.int64]) -> Plays:
        """Return the plays in another order."""
        return Plays(*(getattr(self, field.name)[order] for field in fields(self)))


class Chooser(Protocol):
    """Decides what is played."""

    def __call__(self, slots: Slots) -> Choice:
        """Choose an artist, a track and a time heard for each slot."""


@dataclass(frozen=True)
class Crowd:
    """Users who choose alike. Arrays are by user, from the crowd's first user on."""

    first: int
    """Index of the first user."""
    total: NDArray[np.int64]
    """int64[users]: plays in the month."""
    phase: NDArray[np.uint64]
    """uint64[users]: a draw."""
    shift: NDArray[np.int64]
    """int64[users]: by how many hours the user's day is late, 0 to 23."""
    hours: Hours
    sitting: int
    """One play in so many begins a new sitting; the others follow the play before."""
    calendar: Calendar
    choose: Chooser
    seed: int


def make_plays(crowd: Crowd, users: NDArray[np.int64], windows: range) -> Plays:
    """Make the plays of some users of the crowd (numbers within the crowd) in some windows, in no special order."""
    edges = np.arange(windows.start, windows.stop + 1)
    before = crowd.calendar.plays_before(
        edges, total=crowd.total[users], phase=crowd.phase[users], shift=crowd.shift[users], hours=crowd.hours
    )
    slots = make_slots(before, users=users, first_window=windows.start)
    shift = crowd.shift[slots.user]
    slots = Slots(slots.user + crowd.first, slots.number, slots.window)
    choice = crowd.choose(slots)
    second = ends(crowd, slots, ms=choice.ms, shift=shift)
    return Plays(slots.user, choice.artist, choice.track, choice.ms, second)


def make_slots(before: NDArray[np.int64], *, users: NDArray[np.int64], first_window: int) -> Slots:
    """Open out counts of plays before edges, int64[users, windows + 1], to one slot a play."""
    counts = np.diff(before, axis=1)
    windows = counts.shape[1]
    counts = counts.ravel()
    start = np.cumsum(counts) - counts
    group = np.repeat(np.arange(len(counts)), counts)
    user, window = np.divmod(group, windows)
    number = (before[:, :-1].ravel() - start)[group] + np.arange(len(group))
    return Slots(users[user], number, window + first_window)


def ends(crowd: Crowd, slots: Slots, *, ms: NDArray[np.int64], shift: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place the plays in time: sittings begin by the user's hours, plays follow one another within a sitting."""
    bits = draw(stream(crowd.seed, "sitting"), slots.user, slots.number)
    begins = (bits >> np.uint64(40)) % np.uint64(crowd.sitting) == 0
    begins[:1] = True
    begins[1:] |= (slots.user[1:] != slots.user[:-1]) | (slots.window[1:] != slots.window[:-1])
    at = np.flatnonzero(begins)
    starts = crowd.calendar.moments(bits[at], window=slots.window[at], shift=shift[at], hours=crowd.hours)
    elapsed = np.cumsum(ms + PAUSE_MS)
    sitting = np.cumsum(begins) - 1
    moment = (starts - elapsed[at] + ms[at])[sitting] + elapsed
    return (crowd.calendar.start_ms + crowd.calendar.wrap(moment, slots.window)) // 1000


def join(parts: Sequence[Plays]) -> Plays:
    """Put plays one after another."""
    return Plays(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Plays)))
