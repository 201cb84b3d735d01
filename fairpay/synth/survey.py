"""What a log is like: its listeners, artists and hours, counted while a run divides its money; no id is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import NormalDist
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fairpay.kernels.graphs import nearest
from fairpay.qualify.columns import read_moments
from fairpay.reports.figures import gini, shift, top_share
from fairpay.synth.draws import draw, stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from fractions import Fraction

    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.month import Month, Usage

__all__ = [
    "BINS",
    "FINE",
    "OCTAVE",
    "STEPS",
    "Figure",
    "Overlaps",
    "Places",
    "Profile",
    "Sets",
    "Survey",
    "grid",
    "quantile",
]

Places: TypeAlias = NDArray[np.float64]
Figure: TypeAlias = "Fraction | float | int | None"
Overlaps: TypeAlias = "Callable[[Sets, bool], Places]"
HOUR = 3_600_000_000
WEEK, THURSDAY = 168, 72
"""Hours of a week from Monday on, and how many of them had passed when 1970 began."""
LONGEST = 7_200
"""Seconds; longer plays count as this long."""
COMPARED = 2_000
"""Listeners whose sets of artists are compared with those of everybody."""
PAIRS = 20
"""How many others each of them is compared with one by one."""
OCTAVE, BINS = 8, 385
"""Bins to a power of two, and bins, of what an artist gets of a listener against that listener's mean."""
STEPS = 1 << 12
FINE = 1 << 10
"""The unit in which listeners' places are summed."""


@dataclass(frozen=True)
class Sets:
    """The artists that some listeners played. An artist is its rank by listeners, from 0."""

    start: Ints
    """int64[users + 1]: whose entries are whose; nobody has none."""
    artist: Ints
    """int64[entries]."""

    @property
    def size(self) -> Ints:
        """int64[users]: artists of each."""
        return np.diff(self.start)

    @property
    def owner(self) -> Ints:
        """int64[entries]: whose each is."""
        return np.repeat(np.arange(len(self.start) - 1), self.size)

    def keys(self, plays: Ints | int = 0) -> NDArray[np.uint64]:
        """Hash each listener's set, whatever its order; with `plays`, int64[entries], how often each was played too."""
        return np.add.reduceat(draw(stream(0, "set"), self.artist, plays), self.start[:-1])

    def entries(self, users: Ints) -> Ints:
        """Return where the entries of some listeners are, one listener after another."""
        size = self.size[users]
        return np.arange(size.sum()) + np.repeat(self.start[users] - np.cumsum(size) + size, size)

    def of(self, users: Ints) -> Sets:
        """Return the sets of some of them."""
        return Sets(np.append(0, np.cumsum(self.size[users])), self.artist[self.entries(users)])

    def overlaps(self, each: Callable[[Callable[[Sets], Any]], Iterable[Any]], artists: int, *, among: bool) -> Places:
        """Return each one's largest overlap with anybody in the blocks of `each`; `among` whom it is itself, once."""
        order = np.argsort(self.artist, kind="stable")
        posted, query = np.searchsorted(self.artist[order], np.arange(artists + 1)), self.owner[order]
        best, same = np.zeros(len(self.size)), np.zeros(len(self.size), dtype=np.int64)

        def look(block: Sets) -> tuple[Places, Ints]:
            found = np.zeros_like(best), np.zeros_like(same)
            nearest(block.start, block.artist, posted, query, self.size, *found)
            return found

        for more, equal in each(look):
            np.maximum(best, more, out=best)
            same += equal
        return np.where(same > among, 1.0, best)

    def between(self) -> Places:
        """Return the overlaps of each with the PAIRS after it, ascending."""
        users, owner, artists = len(self.size), self.owner, int(self.artist.max()) + 1
        found = []
        for step in range(1, min(PAIRS + 1, users)):
            both = np.isin(owner * artists + self.artist, (owner - step) % users * artists + self.artist)
            shared = np.bincount(owner[both], minlength=users)
            found.append(shared / (self.size + np.roll(self.size, -step) - shared))
        return np.sort(np.concatenate(found))


