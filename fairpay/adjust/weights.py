"""Play weights, completion, boosts, thresholds of a policy: a stage between judging a batch and taking it in.

Every factor is a fraction. All amounts are multiplied by the common denominator of all factors, so that each product is
a whole number, and rules, which divide by sums, pay the same for multiples. What reaches zero leaves for a counted
reason; its subscribers' money stays in the pool.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import prod
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.adjust.factors import BETWEEN, ENDED, ESCAPED, LENGTH, Factor, Finish, paired, places
from fairpay.errors import InputError
from fairpay.logs.schema import Listens, RawBatch
from fairpay.money.counts import counted
from fairpay.money.currency import LARGEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.adjust.policy import Boost, Completion, Policy, Threshold, Weight, Withhold
    from fairpay.kernels.arrays import Ints

__all__ = [
    "Asked",
    "Census",
    "Touched",
    "Weigher",
    "keyed",
    "lengths_of",
    "limits",
    "units_counted",
    "wanted_roles",
]

UNFINISHED, UNKNOWN = "not played to the end", "not known whether played to the end"
"""The lines of completion."""


@dataclass(frozen=True, slots=True)
class Census:
    """Streams and listeners of every artist or track, counted on qualified plays before any weight."""

    ids: pa.Array
    """large_string[units]."""
    streams: Ints
    """int64[units]."""
    listeners: Ints
    """int64[units]."""

    def reaching(self, limit: Boost | Threshold) -> pa.Array:
        """Return the ids that reach both numbers."""
        return self.ids.filter(pa.array((self.streams >= limit.streams) & (self.listeners >= limit.listeners)))


@dataclass(frozen=True, slots=True)
class Touched:
    """What one line of a policy did in a pool."""

    name: str
    times: Fraction
    """The factor; 0 for a threshold that was missed."""
    rows: int
    """Qualified rows it met, as long as it asks."""
    plays: int
    """Their plays."""
    applied: bool
    """False where neither the log nor the artist file has the column it needs."""
    asked: Asked | None = None
    """Of a boost or a threshold: what it asks for."""
    withheld: Fraction | None = None
    """What share it withholds of what the plays it met earn; None: it does not."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a boost or a threshold asks for, and what there is of it."""

    limit: Boost | Threshold
    unit: str
    """By what it counted: `artist` or `track`."""
    census: Census

    def of(self, artists: Sequence[str]) -> list[tuple[str, int, int]]:
        """Return some artists, or their tracks, each with its streams and listeners: those with most first."""
        ids, track = self.census.ids, self.unit == "track"
        owners = pc.list_element(pc.split_pattern(ids, BETWEEN, max_splits=1), 0) if track else ids
        wanted = [artist.replace(*ESCAPED) if track else artist for artist in artists]
        at = np.flatnonzero(pc.is_in(owners, pa.array(wanted, owners.type)).to_numpy(zero_copy_only=False))
        names = [name.rpartition(BETWEEN)[2] for name in ids.take(pa.array(at)).to_pylist()]
        found = zip(names, self.census.streams[at].tolist(), self.census.listeners[at].tolist(), strict=True)
        return sorted(found, key=lambda one: (-one[1], -one[2], one[0]))


def wanted_roles(policy: Policy) -> tuple[str, ...]:
    """Return the columns of a log that a policy can use, beside those that money needs."""
    roles: list[str] = [weight.column for weight in policy.weights]
    roles += [one.column for one in policy.withhold]
    roles += [] if policy.completion is None else [ENDED, LENGTH]
    roles += [limit.per for limit in limits(policy) if limit.per == "track"]
    return tuple(dict.fromkeys(roles))


def lengths_of(policy: Policy) -> Policy:
    """Return the policy's weights that ask for a length, alone: what decides which plays are streams at all."""
    weights = tuple(w for w in policy.weights if w.min_seconds)
    return replace(policy, weights=weights, completion=None, boosts=(), thresholds=(), withhold=())


def limits(policy: Policy) -> list[Boost | Threshold]:
    """Return every line of a policy that counts streams and listeners."""
    return [*policy.boosts, *policy.thresholds]


def units_counted(policy: Policy, columns: Mapping[str, Any]) -> tuple[str, ...]:
    """Return by what the log must be counted first: `artist`, `track`, both or nothing; artists for want of tracks."""
    per = {limit.per for limit in limits(policy)}
    return tuple(sorted({unit if unit in columns else "artist" for unit in per}))


