"""Factors: which rows of a batch each line of a policy meets, and by what these are multiplied.

Also, how plays stand apart from the others of their artist: under its id, a mark, and what is said of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from fairpay.errors import InputError
from fairpay.money.amounts import read_amounts
from fairpay.money.integers import shorter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fairpay.adjust.policy import Completion
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens, RawBatch

__all__ = [
    "BETWEEN",
    "ENDED",
    "ESCAPED",
    "LENGTH",
    "Factor",
    "Finish",
    "marked",
    "paired",
    "places",
    "text_of",
    "unmarked",
]

ESCAPED = ("\x1f", "\x1f\x1e")
"""What stands for a unit separator in an artist's id, so that no two pairs of artist and track are one text."""
BETWEEN = "\x1f\x1d"
"""Between artist and track."""
UNITS = ("artist", "track")
ENDED, LENGTH = "reason_end", "track_ms"
"""The columns that say how a play ended, and how long its track is."""
LONGEST = 1 << 48
"""Milliseconds below which a track's length is one: the product with a part of four digits cannot wrap."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One line of a policy, ready to be applied: rows it meets are multiplied by up, all others by down."""

    line: int
    """Which of the policy's lines it is."""
    up: int
    down: int
    column: str
    """The role its ids or values are looked up in."""
    found: pa.Array
    """large_string: values (lower case) or ids that are met, in any pool."""
    lower: bool = False
    least_ms: int = 0
    """Rows that are met and shorter count nothing."""
    misses: bool = False
    """A threshold: rows that are NOT found are met."""
    keys: Ints | None = None
    """int64, ascending: pool * len(found) + place of the id, for ids met in the pool; None: met in every pool."""

    def meets(self, raw: RawBatch, listens: Listens) -> NDArray[np.bool_]:
        """Say which rows it meets."""
        column = unit_of(raw, listens, self.column) if self.column in UNITS else raw.columns[self.column]
        place = places(column, self.found, lower=self.lower)
        met: NDArray[np.bool_] = place >= 0
        if self.keys is not None and listens.pool is not None:
            key = listens.pool.astype(np.int64) * len(self.found) + place
            at = np.searchsorted(self.keys, key)
            met &= np.append(self.keys, -1)[at] == key
        return np.logical_not(met) if self.misses else met

    def too_short(self, listens: Listens, met: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Say which of the rows it meets are shorter than it asks."""
        if not self.least_ms or listens.ms is None:
            return np.zeros(len(met), dtype=np.bool_)
        short: NDArray[np.bool_] = met & shorter(listens.ms, listens.plays, self.least_ms)
        return short


@dataclass(frozen=True, slots=True)
class Finish:
    """Completion as a line of a policy: rows not played to the end, or those of which nobody knows, are met."""

    line: int
    up: int
    down: int
    said: Completion
    unknown: bool = False
    """Whether those of which nobody knows are met."""
    misses: bool = False
    least_ms: int = 0

    def meets(self, raw: RawBatch, listens: Listens) -> NDArray[np.bool_]:
        """Say which rows it meets."""
        ended, known = finished(raw, listens, self.said)
        return ~known if self.unknown else known & ~ended

    def too_short(self, listens: Listens, met: NDArray[np.bool_]) -> NDArray[np.bool_]:  # noqa: ARG002 - as `Factor`
        """None is."""
        return np.zeros(len(met), dtype=np.bool_)


def finished(raw: RawBatch, listens: Listens, said: Completion) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Say which rows were played to the end, and of which that is known.

    What `reason_end` says goes first; where it is empty, the mean play of a row is held against the track's length. A
    play of twice the length says nothing: that length is in seconds, or in the other one's column.
    """
    ended = known = np.zeros(len(listens.used), dtype=np.bool_)
    if LENGTH in raw.columns and listens.ms is not None:
        length = read_amounts(raw.columns[LENGTH], role=LENGTH, digits=0)
        known = length.usable((length.value > 0) & (length.value < LONGEST))
        whole = np.where(known, length.value, 0)
        known &= shorter(listens.ms, listens.plays, 2 * whole)
        up, down = said.part.numerator, said.part.denominator
        least = -(-whole * up // down)
        ended = known & ~shorter(listens.ms, listens.plays, least)
    if ENDED in raw.columns:
        column = raw.columns[ENDED]
        there = pc.fill_null(pc.not_equal(text_of(column), ""), fill_value=False).to_numpy(zero_copy_only=False)
        at_end = places(column, pa.array(said.values, pa.large_string()), lower=True) >= 0
        ended, known = np.where(there, at_end, ended), known | there
    return ended, known


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


def marked(ids: pa.Array, mark: str, said: Sequence[str], place: Ints) -> pa.Array:
    """Put plays apart: large_string[rows].

    Args:
        ids: under which ids they stand.
        mark: what stands between these and what is said; no id holds it.
        said: what can be said of plays.
        place: int64[rows]: which of it is said of each; -1: nothing, and the id stays.

    Raises:
        InputError: an id holds the mark.

    """
    text = text_of(ids)
    if pc.any(pc.match_substring(text, mark)).as_py():
        named = mark.encode().hex(" ").upper()
        message = f"an artist's id has the characters {named} in it, by which plays are told apart"
        raise InputError(message, advice="Give the artist another id.")
    if not (place >= 0).any():
        return ids
    ends = pa.array(["", *(f"{mark}{one}" for one in said)], pa.large_string()).take(pa.array(place + 1))
    return pc.binary_join_element_wise(text, ends, pa.scalar("", pa.large_string()))


def unmarked(ids: pa.Array, mark: str) -> pa.Array:
    """Take the marks off, with what is said: large_string[n]."""
    return pc.list_element(pc.split_pattern(ids.cast(pa.large_string()), mark, max_splits=1), 0)


def places(column: pa.Array, values: pa.Array, *, lower: bool = False) -> Ints:
    """int64[rows]: the place of each row's text among values; -1 where it is missing or none of them."""
    if pa.types.is_dictionary(column.type):
        known = np.append(places(column.dictionary, values, lower=lower), -1)
        own: Ints = known[column.indices.fill_null(-1).to_numpy(zero_copy_only=False)]
        return own
    text = column.cast(pa.large_string())
    at = pc.index_in(pc.utf8_lower(text) if lower else text, value_set=values).fill_null(-1)
    found: Ints = at.to_numpy(zero_copy_only=False).astype(np.int64)
    return found