@dataclass(frozen=True, kw_only=True)
class Profile:
    """What was counted. Listeners stand in the order of a hash of what they played, artists by rank."""

    outcome: Outcome
    plays: Ints
    """int64[users]."""
    artists: Ints
    """int64[users]."""
    keys: NDArray[np.uint64]
    """uint64[users]: hashes of sets of artists."""
    listeners: Ints
    """int64[artists]: descending."""
    artist_plays: Ints
    """int64[artists]."""
    heavy: Ints
    """int64[artists]: sum of its listeners' places by plays, those of a normal distribution, in units of 1 / FINE."""
    spread: Ints
    """int64[BINS]: artists of listeners by what they got against the listener's mean."""
    most: Ints
    """int64[users]: the largest bin of each, ascending."""
    compared: Sets
    """Everybody, or COMPARED of them."""
    near: Places
    """float64[compared]: overlap with the nearest other listener, ascending."""
    hours: Ints
    """int64[168]: plays by hour of the week, UTC; none where the log has no times."""
    seconds: Ints
    """int64[LONGEST + 1]: plays by length; none where the log has none."""

    def figures(self) -> dict[str, Figure]:
        """Return the figures that a made-up month is held against: counts are whole numbers, shares are not."""
        one, other = (payout.allocation.paid for payout in self.outcome.payouts)
        found: dict[str, Figure] = {"Listeners": len(self.plays), "Artists": len(self.listeners)}
        found["Plays"] = int(self.plays.sum())
        for what, values in (("Plays", np.sort(self.plays)), ("Artists", np.sort(self.artists))):
            for name, share in (("median", 50), ("90 %", 90), ("99 %", 99)):
                found[f"{what} of a listener, {name}"] = int(quantile(values, share))
        if self.seconds.any():
            until = np.cumsum(self.seconds)
            for name, share in (("median", 50), ("90 %", 90)):
                found[f"Seconds of a play, {name}"] = int(np.searchsorted(until, int(until[-1]) * share // 100))
        between = self.compared.between()
        return found | {
            "Plays of the top 1 % of artists": top_share(self.artist_plays, 1),
            "Gini of artists' plays": gini(self.artist_plays),
            "Overlap of two listeners, mean": float(between.mean()),
            "Overlap of two listeners, 99 %": quantile(between, 99),
            "Overlap with the nearest listener, median": quantile(self.near, 50),
            "Money that user-centric moves": shift(one, other).share,
            "Gini of artists' money, user-centric": gini(other),
            "McDonald's ratio": self.outcome.mcdonald,
        }


def quantile(ascending: NDArray[Any], percent: int) -> float:
    """Return the value at so many percent."""
    return float(ascending[(len(ascending) - 1) * percent // 100])


def grid(count: int) -> Places:
    """Return the middles of so many equal parts of a normal distribution, ascending; beyond STEPS the same repeat."""
    steps, normal = min(count, STEPS), NormalDist()
    return np.array([normal.inv_cdf((k + 0.5) / steps) for k in range(steps)])[np.arange(count) * steps // count]


@dataclass(slots=True)
class Survey:
    """Looks on while a month is divided by plays, and sets down what it is like."""

    then: Callable[[Profile, Overlaps], None] = lambda *_: None
    """Called with what was found and, while the plays are held, with what finds overlaps with the log's listeners."""
    profile: Profile | None = None
    hours: Ints = field(default_factory=lambda: np.zeros(WEEK, dtype=np.int64))
    seconds: Ints = field(default_factory=lambda: np.zeros(LONGEST + 1, dtype=np.int64))
    lock: Lock = field(default_factory=Lock)

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """Count hours and lengths of a batch's plays."""
        plays = np.ones(len(listens.used), dtype=np.int64) if listens.plays is None else listens.plays
        times = read_moments(raw.columns["time"]) if "time" in raw.columns else None
        with self.lock:
            if times is not None:
                at = times.usable(listens.used)
                np.add.at(self.hours, (times.value[at] // HOUR + THURSDAY) % WEEK, plays[at])
            if listens.ms is not None:
                at = listens.used & (plays > 0)
                np.add.at(self.seconds, np.minimum(listens.ms[at] // plays[at] // 1000, LONGEST), plays[at])

    def look(self, month: Month, outcome: Outcome) -> None:
        """Set down what listeners and artists are like, in a few walks."""
        order = np.lexsort((-outcome.plays, -outcome.listeners))
        rank = np.argsort(order)

        def each(look: Callable[[Sets], Any]) -> Iterable[Any]:
            return month.each(lambda usage: look(Sets(usage.start, rank[usage.artist])))

        def overlaps(sets: Sets, among: bool) -> Places:  # noqa: FBT001 - called by position
            return sets.overlaps(each, len(rank), among=among)

        users = month.each(lambda usage: users_of(usage, Sets(usage.start, rank[usage.artist])))
        rows, *columns = (np.concatenate(parts) for parts in zip(*users, strict=True))
        by_row = np.argsort(rows, kind="stable")
        plays, artists, keys, most = (column[by_row] for column in columns)
        compared = some_of(month, rank, rows[by_row[:COMPARED]])
        self.profile = Profile(
            outcome=outcome,
            plays=plays.astype(np.int64),
            artists=artists.astype(np.int64),
            keys=keys,
            listeners=outcome.listeners[order],
            artist_plays=outcome.plays[order],
            heavy=heavy(month, np.sort(plays))[order],
            spread=sum(month.each(lambda one: np.bincount(bins_of(one), minlength=BINS)), start=np.zeros(BINS, int)),
            most=np.sort(most),
            compared=compared,
            near=np.sort(overlaps(compared, True)),  # noqa: FBT003 - as above
            hours=self.hours,
            seconds=self.seconds,
        )
        self.then(self.profile, overlaps)


def bins_of(usage: Usage) -> Ints:
    """Return the bin of what the artist of each entry got against the listener's mean: int64[entries]."""
    size = np.diff(usage.start)
    against = np.log2(usage.amount * np.repeat(size / usage.total, size))
    found: Ints = np.clip(np.rint(against * OCTAVE).astype(np.int64) + BINS // 2, 0, BINS - 1)
    return found


def users_of(usage: Usage, sets: Sets) -> tuple[NDArray[Any], ...]:
    """Return of each user: a hash of who was played how often, plays, artists, a hash of the set, the largest bin."""
    most = np.maximum.reduceat(bins_of(usage), usage.start[:-1])
    return sets.keys(usage.amount), usage.plays.copy(), sets.size, sets.keys(), most


def heavy(month: Month, plays: Ints) -> Ints:
    """Sum the places of each artist's listeners among all by plays, in units of 1 / FINE; `plays` are ascending."""
    places = np.rint(grid(len(plays)) * FINE).astype(np.int64)

    def visit(usage: Usage, out: Ints) -> None:
        least, most = (np.searchsorted(plays, usage.plays, side=side) for side in ("left", "right"))
        np.add.at(out[0], usage.artist, np.repeat(places[(least + most) // 2], np.diff(usage.start)))

    found: Ints = month.gather(visit, rows=1)[0][0]
    return found


def some_of(month: Month, rank: Ints, rows: NDArray[np.uint64]) -> Sets:
    """Return the sets of those listeners whose hash is among `rows`, in their order."""

    def visit(usage: Usage) -> tuple[NDArray[np.uint64], Sets]:
        sets = Sets(usage.start, rank[usage.artist])
        keys = sets.keys(usage.amount)
        wanted = np.flatnonzero(np.isin(keys, rows))
        return keys[wanted], sets.of(wanted)

    keys, sets = zip(*month.each(visit), strict=True)
    size = np.concatenate([one.size for one in sets])
    together = Sets(np.append(0, np.cumsum(size)), np.concatenate([one.artist for one in sets]))
    return together.of(np.argsort(np.concatenate(keys), kind="stable")[: len(rows)])
