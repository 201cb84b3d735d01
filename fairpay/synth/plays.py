"""The plays of a made-up month, in batches by user or by time; the same plays however they are batched."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import polars as pl

from fairpay.kernels.arrays import Ints
from fairpay.synth.calendar import Calendar
from fairpay.synth.catalogue import Catalogue
from fairpay.synth.draws import draw, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fairpay.synth.calendar import Hours, Rhythm

__all__ = ["Choice", "Cohort", "MadeMonth", "Mark", "Slots", "World", "blocks"]

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

    user: Ints
    """int64[n]: user index."""
    number: Ints
    """int64[n]: which of the user's plays of the month, from 0."""
    window: Ints
    """int64[n]: window of the month."""


Choice: TypeAlias = tuple[Ints, Ints, Ints]
"""What is played in each slot: artist index (-1 for a podcast), track number, milliseconds heard; int64[n] each."""


@dataclass(frozen=True)
class Cohort:
    """Users who choose alike. Arrays are by user, from the cohort's first user on."""

    world: World
    first: int
    """Index of the first user."""
    total: Ints
    """int64[users]: plays in the month."""
    hours: Hours
    sitting: int
    """One play in so many begins a new sitting; the others follow the play before."""
    choose: Callable[[Slots], Choice]
    late: Ints | int = 0
    """int64[users], or one for all: by how many hours the user's day is late, 0 to 23."""
    rhythm: Rhythm | None = None
    """Where there is one, days differ by user, and sittings follow one another; else all listen alike every day."""
    accounts: Ints | None = None
    """int64[users], ascending: whose account each plays on; None: the own, of the same index."""

    @cached_property
    def phase(self) -> NDArray[np.uint64]:
        """uint64[users]: a draw."""
        return draw(stream(self.world.seed, "phase"), np.arange(len(self.total)) + self.first)

    @cached_property
    def shift(self) -> Ints:
        """int64[users]: how late each day is."""
        return np.broadcast_to(np.asarray(self.late, dtype=np.int64), self.total.shape)

    @cached_property
    def account(self) -> Ints:
        """int64[users], ascending: whose account each plays on."""
        return np.arange(len(self.total)) + self.first if self.accounts is None else self.accounts

    def among(self, begin: int, end: int) -> Ints:
        """Number those who play on the accounts from `begin` to before `end`: int64[n]."""
        return np.arange(*np.searchsorted(self.account, (begin, end)))

    def plays(self, users: Ints, windows: range) -> pl.DataFrame:
        """Make the plays of some users (numbers within the cohort) in some windows, in no special order.

        Columns, int64: `user`, `artist` (-1 for a podcast), `track`, `ms`, and `second`, when the play ended, since
        1970.
        """
        slots = self.slots(users, windows)
        artist, track, ms = self.choose(slots)
        second = self.ends(slots, ms)
        account = self.account[slots.user - self.first]
        return pl.DataFrame({"user": account, "artist": artist, "track": track, "ms": ms, "second": second})

    def slots(self, users: Ints, windows: range) -> Slots:
        """Open out the counts of plays of some users in some windows to one slot a play."""
        calendar, days = self.world.calendar, self.world.calendar.day_weights[None, :]
        if self.rhythm is not None:
            days = self.rhythm.weights(stream(self.world.seed, "day"), users, self.first, calendar.day_weights)
        before = calendar.plays_before(
            np.arange(windows.start, windows.stop + 1),
            days=days,
            total=self.total[users],
            phase=self.phase[users],
            shift=self.shift[users],
            hours=self.hours,
        )
        counts = np.diff(before, axis=1).ravel()
        group = np.repeat(np.arange(len(counts)), counts)
        user, window = np.divmod(group, len(windows))
        number = (before[:, :-1].ravel() - np.cumsum(counts) + counts)[group] + np.arange(len(group))
        return Slots(users[user] + self.first, number, window + windows.start)

    def ends(self, slots: Slots, ms: Ints) -> Ints:
        """Say when each play ends: sittings begin by the user's hours, within one plays follow one another."""
        calendar = self.world.calendar
        bits = draw(stream(self.world.seed, "sitting"), slots.user, slots.number)
        begins = (bits >> np.uint64(40)) % np.uint64(self.sitting) == 0
        begins[:1] = True
        begins[1:] |= (slots.user[1:] != slots.user[:-1]) | (slots.window[1:] != slots.window[:-1])
        at = np.flatnonzero(begins)
        shift = self.shift[slots.user[at] - self.first]
        starts = calendar.moments(bits[at], window=slots.window[at], shift=shift, hours=self.hours)
        elapsed = np.cumsum(ms + PAUSE_MS)
        if self.rhythm is not None:
            starts = one_by_one(starts, elapsed[at] - ms[at], slots.user[at] * calendar.windows + slots.window[at])
        moment = (starts - elapsed[at] + ms[at])[np.cumsum(begins) - 1] + elapsed
        return int(calendar.first.timestamp()) + calendar.wrap(moment, slots.window) // 1000


