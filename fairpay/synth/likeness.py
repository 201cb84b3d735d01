"""A made-up month like a log, and how it compares with it.

What is taken from the log: how many plays and artists listeners have, in groups of ten or more, and how the two go
together; by rank of artists, how many listeners and plays they have and how heavily these listen; how unevenly
listeners spread their plays; hours, days and lengths of plays. Who played whom is drawn anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from fairpay.errors import InputError, UsageError
from fairpay.pipeline.request import Request, input_files
from fairpay.pipeline.run import run
from fairpay.pipeline.work import watching
from fairpay.reports.outcome import Control
from fairpay.rules import USUAL, find_rule
from fairpay.runs.outputs import is_same
from fairpay.settings.values import Qualifying, Reading, Running
from fairpay.synth.assignment import BEHIND, assign, listeners_like, plays_like, repair
from fairpay.synth.calendar import UNIT, Calendar, Hours
from fairpay.synth.draws import below, draw, stream
from fairpay.synth.plays import Cohort, MadeMonth, World, blocks
from fairpay.synth.survey import Sets, Survey, quantile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.synth.plays import Choice, Slots
    from fairpay.synth.survey import Figure, Overlaps, Places, Profile

__all__ = ["Likeness", "Synthesis"]

LEAST = 2 * BEHIND
EVENLY = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.7, 1.0)
"""How far artists are made alike, until made-up listeners are no nearer to real ones than these are to each other."""
TOGETHER = (4, 16, 64, 256, 1024)
"""How many artists of a listener may be neighbours."""
LENGTHS = 1024
UNKNOWN = 200
"""Seconds of a play where the log has no lengths."""


def in_parts(counts: NDArray[Any], whole: int) -> tuple[int, ...]:
    """Round counts to whole parts of `whole`; evenly where there are none."""
    until = np.cumsum(counts if counts.any() else np.ones_like(counts))
    return tuple(np.diff(np.rint(until * (whole / until[-1])).astype(np.int64), prepend=0).tolist())


@dataclass(frozen=True)
class LikeMonth(MadeMonth):
    """A month of one cohort; where neither times nor lengths are known it has a row for each artist of a listener."""

    sets: Sets = field(kw_only=True)
    counts: Ints = field(kw_only=True)
    """int64[entries]: plays."""
    told: bool = field(kw_only=True)
    """Whether every play is a row."""

    @classmethod
    def like(cls, real: Profile, sets: Sets, counts: Ints, *, month: str, seed: int) -> LikeMonth:
        """Put it together: days, hours and lengths of plays are those of the log."""
        total = np.add.reduceat(counts, sets.start[:-1])
        world = World.of(month, rows=int(total.sum()), artists=int(sets.artist.max()) + 1, seed=seed)
        week = real.hours.reshape(7, 24)
        days = np.bincount((world.calendar.first.weekday() + np.arange(world.calendar.days)) % 7)
        world = replace(world, calendar=replace(world.calendar, weekday=in_parts(week.sum(axis=1) / days, 7 * 100)))
        until, step = np.cumsum(counts), np.maximum(np.rint(total * 0.618).astype(np.int64), 1)
        begin = (until - counts)[sets.start[:-1]]
        while (common := np.gcd(step, total) > 1).any():
            step[common] += 1
        passed = np.cumsum(real.seconds if real.seconds.any() else np.arange(len(real.seconds)) == UNKNOWN)
        lengths = np.searchsorted(passed, (np.arange(LENGTHS) + 0.5) / LENGTHS * passed[-1], side="right")

        def choose(slots: Slots) -> Choice:
            place = begin[slots.user] + slots.number * step[slots.user] % total[slots.user]
            artist = sets.artist[np.searchsorted(until, place, side="right")]
            bits = draw(stream(seed, "length of a play"), slots.user, slots.number)
            return artist, artist, lengths[below(bits, LENGTHS)] * 1000 + below(bits, 1000, offset=16)

        cohort = Cohort(world, 0, total, Hours(in_parts(week.sum(axis=0), UNIT)), sitting=9, choose=choose)
        return cls((cohort,), sets=sets, counts=counts, told=bool(real.hours.any() or real.seconds.any()))

    @property
    def rows(self) -> int:
        """Rows of the log."""
        return self.plays if self.told else len(self.counts)

    def by_user(self) -> Iterator[pl.DataFrame]:
        """Make the month user by user."""
        return super().by_user() if self.told else self.lines()

    def by_time(self) -> Iterator[pl.DataFrame]:
        """Make the month by time, where it has any."""
        return super().by_time() if self.told else self.lines()

    def lines(self) -> Iterator[pl.DataFrame]:
        """Make a row for each artist of each user."""
        for users in blocks(self.cohorts[0].total):
            at = self.sets.entries(users)
            owner = np.repeat(users, self.sets.size[users])
            yield pl.DataFrame({"user": owner, "artist": self.sets.artist[at], "plays": self.counts[at]})


@dataclass(slots=True)
class Synthesis:
    """Makes a month like a log while the log's plays are still held."""

    name: str
    """The month's."""
    seed: int
    month: LikeMonth = field(init=False)
    real: Profile = field(init=False)
    checks: tuple[Control, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any], outputs: Sequence[Path]) -> Synthesis:
        """Read a log as every run does, and make a month like it, for files that are to be made.

        Raises:
            FairpayError: what reading meets; too few listeners; a file of the log would be written over.

        """
        synthesis = cls(options["month"], options["seed"])
        Calendar.of(synthesis.name, parts=1)
        request = request_of(options["like"], Reading.of({**options, "format": None}), options)
        if over := [one for one in outputs if any(is_same(one, log.path) for log in input_files(request))]:
            message = f"{over[0]} is a file of the log itself"
            raise UsageError(message, advice="Choose another name for the made-up month.")
        run(request, watching(options), observer=Survey(synthesis.make))
        return synthesis

    @property
    def columns(self) -> tuple[str, ...]:
        """What the month's log holds: as much as is known of the real one."""
        timed, long = self.real.hours.any(), self.real.seconds.any()
        found = {"ts": timed, "user_id": True, "artist_id": True, "ms_played": long, "plays": not self.month.told}
        return tuple(name for name, there in found.items() if there)

    def make(self, real: Profile, overlaps: Overlaps) -> None:
        """Draw until nobody is a copy, and made-up listeners are no nearer to real ones than these to one another.

        Raises:
            InputError: too few listeners, or it does not come to that.

        """
        if len(real.plays) < LEAST:
            message = f"the log has {len(real.plays):,} listeners: figures of so few show what one of them did"
            raise InputError(message, advice=f"Give a log of {LEAST} listeners or more.")
        self.real = real
        plays, size = listeners_like(real, self.seed)

        def tried(evenly: float, together: int) -> Candidate:
            return Candidate.of(
                real, overlaps, *assign(real, size, self.seed, evenly=evenly, together=together), self.seed
            )

        loose = next(((part, found) for part in EVENLY if (found := tried(part, 1)).no_nearer), None)
        if loose is None:
            message = "no month came out whose listeners are no nearer to the log's than these are to each other"
            raise InputError(message, advice="Try another --seed, or a log of more listeners.")
        evenly, best = loose
        for together in TOGETHER:
            found = tried(evenly, together)
            if found.no_nearer and found.too_loose < best.too_loose:
                best = found
        counts = plays_like(real, best.sets, np.maximum(plays[best.kept], best.sets.size), self.seed)
        self.month = LikeMonth.like(real, best.sets, counts, month=self.name, seed=self.seed)
        self.checks = best.checks()

    def held_against(self, files: Sequence[Path], options: Mapping[str, Any]) -> Likeness:
        """Read the made-up files back and hold them against the log."""
        made, plain = Survey(), {**options, "since": None, "until": None}
        request = request_of([str(file) for file in files], Reading.of({"format": options["format"]}), plain)
        run(request, observer=made)
        assert made.profile is not None
        return Likeness(self.real, made.profile, self.checks)


