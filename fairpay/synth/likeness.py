"""A made-up month like a log, and how it compares with it.

What is taken from the log: how many plays and artists listeners have, in groups of ten or more, and how the two go
together; by rank of artists, how many listeners and plays they have and how heavily these listen; how unevenly
listeners spread their plays; hours, days and lengths of plays. Who played whom is dealt anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from fairpay.errors import InputError, UsageError
from fairpay.pipeline.request import Request, input_files
from fairpay.pipeline.run import run
from fairpay.pipeline.work import watching
from fairpay.reports.outcome import Control
from fairpay.rules import USUAL, find_rule
from fairpay.runs.rejects import is_same
from fairpay.settings.values import Qualifying, Reading, Running
from fairpay.synth.calendar import UNIT, Calendar, Hours
from fairpay.synth.draws import below, draw, stream
from fairpay.synth.plays import Cohort, MadeMonth, World, blocks
from fairpay.synth.survey import BINS, FINE, OCTAVE, Sets, Survey, grid, octaves

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.synth.plays import Choice, Slots
    from fairpay.synth.survey import Figure, Overlaps, Places, Profile

__all__ = ["Dealer", "Likeness"]

BEHIND = 10
"""Listeners who stand behind a figure, at least."""
LEAST = 2 * BEHIND
GROUPS = 100
"""Groups of listeners, at most."""
EVENLY = (0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0)
"""How far artists are made alike, until made-up listeners are no nearer to real ones than these are to each other."""
TOGETHER = (4, 16, 64, 256, 1024)
"""How many artists of a listener may be neighbours."""
TURNS = 100
FITS = 4
MOST = 4.0
"""Times that an artist's plays may be changed to come to the log's, or be divided by: one listener's do not show."""
LENGTHS = 1024


def unit(bits: NDArray[np.uint64]) -> Places:
    """Scale draws to numbers from 0 to below 1."""
    return (bits >> np.uint64(11)) / 2.0**53


