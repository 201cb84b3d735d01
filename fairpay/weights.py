"""Play weights, boosts and thresholds of a policy: a stage of its own between judging a batch and taking it in.

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

from fairpay.errors import InputError
from fairpay.integers import shorter
from fairpay.money import LARGEST
from fairpay.schema import Fate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.policy import Boost, Policy, Threshold, Weight
    from fairpay.schema import Listens, RawBatch
    from fairpay.usage import Ints

__all__ = [
    "Census",
    "Factor",
    "Touched",
    "Weigher",
    "find",
    "keyed",
    "lengths_of",
    "unit_of",
    "units_counted",
    "wanted_roles",
]

ESCAPED = ("\x1f", "\x1f\x1e")
"""What stands for a unit separator in an artist's id, so that no two pairs of artist and track are one text."""
BETWEEN = "\x1f\x1d"
"""Between artist and track."""
UNITS = ("artist", "track")


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


@dataclass(slots=True)
class Touched:
    """What one line of a policy did."""

    name: str
    times: Fraction
    """The factor; 0 for a threshold that was missed."""
    rows: int = 0
    """Qualified rows it met, as long as it asks."""
    plays: int = 0
    """Their plays."""
    applied: bool = True
    """False where neither the log nor the artist file has the column it needs."""


def wanted_roles(policy: Policy) -> tuple[str, ...]:
    """Return the columns of a log that a policy can use, beside those that money needs."""
    roles = [weight.column for weight in policy.weights]
    roles += [limit.per for limit in limits(policy) if limit.per == "track"]
    return tuple(dict.fromkeys(roles))


def lengths_of(policy: Policy) -> Policy:
    """Return the policy's weights that ask for a length, alone: what decides which plays are streams at all."""
    return replace(policy, weights=tuple(w for w in policy.weights if w.min_seconds), boosts=(), thresholds=())


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


def unit_of(raw: RawBatch, listens: Listens, unit: str) -> pa.Array:
    """Return by what rows are looked up in a census: the artist as the log has it, or artist and track together.

    A track is known by both: two artists may each have an "Intro". What a person decided to hold is looked up under its
    own artist, as it was counted.
    """
    artist = raw.columns.get("artist", listens.artist)
    return artist if unit == "artist" else paired(artist, raw.columns["track"])


def paired(artist: pa.Array, track: pa.Array) -> pa.Array:
    """One text for artist and track, another for each pair; null where either is: large_string[rows]."""
    first = pc.replace_substring(text_of(artist), *ESCAPED)
    return pc.binary_join_element_wise(first, text_of(track), pa.scalar(BETWEEN, pa.large_string()))


def text_of(column: pa.Array) -> pa.Array:
    """Ids as large_string; integers stand for their decimal text."""
    return (column.dictionary_decode() if pa.types.is_dictionary(column.type) else column).cast(pa.large_string())