def request_of(logs: object, reading: Reading, options: Mapping[str, Any]) -> Request:
    """Ask for a month divided by plays under the usual rules."""
    return Request(
        logs=logs,
        rules=tuple(find_rule(rule) for rule in USUAL),
        reading=reading,
        qualifying=Qualifying.of({**options, "measure": "plays"}),
        running=Running.of(options),
        roles=("time",),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Who plays whom after a draw, repaired, and how near that comes to real listeners."""

    real: Profile
    own: NDArray[np.uint64]
    """Hashes of the sets that fewer than BEHIND real listeners have."""
    sets: Sets
    kept: Ints
    """int64[users]: which of the listeners they are; the others could not be made without copying."""
    redrawn: int
    near: Places
    """float64[compared]: overlap with the nearest real listener, ascending."""
    too_loose: float
    """By how much the overlap with the nearest made-up listener is off that of the log, in the median."""

    @classmethod
    def of(cls, real: Profile, overlaps: Overlaps, sets: Sets, row: Ints, seed: int) -> Candidate:
        """Repair what was drawn, and compare."""
        keys, count = np.unique(real.keys, return_counts=True)
        own = keys[count < BEHIND]
        sets, kept, redrawn = repair(sets, row, own, seed)
        order = np.argsort(draw(stream(seed, "compared"), np.arange(len(kept))), kind="stable")
        some = sets.of(order[: len(real.near)])
        among = some.overlaps(lambda look: [look(sets)], len(real.listeners), among=True)
        return cls(
            real=real,
            own=own,
            sets=sets,
            kept=kept,
            redrawn=redrawn,
            near=np.sort(overlaps(some, False)),  # noqa: FBT003 - called by position
            too_loose=abs(float(np.median(among) - np.median(real.near))),
        )

    @property
    def no_nearer(self) -> bool:
        """Whether overlaps are no larger than among real listeners, in the mean and in the median."""
        real = self.real.near
        return all(of(self.near) <= of(real) for of in (np.mean, np.median))

    def checks(self) -> tuple[Control, ...]:
        """State what must hold, looked at once more."""
        keys, real, far = self.sets.keys(), self.real.near, partial(quantile, percent=95)
        copies = int(np.isin(keys, self.own).sum())
        shared, lost = int(np.isin(keys, self.real.keys).sum()) - copies, len(self.real.plays) - len(self.kept)
        sets = (
            f"{copies:,} made-up listeners have the set of artists of a real one; {self.redrawn:,} had it and were "
            f"redrawn, {lost:,} are left out; {shared:,} have a set that {BEHIND} or more real listeners share"
        )
        told = ", ".join(
            f"{name} {of(self.near):.3f} ({of(real):.3f})"
            for name, of in (("mean", np.mean), ("median", np.median), ("95 %", far), ("largest", np.max))
        )
        who = "all made-up listeners" if len(real) == len(self.real.plays) else f"{len(real):,} made-up listeners"
        near = f"overlap of {who} with the nearest real one, and of real ones with the nearest other: {told}"
        return (Control("copies", copies == 0, sets), Control("nearness", self.no_nearer, near))


@dataclass(frozen=True, slots=True)
class Likeness:
    """A made-up month held against the log it is like."""

    real: Profile
    made: Profile
    """As it was read back from the files that were made."""
    checks: tuple[Control, ...]

    @property
    def figures(self) -> list[tuple[str, Figure, Figure, Figure]]:
        """Name, value of the log, of the made-up month, and distance: of whole numbers as a part of the former."""
        found: list[tuple[str, Figure, Figure, Figure]] = []
        made = self.made.figures()
        for name, real in self.real.figures().items():
            other, away = made[name], None
            if real is not None and other is not None:
                away = (other - real) / (real or 1) if isinstance(real, int) else other - real
            found.append((name, real, other, away))
        weeks = [one.hours.reshape(7, 24) for one in (self.real, self.made)]
        if all(week.any() for week in weeks):
            for name, axis in (("Hours of the day", 0), ("Days of the week", 1)):
                one, two = (week.sum(axis=axis) / week.sum() for week in weeks)
                found.append((f"{name}, part that differs", None, None, float(np.abs(one - two).sum() / 2)))
        return found
