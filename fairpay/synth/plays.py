"""The plays of a made-up month, in batches by user or by time; the same plays however they are batched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import polars as pl

from fairpay.synth.calendar import Calendar
from fairpay.synth.catalogue import Catalogue
from fairpay.synth.draws import draw, stream

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fairpay.synth.calendar import Hours

__all__ = ["Choice", "Cohort", "MadeMonth", "Slots", "World"]

PAUSE_MS = 4_000
WINDOW_ROWS = 3_000_000
LEAST_DAYS = 28
BATCH_ROWS = 2_000_000
BATCH_USERS = 50_000


@dataclass(frozen=True)
class World:
    """What everybody shares: the month and what can be played."""

    calendar: Calendar
    catalogue: Catalogue
    seed: int

    @classmethod
    def of(cls, month: str, *, rows: int, artists: int, seed: int) -> World:
        """Make a month for about so many plays.

        Raises:
            UsageError: when `month` is not a month.

        """
        parts = next((p for p in (1, 2, 4, 8) if rows <= WINDOW_ROWS * LEAST_DAYS * p), 24)
        return cls(Calendar.of(month, parts=parts), Catalogue.of(artists, seed=seed), seed)


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


class Chooser(Protocol):
    """Decides what is played."""

    def __call__(self, slots: Slots) -> Choice:
        """Choose an artist, a track and a time heard for each slot."""


@dataclass(frozen=True)
class Cohort:
    """Users who choose alike. Arrays are by user, from the cohort's first user on."""

    world: World
    first: int
    """Index of the first user."""
    total: NDArray[np.int64]
    """int64[users]: plays in the month."""
    late: NDArray[np.int64]
    """int64[users]: by how many hours the user's day is late, 0 to 23."""
    phase: NDArray[np.uint64]
    """uint64[users]: a draw."""
    hours: Hours
    sitting: int
    """One play in so many begins a new sitting; the others follow the play before."""
    choose: Chooser

    @classmethod
    def of(  # noqa: PLR0913 - told apart by name
        cls,
        world: World,
        total: NDArray[np.int64],
        *,
        first: int,
        hours: Hours,
        sitting: int,
        choose: Chooser,
        late: NDArray[np.int64] | None = None,
    ) -> Cohort:
        """Draw the phase of each user; nobody's day is late where it is not said."""
        phase = draw(stream(world.seed, "phase"), np.arange(len(total)) + first)
        late = np.zeros(len(total), dtype=np.int64) if late is None else late
        return cls(world, first, total, late, phase, hours, sitting, choose)


@dataclass(frozen=True)
class MadeMonth:
    """Everybody who listens, and when."""

    cohorts: tuple[Cohort, ...]
    """The users of each come after those before."""
    planted: tuple[str, ...] = ()
    """Names of the artists who come after the catalogue's."""

    @property
    def catalogue(self) -> Catalogue:
        """What can be played, but for the planted artists."""
        return self.cohorts[0].world.catalogue

    @property
    def artists(self) -> int:
        """Artists in all, the planted ones among them."""
        return self.catalogue.artists + len(self.planted)

    @property
    def rows(self) -> int:
        """Plays in all."""
        return sum(int(cohort.total.sum()) for cohort in self.cohorts)

    @property
    def users(self) -> int:
        """Users in all, those without a play among them."""
        return sum(len(cohort.total) for cohort in self.cohorts)

    def by_user(self) -> Iterator[pl.DataFrame]:
        """Make the month user by user, each user's plays in order of time; columns as in `make_plays`."""
        for cohort in self.cohorts:
            for users in blocks(cohort.total):
                plays = make_plays(cohort, users, range(cohort.world.calendar.windows))
                yield plays.sort(pl.col("user") * 2**33 + pl.col("second"), maintain_order=True)

    def by_time(self) -> Iterator[pl.DataFrame]:
        """Make the month window by window, everybody's plays in order of time."""
        everybody = [np.arange(len(cohort.total)) for cohort in self.cohorts]
        for window in range(self.cohorts[0].world.calendar.windows):
            span = range(window, window + 1)
            plays = [make_plays(cohort, users, span) for cohort, users in zip(self.cohorts, everybody, strict=True)]
            yield pl.concat(plays).sort("second", maintain_order=True)


def blocks(total: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Cut users into blocks of about BATCH_ROWS plays and at most BATCH_USERS users."""
    until = np.cumsum(total)
    begin = 0
    while begin < len(total):
        before = int(until[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(until, before + BATCH_ROWS, side="right")))
        end = min(end, begin + BATCH_USERS)
        yield np.arange(begin, min(end, len(total)))
        begin = end


def make_plays(cohort: Cohort, users: NDArray[np.int64], windows: range) -> pl.DataFrame:
    """Make the plays of some users (numbers within the cohort) in some windows, in no special order.

    Columns, int64: `user`, `artist` (-1 for a podcast), `track`, `ms`, and `second`, when the play ended, since 1970.
    """
    edges = np.arange(windows.start, windows.stop + 1)
    before = cohort.world.calendar.plays_before(
        edges, total=cohort.total[users], phase=cohort.phase[users], shift=cohort.late[users], hours=cohort.hours
    )
    slots = make_slots(before, users=users, first_window=windows.start)
    shift = cohort.late[slots.user]
    slots = Slots(slots.user + cohort.first, slots.number, slots.window)
    choice = cohort.choose(slots)
    second = ends(cohort, slots, ms=choice.ms, shift=shift)
    return pl.DataFrame(
        {"user": slots.user, "artist": choice.artist, "track": choice.track, "ms": choice.ms, "second": second}
    )


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


def ends(cohort: Cohort, slots: Slots, *, ms: NDArray[np.int64], shift: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place the plays in time: sittings begin by the user's hours, plays follow one another within a sitting."""
    bits = draw(stream(cohort.world.seed, "sitting"), slots.user, slots.number)
    begins = (bits >> np.uint64(40)) % np.uint64(cohort.sitting) == 0
    begins[:1] = True
    begins[1:] |= (slots.user[1:] != slots.user[:-1]) | (slots.window[1:] != slots.window[:-1])
    at = np.flatnonzero(begins)
    starts = cohort.world.calendar.moments(bits[at], window=slots.window[at], shift=shift[at], hours=cohort.hours)
    elapsed = np.cumsum(ms + PAUSE_MS)
    sitting = np.cumsum(begins) - 1
    moment = (starts - elapsed[at] + ms[at])[sitting] + elapsed
    return (cohort.world.calendar.start_ms + cohort.world.calendar.wrap(moment, slots.window)) // 1000