@dataclass(slots=True)
class Factor:
    """One line of a policy, ready to be applied: rows it meets are multiplied by up, all others by down."""

    touched: Touched
    up: int
    down: int
    column: str
    """The role its ids or values are looked up in."""
    found: pa.Array
    """large_string: values (lower case) or ids that are met."""
    lower: bool = False
    least_ms: int = 0
    """Rows that are met and shorter count nothing."""
    misses: bool = False
    """A threshold: rows that are NOT found are met."""

    def meets(self, raw: RawBatch, listens: Listens) -> NDArray[np.bool_]:
        """Say which rows it meets."""
        column = unit_of(raw, listens, self.column) if self.column in UNITS else raw.columns[self.column]
        met: NDArray[np.bool_] = find(column, self.found, lower=self.lower) != self.misses
        return met

    def too_short(self, listens: Listens, met: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Say which of the rows it meets are shorter than it asks."""
        if not self.least_ms or listens.ms is None:
            return np.zeros(len(met), dtype=np.bool_)
        short: NDArray[np.bool_] = met & shorter(listens.ms, listens.plays, self.least_ms)
        return short


@dataclass
class Weigher:
    """Applies a policy to batches, from any number of threads, and counts what each of its lines touched."""

    policy: Policy
    census: Mapping[str, Census] = field(default_factory=dict)
    """`artist` or `track` -> what was counted, for each unit that `units_counted` names."""
    columns: frozenset[str] = frozenset()
    """Roles the log has."""
    table: Mapping[str, tuple[pa.Array, pa.Array]] = field(default_factory=dict)
    """column -> (artist ids, values) of the artist file, for columns the log lacks."""

    def __post_init__(self) -> None:
        """Resolve every line of the policy against the log, the artist file and the census."""
        self.touched: list[Touched] = []
        self.factors: list[Factor] = []
        for weight in self.policy.weights:
            self.add_weight(weight)
        for boost in self.policy.boosts:
            self.add_limit(boost, boost.times)
        for threshold in self.policy.thresholds:
            self.add_limit(threshold, None)
        self.base = prod(factor.down for factor in self.factors)
        self.dropped = {Fate.WEIGHED_OUT: 0, Fate.INELIGIBLE: 0}
        self.plays_dropped = 0
        self.total = 0
        self.lock = Lock()

    def add_weight(self, weight: Weight) -> None:
        """Look a weight's values up in the log's column, else in the artist file's."""
        touched = Touched(weight.name, weight.times)
        self.touched.append(touched)
        values = pa.array(weight.values, pa.large_string())
        up, down = weight.times.numerator, weight.times.denominator
        least = int(weight.min_seconds * 1000)
        if weight.column in self.columns:
            self.factors.append(Factor(touched, up, down, weight.column, values, lower=True, least_ms=least))
        elif weight.column in self.table:
            ids, held = self.table[weight.column]
            mine = ids.filter(pa.array(find(held, values, lower=True)))
            self.factors.append(Factor(touched, up, down, "artist", mine.cast(pa.large_string()), least_ms=least))
        else:
            touched.applied = False

    def add_limit(self, limit: Boost | Threshold, times: Fraction | None) -> None:
        """Look up who reaches a boost's or a threshold's numbers."""
        unit = limit.per if limit.per in self.census else "artist"
        ids = self.census[unit].reaching(limit)
        touched = Touched(limit.name, times if times is not None else Fraction(0))
        self.touched.append(touched)
        if times is None:
            self.factors.append(Factor(touched, 0, 1, unit, ids, misses=True))
        else:
            self.factors.append(Factor(touched, times.numerator, times.denominator, unit, ids))

    def missed(self) -> tuple[str, ...]:
        """Say in sentences how many artists or tracks miss each threshold."""
        said = []
        for limit in self.policy.thresholds:
            unit = limit.per if limit.per in self.census else "artist"
            every = len(self.census[unit].ids)
            short = every - len(self.census[unit].reaching(limit))
            said.append(f"The threshold {limit.name!r} is missed by {short:,} of {every:,} {unit}{'s' * (every != 1)}")
        return tuple(said)

    def apply(self, raw: RawBatch, listens: Listens) -> Listens:
        """Weigh a judged batch.

        Raises:
            InputError: the weighed amounts could sum to 2^62 and more.

        """
        if not raw.columns or not self.factors:
            return listens
        weighed, _ = self.weigh(raw, listens)
        return weighed

    def weigh(self, raw: RawBatch, listens: Listens) -> tuple[Listens, NDArray[np.bool_]]:
        """Weigh a judged batch that has rows, by at least one line; say also which rows miss a threshold.

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
        amount = scale if listens.amount is None else self.product(listens.amount, scale, listens.used)
        used = listens.used & (scale > 0)
        self.count(listens, used, (met, short_of, amount))
        return replace(listens, used=used, amount=amount), short_of

    def without_short(self, raw: RawBatch, listens: Listens) -> Listens:
        """Leave out plays that are shorter than a weight asks of their kind: they are no streams of anybody."""
        short = np.zeros(len(listens.used), dtype=np.bool_)
        for factor in self.factors:
            if factor.least_ms:
                short |= factor.too_short(listens, factor.meets(raw, listens))
        return replace(listens, used=listens.used & ~short) if short.any() else listens

    def product(self, amount: Ints, scale: Ints, used: NDArray[np.bool_]) -> Ints:
        """Multiply where nothing can wrap."""
        largest = int(amount[used].max(initial=0)) * int(scale.max(initial=1))
        if largest >= LARGEST:
            refuse()
        return np.where(used, amount, 0) * scale

    def count(
        self,
        listens: Listens,
        used: NDArray[np.bool_],
        met: tuple[Sequence[NDArray[np.bool_]], NDArray[np.bool_], Ints],
    ) -> None:
        """Count what each line touched and what left."""
        lines, short_of, amount = met
        plays = np.ones(len(used), dtype=np.int64) if listens.plays is None else listens.plays
        gone = listens.used & ~used
        kept = amount[used]
        added = sum(kept.tolist()) if int(kept.max(initial=0)) >= LARGEST // max(1, len(kept)) else int(kept.sum())
        with self.lock:
            for factor, here in zip(self.factors, lines, strict=True):
                factor.touched.rows += int(np.count_nonzero(here))
                factor.touched.plays += int(plays[here].sum())
            self.dropped[Fate.INELIGIBLE] += int(np.count_nonzero(gone & short_of))
            self.dropped[Fate.WEIGHED_OUT] += int(np.count_nonzero(gone & ~short_of))
            self.plays_dropped += int(plays[gone].sum())
            self.total += added
            if self.total >= LARGEST:
                refuse()

    def remarks(self) -> tuple[str, ...]:
        """Say in sentences what each line did, and what could not be applied."""
        said = []
        for touched in self.touched:
            if not touched.applied:
                said.append(f"{touched.name}: not applied, neither the log nor the artist file has the column")
            elif touched.times == 0:
                said.append(f"{touched.name}: {touched.plays:,} plays earn nothing, their money stays in the pool")
            else:
                said.append(f"{touched.name}: {touched.plays:,} plays count {touched.times} times")
        return (*said, *self.policy.notes)


def find(column: pa.Array, values: pa.Array, *, lower: bool) -> NDArray[np.bool_]:
    """Say which rows of a column hold one of the values, as text; missing ones do not."""
    if pa.types.is_dictionary(column.type):
        if not len(column.dictionary):
            return np.zeros(len(column), dtype=np.bool_)
        known = find(column.dictionary, values, lower=lower)
        at = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        rows: NDArray[np.bool_] = np.append(known, np.False_)[at]
        return rows
    text = column.cast(pa.large_string())
    found: NDArray[np.bool_] = pc.is_in(pc.utf8_lower(text) if lower else text, value_set=values).to_numpy(
        zero_copy_only=False
    )
    return found


def refuse() -> None:
    """Refuse amounts that leave 62 bits.

    Raises:
        InputError: always.

    """
    message = "the weighed listening of the log sums to 2^62 and more, which no month can hold"
    raise InputError(message, advice="Use weights with small denominators, or look for damaged numbers in the log.")
