"""What crosses a boundary: roles of log columns, fates of rows, batches, and warnings about them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from threading import Lock
from typing import TYPE_CHECKING, Self

from fairpay.settings.options import ROLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["REASONS", "ROLES", "Cautions", "Fate", "Judged", "Listens", "RawBatch", "Shares", "StatedShares", "Warned"]


SHOWN = 3
"""Examples of a warning."""


class Fate(IntEnum):
    """What became of a row: used, left out for a reason that is in order, or bad."""

    def __new__(cls, code: int, words: str = "") -> Self:
        """Keep beside the code why rows are left out, in the words of the summary."""
        fate = int.__new__(cls, code)
        fate._value_, fate.words = code, words
        return fate

    words: str

    USED = 0
    SHORT = 1, "under the qualifying length"
    NO_ARTIST = 2, "without an artist"
    OUTSIDE_PERIOD = 3, "outside the period"
    NOTHING_PLAYED = 4, "nothing played"
    NOT_A_PLAY = 5, "not a play"
    UNLISTED = 6, "without a subscription line"
    WEIGHED_OUT = 8, "weighed at nothing by the policy"
    INELIGIBLE = 9, "below a threshold of the policy"
    EXCLUDED = 7, "excluded by a person's decision"
    REPEATED = 10, "told twice"
    SPOKEN = 11, "a podcast or an audiobook"
    BAD_USER = 16, "set aside: user is empty"
    BAD_DURATION = 17, "set aside: duration unusable"
    BAD_PLAYS = 18, "set aside: play count unusable"
    BAD_TIME = 19, "set aside: time unusable"
    BAD_ROW = 20, "set aside: row unreadable"


REASONS = {fate: fate.words for fate in Fate if fate.words}


@dataclass(frozen=True, slots=True)
class Shares:
    """Plays of several artists, a row for each artist."""

    again: NDArray[np.bool_]
    """bool[rows]: rows that repeat the one before them for another artist; they are no rows of the file."""
    part: NDArray[np.int64]
    """int64[rows]: how many artists the play has."""
    scale: int
    """A number that every count of artists divides, in the whole log: listening is counted in units 1/scale."""


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Some rows of one log file as they were read: columns by role, nothing judged yet."""

    columns: Mapping[str, pa.Array]
    """role -> Arrow array (text, large text, dictionary of text, any integer, any float, timestamp); equal lengths.

    Beside the roles, `played` (bool) says which rows are plays at all, `spoken` (bool) which of those without an
    artist are podcasts and audiobooks. No columns: the batch only reports `pruned` rows.
    """
    file: str
    """The file, for messages."""
    first_row: int
    """Row number, from 1 and without the header, of this batch's first row in its file."""
    pruned: int = 0
    """Rows that were not read because the file itself says that they lie outside the period."""
    numbers: NDArray[np.int64] | None = None
    """int64[rows]: the number of each row, where rows were passed over; None: one after another."""
    broken: NDArray[np.uint8] | None = None
    """uint8[rows]: what is wrong with a row as a whole, see `fairpay.logs.source.BROKEN`; 0 for nothing."""
    shares: Shares | None = None
    """Where rows are repeated for each of their artists: which are repetitions, and what part each is."""
    separator: str = ""
    """Between the fields of a text file."""
    nul: bool = False
    """Whether ids may hold a NUL character."""
    several: int = 0
    """Plays with more than one artist."""
    duet: str = ""
    """The artists of one of them, the first by text."""

    def row(self, at: int) -> int:
        """Return the number in its file of the row with this index."""
        return self.first_row + at if self.numbers is None else int(self.numbers[at])


@dataclass(frozen=True, slots=True)
class StatedShares:
    """How the listening of some listeners of one pool is divided among artists."""

    stand_in: pa.Array
    """large_string[listeners]: under which id each one's listening was taken in."""
    start: NDArray[np.int64]
    """int64[listeners + 1]: whose entries of `artist` and `weight` are whose."""
    artist: pa.Array
    """large_string[entries]."""
    weight: NDArray[np.int64]
    """int64[entries], each above 0: the shares of a listener, summing to at most 2^62."""
    more_rows: NDArray[np.int64]
    """int64[listeners]: how many rows of the log each had more than are taken in."""


@dataclass(frozen=True, slots=True)
class Judged:
    """Some rows judged: what tells their plays apart."""

    raw: RawBatch
    used: NDArray[np.bool_]
    """Which rows count and have a time that can be read."""
    time: NDArray[np.int64]
    """Microseconds since 1970 UTC."""
    ms: NDArray[np.int64] | None
    """Milliseconds of the whole play; None where the log has no duration."""
    plays: NDArray[np.int64] | None
    """None: one each."""


@dataclass(frozen=True, slots=True)
class Listens:
    """Some rows judged: what the engine takes in."""

    user: pa.Array
    """Ids as text (string, large_string, dictionary of them) or integers, which stand for their decimal text."""
    artist: pa.Array
    """The same."""
    used: NDArray[np.bool_]
    """Which rows count; the others are left out and are already counted by reason."""
    amount: NDArray[np.int64] | None
    """Listening in the measure, after play weights; None: one each."""
    plays: NDArray[np.int64] | None
    """Plays; None: one each."""
    ms: NDArray[np.int64] | None
    """Milliseconds listened; None where the log has no duration."""
    pool: NDArray[np.uint32] | None = None
    """Which pool each row belongs to; None: one pool."""
    divisions: Mapping[int, StatedShares] | None = None
    """Pool -> how the listening under the stand-ins of this batch is divided; None: there are none."""


@dataclass(frozen=True, slots=True)
class Warned:
    """One kind of warning."""

    code: str
    """What scripts know it by: `repeats`."""
    count: int
    """How often it was met."""
    examples: tuple[str, ...]
    """The smallest of its examples, at most three."""
    advice: str
    """What to do, in a sentence."""


class Cautions:
    """Collects warnings from any number of threads; what it gives does not depend on their order."""

    def __init__(self) -> None:
        """Begin with none."""
        self.lock = Lock()
        self.by_code: dict[str, Warned] = {}

    def add(self, code: str, count: int, examples: Iterable[str], advice: str) -> None:
        """Count a warning `count` times more; of all its examples the smallest are kept."""
        if count < 1:
            return
        with self.lock:
            old = self.by_code.get(code, Warned(code, 0, (), advice))
            shown = tuple(sorted({*old.examples, *examples})[:SHOWN])
            self.by_code[code] = Warned(code, old.count + count, shown, min(old.advice, advice))

    def found(self) -> tuple[Warned, ...]:
        """Return every warning, by code."""
        with self.lock:
            return tuple(self.by_code[code] for code in sorted(self.by_code))