def smoothed(values: Ints) -> Ints:
    """Return as many values, ascending, that are alike in groups of BEHIND or more: log-normal, of the same mean."""
    made = []
    for group in np.array_split(np.sort(values), min(GROUPS, len(values) // BEHIND)):
        alike = np.exp(np.log(group).std() * grid(len(group)))
        made.append(alike * group.mean() / alike.mean())
    smooth: Ints = np.maximum(np.rint(np.sort(np.concatenate(made))), 1).astype(np.int64)
    return smooth


def agreement(one: Ints, other: Ints) -> float:
    """Return how the ranks of two values go together, as the correlation of a normal distribution."""
    ranks = []
    for values in (one, other):
        _, place, count = np.unique(values, return_inverse=True, return_counts=True)
        ranks.append((np.cumsum(count) - count / 2)[place])
    alike = min(rank.std() for rank in ranks) == 0
    return 0.0 if alike else float(2 * np.sin(np.pi / 6 * np.corrcoef(ranks[0], ranks[1])[0, 1]))


def listeners_like(real: Profile, seed: int) -> tuple[Ints, Ints]:
    """Return plays, ascending, and artists of as many listeners: int64[users] each."""
    normal, together = grid(len(real.plays)), agreement(real.plays, real.artists)
    apart = normal[np.argsort(draw(stream(seed, "artists of a listener"), np.arange(len(normal))))]
    order = np.argsort(together * normal + np.sqrt(max(0.0, 1 - together**2)) * apart, kind="stable")
    plays, artists = smoothed(real.plays), np.empty(len(normal), dtype=np.int64)
    artists[order] = smoothed(real.artists)
    return plays, np.minimum(artists, plays)


def alike(real: Profile) -> Ints:
    """Number the artists; those of fewer than BEHIND listeners go with all that have as many: int64[artists].

    Where these have fewer than BEHIND together, they go with the artists before them.
    """
    ranks = np.arange(len(real.listeners))
    alone = np.where(real.listeners < BEHIND, len(ranks) + BEHIND - real.listeners, ranks)
    group = np.unique(alone, return_inverse=True)[1]
    enough = np.bincount(group, real.listeners) >= BEHIND
    found: Ints = np.maximum(np.cumsum(enough) - 1, 0)[group]
    return found


def deal(real: Profile, size: Ints, seed: int, *, evenly: float, together: int) -> Sets:
    """Deal artists out to listeners, as many as each has; some may get one twice, see `mend`.

    Listeners, and artists by how heavily theirs listen, are put in order and cut into groups: `evenly`, from 0 to 1,
    makes artists alike in this and in how many listeners they have. In a group artists have places on a circle, and so
    have `together` artists of a listener at a time: neighbours meet.
    """
    users, slots = len(size), int(size.sum())
    listeners = np.cumsum((1 - evenly) * real.listeners + evenly * real.listeners.mean())
    taken = np.searchsorted(listeners, (np.arange(slots) + 0.5) * (listeners[-1] / slots), side="right")
    audience = -np.sort(-np.bincount(taken))
    artist = np.repeat(np.arange(len(audience)), audience)
    group = alike(real)
    heavy = np.bincount(group, real.heavy) / FINE / (np.bincount(group, real.listeners) + BEHIND)
    heavy = (1 - evenly) * heavy[group[artist]]
    aside = grid(slots)[np.argsort(draw(stream(seed, "heaviness"), np.arange(slots)))]
    order = np.argsort(heavy + np.sqrt(max(0.0, 1 - heavy.var())) * aside, kind="stable")
    sets = Sets(np.append(0, np.cumsum(size)), artist)
    groups = min(GROUPS, users // BEHIND)
    of_slot = sets.owner * groups // users
    of_place = np.empty(slots, dtype=np.int64)
    of_place[order] = of_slot
    number = np.arange(slots) - (np.cumsum(audience) - audience)[artist]
    width = np.minimum(1.0, audience / users)[artist]
    around = (number + unit(draw(stream(seed, "aside"), np.arange(slots)))) / audience[artist]
    at = (unit(draw(stream(seed, "place"), artist)) + width * around) % 1
    handful = (np.arange(slots) - sets.start[sets.owner]) // together
    taste = draw(stream(seed, "taste"), sets.owner, handful)
    dealt = np.empty(slots, dtype=np.int64)
    dealt[np.lexsort((taste, of_slot))] = artist[np.lexsort((at, of_place))]
    return Sets(sets.start, dealt)


def mend(sets: Sets, own: NDArray[np.uint64], seed: int) -> tuple[Sets, Ints, int]:
    """Exchange artists between listeners until no set has one twice and none is among `own`, hashes of real sets.

    Returns the sets, whose they are (a listener whose set stays wrong is left out), and how many had a real one's.

    Raises:
        InputError: nobody is left.

    """
    users, owner, artist = np.arange(len(sets.size)), sets.owner, sets.artist
    redrawn: set[int] = set()
    for turn in range(TURNS):
        at = sets.entries(users)
        copies = users[np.isin(sets.of(users).keys(), own)]
        redrawn.update(copies.tolist())
        entry = draw(stream(seed, f"copy {turn}"), copies) % sets.size[copies].astype(np.uint64)
        twice = doubled(owner, artist, at)
        wrong = np.unique(np.append(twice, sets.start[copies] + entry.astype(np.int64)))
        if not len(wrong):
            break
        other = (draw(stream(seed, f"other {turn}"), wrong) % np.uint64(len(artist))).astype(np.int64)
        first = np.unique(other, return_index=True)[1]
        first = first[~np.isin(other[first], wrong)]
        mine, theirs = wrong[first], other[first]
        artist[mine], artist[theirs] = artist[theirs], artist[mine]
        users = np.unique(owner[np.append(wrong, theirs)])
    keep = np.delete(np.arange(len(owner)), doubled(owner, artist, np.arange(len(owner))))
    left = Sets(np.append(0, np.cumsum(np.bincount(owner[keep]))), artist[keep])
    kept = np.flatnonzero(~np.isin(left.keys(), own))
    if not len(kept):
        message = "whatever is dealt, every listener has the set of artists of a real one"
        raise InputError(message, advice="Give a log of more listeners, or of more artists.")
    return left.of(kept), kept, len(redrawn)


def doubled(owner: Ints, artist: Ints, at: Ints) -> Ints:
    """Return those of some entries whose artist another of the same listener has."""
    key = owner[at] * (int(artist.max()) + 1) + artist[at]
    order = np.argsort(key, kind="stable")
    found: Ints = at[order[1:]][key[order[1:]] == key[order[:-1]]]
    return found


def plays_like(real: Profile, sets: Sets, plays: Ints, seed: int) -> Ints:
    """Divide each listener's plays among the artists, one at least each: int64[entries].

    Listeners spread theirs as unevenly as real ones of the same mean plays per artist do, and artists come to about the
    plays of those of their rank.
    """
    owner, last = sets.owner, sets.start[1:] - 1
    spread = np.where(real.users_of[:, None] >= BEHIND, real.spread, real.spread.sum(axis=0))
    most = real.most[-BEHIND]
    spread[:, most] += spread[:, most + 1 :].sum(axis=1)
    spread[:, most + 1 :] = 0
    before = np.cumsum(spread, axis=1)
    bits = draw(stream(seed, "plays of an artist"), owner, sets.artist)
    octave = octaves(plays, sets.size)
    bins = np.empty(len(owner), dtype=np.int64)
    for one in np.unique(octave):
        mine = octave[owner] == one
        bins[mine] = np.searchsorted(before[one], unit(bits[mine]) * before[one, -1], side="right")
    drawn = np.exp2((bins - BINS // 2 + unit(bits << np.uint64(32)) - 0.5) / OCTAVE) * (plays / sets.size)[owner]
    group = alike(real)
    wanted = np.exp2(np.rint(np.log2(np.bincount(group, real.artist_plays)) * 4) / 4)
    group, factor = group[sets.artist], np.ones(len(wanted))
    for _ in range(FITS):
        more = np.maximum(drawn * factor[group] - 1, 1e-6)
        part = more / np.add.reduceat(more, sets.start[:-1])[owner]
        came = np.bincount(group, 1 + part * (plays - sets.size)[owner], minlength=len(wanted))
        factor = np.clip(factor * wanted / np.maximum(came, 1), 1 / MOST, MOST)
    until = np.cumsum(part)
    passed = np.floor((until - (until - part)[sets.start[owner]]) * (plays - sets.size)[owner] + 1e-9).astype(np.int64)
    passed[last] = plays - sets.size
    return 1 + passed - np.where(np.arange(len(owner)) == sets.start[owner], 0, np.roll(passed, 1))


def in_parts(counts: Ints, whole: int) -> tuple[int, ...]:
    """Round counts to whole parts of `whole`; evenly where there are none."""
    until = np.cumsum(counts if counts.any() else np.ones_like(counts))
    return tuple(np.diff(np.rint(until * (whole / until[-1])).astype(np.int64), prepend=0).tolist())


@dataclass(frozen=True)
class DealtMonth(MadeMonth):
    """A month of one cohort; where neither times nor lengths are known it has a row for each artist of a listener."""

    sets: Sets = field(kw_only=True)
    counts: Ints = field(kw_only=True)
    """int64[entries]: plays."""
    told: bool = field(kw_only=True)
    """Whether every play is a row."""

    @classmethod
    def like(cls, real: Profile, sets: Sets, counts: Ints, *, month: str, seed: int) -> DealtMonth:
        """Put it together: days, hours and lengths of plays are those of the log."""
        total = np.add.reduceat(counts, sets.start[:-1])
        world = World.of(month, rows=int(total.sum()), artists=int(sets.artist.max()) + 1, seed=seed)
        week = real.hours.reshape(7, 24)
        world = replace(world, calendar=replace(world.calendar, weekday=in_parts(week.sum(axis=1), 7 * 100)))
        until, step = np.cumsum(counts), np.maximum(np.rint(total * 0.618).astype(np.int64), 1)
        while (common := np.gcd(step, total) > 1).any():
            step[common] += 1
        passed = np.cumsum(real.seconds)
        lengths = np.searchsorted(passed, (np.arange(LENGTHS) + 0.5) / LENGTHS * passed[-1], side="right")

        def choose(slots: Slots) -> Choice:
            place = (until - counts)[sets.start[slots.user]] + slots.number * step[slots.user] % total[slots.user]
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
            yield pl.DataFrame({"user": self.sets.owner[at], "artist": self.sets.artist[at], "plays": self.counts[at]})


@dataclass(slots=True)
class Dealer:
    """Deals a month like a log while the log's plays are still held."""

    name: str
    """The month's."""
    seed: int
    month: DealtMonth = field(init=False)
    real: Profile = field(init=False)
    checks: tuple[Control, ...] = ()

    @classmethod
    def of(cls, options: Mapping[str, Any], outputs: Sequence[Path]) -> Dealer:
        """Read a log as every run does, and deal a month like it, for files that are to be made.

        Raises:
            FairpayError: what reading meets; too few listeners; a file of the log would be written over.

        """
        dealer = cls(options["month"], options["seed"])
        Calendar.of(dealer.name, parts=1)
        request = request_of(options["like"], Reading.of({**options, "format": None}), options)
        if over := [one for one in outputs if any(is_same(one, log.path) for log in input_files(request))]:
            message = f"{over[0]} is a file of the log itself"
            raise UsageError(message, advice="Choose another name for the made-up month.")
        run(request, watching(options), observer=Survey(dealer.deal))
        return dealer

    @property
    def columns(self) -> tuple[str, ...]:
        """What the month's log holds: as much as is known of the real one."""
        timed, long = self.real.hours.any(), self.real.seconds.any()
        found = {"ts": timed, "user_id": True, "artist_id": True, "ms_played": long, "plays": not self.month.told}
        return tuple(name for name, there in found.items() if there)

    def deal(self, real: Profile, overlaps: Overlaps) -> None:
        """Deal until nobody is a copy, and made-up listeners are no nearer to real ones than these to one another.

        Raises:
            InputError: too few listeners, or it does not come to that.

        """
        if len(real.plays) < LEAST:
            message = f"the log has {len(real.plays):,} listeners: figures of so few show what one of them did"
            raise InputError(message, advice=f"Give a log of {LEAST} listeners or more.")
        self.real = real
        plays, size = listeners_like(real, self.seed)

        def tried(evenly: float, together: int) -> Deck:
            return Deck.of(real, overlaps, deal(real, size, self.seed, evenly=evenly, together=together), self.seed)

        loose = next(((part, deck) for part in EVENLY if (deck := tried(part, 1)).no_nearer), None)
        if loose is None:
            message = "no month came out whose listeners are no nearer to the log's than these are to each other"
            raise InputError(message, advice="Try another --seed, or a log of more listeners.")
        evenly, best = loose
        for together in TOGETHER:
            deck = tried(evenly, together)
            if deck.no_nearer and deck.too_loose < best.too_loose:
                best = deck
        counts = plays_like(real, best.sets, np.maximum(plays[best.kept], best.sets.size), self.seed)
        self.month = DealtMonth.like(real, best.sets, counts, month=self.name, seed=self.seed)
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
class Deck:
    """Who has whom after a deal, mended, and how near that comes to real listeners."""

    real: Profile
    own: NDArray[np.uint64]
    """Hashes of the sets that fewer than BEHIND real listeners have."""
    sets: Sets
    kept: Ints
    """int64[users]: which of the listeners they are; the others could not be made without copying."""
    left_out: int
    redrawn: int
    near: Places
    """float64[compared]: overlap with the nearest real listener, ascending."""
    too_loose: float
    """By how much the overlap with the nearest made-up listener is off that of the log, in the median."""

    @classmethod
    def of(cls, real: Profile, overlaps: Overlaps, sets: Sets, seed: int) -> Deck:
        """Mend what was dealt, and compare."""
        keys, count = np.unique(real.keys, return_counts=True)
        own, users = keys[count < BEHIND], len(sets.size)
        sets, kept, redrawn = mend(sets, own, seed)
        order = np.argsort(draw(stream(seed, "compared"), np.arange(len(kept))), kind="stable")
        some = sets.of(order[: len(real.near)])
        among = some.overlaps(lambda look: [look(sets)], len(real.listeners), among=True)
        return cls(
            real=real,
            own=own,
            sets=sets,
            kept=kept,
            left_out=users - len(kept),
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
        keys, real = self.sets.keys(), self.real.near
        copies = int(np.isin(keys, self.own).sum())
        shared = int(np.isin(keys, self.real.keys).sum()) - copies
        sets = (
            f"{copies:,} made-up listeners have the set of artists of a real one; {self.redrawn:,} had it and were "
            f"redrawn, {self.left_out:,} are left out; {shared:,} have a set that {BEHIND} or more real listeners share"
        )
        told = ", ".join(
            f"{name} {of(self.near):.3f} ({of(real):.3f})"
            for name, of in (("mean", np.mean), ("median", np.median), ("95 %", p95), ("largest", np.max))
        )
        who = "all made-up listeners" if len(real) == len(self.real.plays) else f"{len(real):,} made-up listeners"
        near = f"overlap of {who} with the nearest real one, and of real ones with the nearest other: {told}"
        return (Control("copies", copies == 0, sets), Control("nearness", self.no_nearer, near))


def p95(values: Places) -> float:
    """Return what 95 percent do not exceed."""
    return float(np.quantile(values, 0.95))


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