def one_by_one(starts: Ints, before: Ints, group: Ints) -> Ints:
    """Put off sittings that would begin before the one before ended; `before` is what is heard before each, in all."""
    number = np.cumsum(np.diff(group, prepend=-1) != 0)
    order = np.lexsort((starts, number))
    heard = before - before[np.searchsorted(number, number)]
    apart = np.int64(1) << 40
    free: Ints = np.maximum.accumulate(starts[order] - heard + number * apart) - number * apart + heard
    return free


@dataclass(frozen=True)
class Mark:
    """What some accounts are."""

    kind: str
    accounts: Ints
    group: Ints
    """int64[n]: which of them belong together; -1: no others."""


@dataclass(frozen=True)
class MadeMonth:
    """Everybody who listens, and when."""

    cohorts: tuple[Cohort, ...]
    """The users of each come after those before."""
    planted: tuple[str, ...] = ()
    """Names of the artists who come after the catalogue's."""
    marks: tuple[Mark, ...] = ()
    """What accounts are, where they are not simply people; the last that is said of one holds."""

    @property
    def catalogue(self) -> Catalogue:
        """What can be played, but for the planted artists."""
        return self.cohorts[0].world.catalogue

    @property
    def artists(self) -> int:
        """Artists in all, the planted ones among them."""
        return self.catalogue.artists + len(self.planted)

    @property
    def plays(self) -> int:
        """Plays in all."""
        return sum(int(cohort.total.sum()) for cohort in self.cohorts)

    @property
    def rows(self) -> int:
        """Rows of the log: one for each play."""
        return self.plays

    @property
    def users(self) -> int:
        """Users in all, those without a play among them."""
        return max(int(cohort.account[-1]) + 1 for cohort in self.cohorts if len(cohort.total))

    def by_user(self) -> Iterator[pl.DataFrame]:
        """Make the month user by user, each user's plays in order of time; columns as in `Cohort.plays`."""
        total = np.zeros(self.users, dtype=np.int64)
        for cohort in self.cohorts:
            np.add.at(total, cohort.account, cohort.total)
        for users in blocks(total):
            plays = self.of(int(users[0]), int(users[-1]) + 1, range(self.cohorts[0].world.calendar.windows))
            yield plays.sort(pl.col("user") * 2**33 + pl.col("second"), maintain_order=True)

    def by_time(self) -> Iterator[pl.DataFrame]:
        """Make the month window by window, everybody's plays in order of time."""
        for window in range(self.cohorts[0].world.calendar.windows):
            parts = range(0, self.users, BATCH_USERS)
            plays = [self.of(begin, begin + BATCH_USERS, range(window, window + 1)) for begin in parts]
            yield pl.concat(plays).sort("second", maintain_order=True)

    def of(self, begin: int, end: int, windows: range) -> pl.DataFrame:
        """Make the plays on the accounts from `begin` to before `end` in some windows, in no special order."""
        return pl.concat([cohort.plays(cohort.among(begin, end), windows) for cohort in self.cohorts])


def blocks(total: Ints) -> Iterator[Ints]:
    """Cut users into blocks of about BATCH_ROWS plays and at most BATCH_USERS users."""
    until = np.cumsum(total)
    begin = 0
    while begin < len(total):
        before = int(until[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(until, before + BATCH_ROWS, side="right")))
        end = min(end, begin + BATCH_USERS, len(total))
        yield np.arange(begin, end)
        begin = end