def keyed(listens: Listens, raw: RawBatch, unit: str) -> Listens:
    """Put tracks in the place of artists, to count streams and listeners by track; plays without one are out."""
    if unit == "artist":
        return listens
    track = paired(listens.artist, raw.columns["track"])
    known = track.is_valid().to_numpy(zero_copy_only=False)
    return replace(listens, artist=track, used=listens.used & known)


@dataclass
class Weigher:
    """Applies a policy to batches, from any number of threads, and counts what each of its lines touched by pool."""

    policy: Policy
    census: Mapping[str, Mapping[int, Census]] = field(default_factory=dict)
    """`artist` or `track` -> pool -> what was counted there, for each unit that `units_counted` names."""
    columns: frozenset[str] = frozenset()
    """Roles the log has."""
    table: Mapping[str, tuple[pa.Array, pa.Array]] = field(default_factory=dict)
    """column -> (artist ids, values) of the artist file, for columns the log lacks."""
    pools: tuple[int, ...] = (0,)
    """The codes of the pools that have the policy."""

    def __post_init__(self) -> None:
        """Resolve every line of the policy against the log, the artist file and the census."""
        self.lines: list[tuple[str, Fraction, bool]] = []
        self.factors: list[Factor | Finish] = []
        self.unknown_line: int | None = None
        """The line of plays of which nobody knows whether they went to the end."""
        for weight in self.policy.weights:
            self.add_weight(weight)
        if self.policy.completion is not None:
            self.add_completion(self.policy.completion)
        self.first_limit = len(self.lines)
        for boost in self.policy.boosts:
            self.add_limit(boost, boost.times)
        for threshold in self.policy.thresholds:
            self.add_limit(threshold, None)
        for one in self.policy.withhold:
            self.add_withholding(one)
        self.base = prod(factor.down for factor in self.factors)
        self.place = np.full(max(self.pools, default=0) + 1, -1, dtype=np.int64)
        self.place[list(self.pools)] = np.arange(len(self.pools))
        self.rows = np.zeros((len(self.lines), len(self.pools)), dtype=np.int64)
        self.plays = np.zeros((len(self.lines), len(self.pools)), dtype=np.int64)
        self.total = 0
        self.lock = Lock()

    def add_weight(self, weight: Weight) -> None:
        """Look a weight's values up in the log's column, else in the artist file's."""
        factor = self.holding(weight, weight.times, int(weight.min_seconds * 1000))
        self.factors += [] if factor is None else [factor]
        self.lines.append((weight.name, weight.times, factor is not None))

    def holding(self, said: Weight | Withhold, times: Fraction, least: int = 0) -> Factor | None:
        """What meets rows whose column holds a value; None where neither the log nor the artist file has the column."""
        line, values = len(self.lines), pa.array(said.values, pa.large_string())
        up, down = times.numerator, times.denominator
        if said.column in self.columns:
            return Factor(line, up, down, said.column, values, lower=True, least_ms=least)
        if said.column not in self.table:
            return None
        ids, held = self.table[said.column]
        mine = ids.filter(pa.array(places(held, values, lower=True) >= 0))
        return Factor(line, up, down, "artist", mine.cast(pa.large_string()), least_ms=least)

    def add_withholding(self, said: Withhold) -> None:
        """Look up whose earnings are partly withheld; these plays weigh what they weigh.

        Raises:
            InputError: nothing says which plays these are.

        """
        factor = self.holding(said, Fraction(1))
        if factor is None:
            message = (
                f"the policy withholds of what plays of {said.name} earn, by a column {said.column} that is not there"
            )
            advice = f"Name it with --columns {said.column}=NAME, or take [[withhold]] out of the policy."
            raise InputError(message, advice=advice)
        self.factors.append(factor)
        self.lines.append((said.name, Fraction(1), True))

    def add_completion(self, said: Completion) -> None:
        """Add the two lines of completion.

        Raises:
            InputError: the log says of no play whether it went to the end.

        """
        timed = LENGTH in self.columns and not self.columns.isdisjoint({"ms", "seconds"})
        if ENDED not in self.columns and not timed:
            lacking = f"no column {ENDED}, and no {LENGTH} beside a duration"
            message = f"the policy weighs plays by whether they went to the end, and the log does not say: {lacking}"
            advice = f"Name it with --columns {ENDED}=NAME or {LENGTH}=NAME, or take [completion] out of the policy."
            raise InputError(message, advice=advice)
        times = 1 - said.delta
        self.factors.append(Finish(len(self.lines), times.numerator, times.denominator, said))
        self.unknown_line = len(self.lines) + 1
        self.factors.append(Finish(self.unknown_line, 1, 1, said, unknown=True))
        self.lines += [(UNFINISHED, times, True), (UNKNOWN, Fraction(1), True)]

    def unknown(self) -> int:
        """How many plays of all pools are weighed whole because nobody knows whether they went to the end."""
        return 0 if self.unknown_line is None else int(self.plays[self.unknown_line].sum())

    def add_limit(self, limit: Boost | Threshold, times: Fraction | None) -> None:
        """Look up who reaches a boost's or a threshold's numbers, in each pool."""
        unit = self.unit(limit)
        reaching = {code: census.reaching(limit) for code, census in sorted(self.census[unit].items())}
        every = pa.chunked_array(list(reaching.values()), pa.large_string()).combine_chunks().unique()
        own = [code * len(every) + places(ids, every) for code, ids in reaching.items()]
        keys = np.sort(np.concatenate([*own, np.zeros(0, dtype=np.int64)]))
        up, down = (0, 1) if times is None else (times.numerator, times.denominator)
        self.factors.append(Factor(len(self.lines), up, down, unit, every, misses=times is None, keys=keys))
        self.lines.append((limit.name, Fraction(0) if times is None else times, True))

    def unit(self, limit: Boost | Threshold) -> str:
        """By what a line counts: by artists, where the log has no tracks."""
        return limit.per if limit.per in self.census else "artist"

    def missed(self) -> tuple[str, ...]:
        """Say in sentences how many artists or tracks miss each threshold, in all pools."""
        said = []
        for limit in self.policy.thresholds:
            unit = self.unit(limit)
            found = self.census[unit].values()
            every = sum(len(census.ids) for census in found)
            short = every - sum(len(census.reaching(limit)) for census in found)
            said.append(f"The threshold {limit.name!r} is missed by {short:,} of {counted(every, unit)}")
        return tuple(said)

    @property
    def withholding(self) -> Sequence[Factor | Finish]:
        """The lines that withhold, in order."""
        return self.factors[len(self.factors) - len(self.policy.withhold) :]

    def rows_of(self, listens: Listens) -> Ints:
        """int64: the rows of these pools."""
        if listens.pool is None:
            return np.arange(len(listens.used), dtype=np.int64)
        known = np.append(self.place, -1)
        rows: Ints = np.flatnonzero(known[np.minimum(listens.pool, len(self.place))] >= 0)
        return rows

    def weigh(self, raw: RawBatch, listens: Listens) -> tuple[Listens, NDArray[np.bool_]]:
        """Weigh a judged batch of these pools' rows; say also which of them miss a threshold.

        Raises:
            InputError: the weighed amounts could sum to 2^62 and more.

        """
        scale = np.full(len(listens.used), 1, dtype=np.int64)
        short_of = np.zeros(len(listens.used), dtype=np.bool_)
        met = []
        for factor in self.factors:
            here = factor.meets(raw, listens)
            short = factor.too_short(listens, here)
            scale *= np.where(here, factor.up, factor.down)
            scale[short] = 0
            short_of |= here & factor.misses
            met.append(here & ~short & listens.used)
        amount = scale if listens.amount is None else product(listens.amount, scale, listens.used)
        used = listens.used & (scale > 0)
        self.count(listens, met, amount[used])
        return replace(listens, used=used, amount=amount), short_of

    def without_short(self, raw: RawBatch, listens: Listens) -> Listens:
        """Leave out plays of these pools that are shorter than a weight asks: they are no streams of anybody."""
        rows = self.rows_of(listens)
        if not len(rows):
            return listens
        part, mine = self.part(raw, listens, rows)
        used = listens.used.copy()
        for factor in self.factors:
            if factor.least_ms:
                used[rows] &= ~factor.too_short(mine, factor.meets(part, mine))
        return replace(listens, used=used)

    def part(self, raw: RawBatch, listens: Listens, rows: Ints) -> tuple[RawBatch, Listens]:
        """Take some rows of a batch, with the columns that are needed."""
        if len(rows) == len(listens.used):
            return raw, listens
        at = pa.array(rows)
        roles = dict.fromkeys(("artist", *wanted_roles(self.policy)))
        columns = {role: raw.columns[role].take(at) for role in roles if role in raw.columns}
        amount, plays, ms = (None if x is None else x[rows] for x in (listens.amount, listens.plays, listens.ms))
        mine = Listens(
            user=listens.user.slice(0, 0),
            artist=listens.artist.take(at),
            used=listens.used[rows],
            amount=amount,
            plays=plays,
            ms=ms,
            pool=None if listens.pool is None else listens.pool[rows],
        )
        return RawBatch(columns, raw.file, raw.first_row), mine

    def count(self, listens: Listens, met: Sequence[NDArray[np.bool_]], kept: Ints) -> None:
        """Count what each line touched in each pool, and what amounts come to."""
        place = np.zeros(len(listens.used), dtype=np.int64) if listens.pool is None else self.place[listens.pool]
        plays = np.ones(len(place), dtype=np.int64) if listens.plays is None else listens.plays
        added = sum(kept.tolist()) if int(kept.max(initial=0)) >= LARGEST // max(1, len(kept)) else int(kept.sum())
        with self.lock:
            for factor, here in zip(self.factors, met, strict=True):
                self.rows[factor.line] += np.bincount(place[here], minlength=len(self.pools))
                np.add.at(self.plays[factor.line], place[here], plays[here])
            self.add(added)

    def add(self, amount: int) -> None:
        """Add to what weighed amounts come to.

        Raises:
            InputError: that is 2^62 and more.

        """
        self.total += amount
        if self.total >= LARGEST:
            refuse()

    def touched(self, pool: int = 0) -> list[Touched]:
        """What each line did in a pool."""
        at = int(self.place[pool])
        return [
            Touched(
                name,
                times,
                int(self.rows[line, at]),
                int(self.plays[line, at]),
                applied,
                self.asked(line, pool),
                self.kept_back.get(line),
            )
            for line, (name, times, applied) in enumerate(self.lines)
        ]

    @property
    def kept_back(self) -> dict[int, Fraction]:
        """Line -> the share it withholds, of those that withhold."""
        return {factor.line: one.share for one, factor in zip(self.policy.withhold, self.withholding, strict=True)}

    def asked(self, line: int, pool: int) -> Asked | None:
        """What a line asks for in a pool; None of a weight."""
        found = limits(self.policy)[line - self.first_limit :][:1] if line >= self.first_limit else []
        if not found:
            return None
        (limit,) = found
        return Asked(limit, self.unit(limit), self.census[self.unit(limit)][pool])

    def remarks(self) -> tuple[str, ...]:
        """Say in sentences what each line did, in all pools, and what could not be applied; nothing of none unknown."""
        said, columns = [], {weight.name: weight.column for weight in self.policy.weights}
        for line, plays in enumerate(self.plays.sum(axis=1).tolist()):
            name, times, applied = self.lines[line]
            if line == self.unknown_line and not plays:
                continue  # of every play it is known whether it went to the end
            if line in self.kept_back:
                part = f"{self.kept_back[line]} is withheld for the platform"
                said.append(f"{name}: of what {counted(plays, 'play earns', 'plays earn')}, {part}")
            elif not applied:
                said.append(f"{name}: skipped, no column `{columns[name]}` in the log or the artist file")
            elif times == 0:
                said.append(
                    f"{name}: {counted(plays, 'play earns', 'plays earn')} nothing, their money stays in the pool"
                )
            else:
                much = "whole" if times == 1 else f"{times} times"
                said.append(f"{name}: {counted(plays, 'play counts', 'plays count')} {much}")
        return (*said, *self.policy.notes)


def product(amount: Ints, scale: Ints, used: NDArray[np.bool_]) -> Ints:
    """Multiply where nothing can wrap."""
    if int(amount[used].max(initial=0)) * int(scale.max(initial=1)) >= LARGEST:
        refuse()
    return np.where(used, amount, 0) * scale


def refuse() -> None:
    """Refuse amounts that leave 62 bits.

    Raises:
        InputError: always.

    """
    message = "the weighed listening of the log sums to 2^62 and more, which no month can hold"
    raise InputError(message, advice="Use weights with small denominators, or look for damaged numbers in the log.")
