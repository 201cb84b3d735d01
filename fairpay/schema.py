"""Names and types of what crosses a boundary: roles of log columns, fates of rows, batches."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["REASONS", "ROLES", "Division", "Fate", "Listens", "RawBatch"]

ROLES = (
    "user",
    "artist",
    "plays",
    "seconds",
    "ms",
    "time",
    "track",
    "country",
    "plan",
    "currency",
    "active",
    "category",
    "spatial",
)
"""What a column of a log can be. `user` and `artist` are needed; time listened is `seconds` or `ms`."""


class Fate(IntEnum):
    """What became of a row: used, left out for a reason that is in order, or bad."""

    USED = 0
    SHORT = 1
    NO_ARTIST = 2
    OUTSIDE_PERIOD = 3
    NOTHING_PLAYED = 4
    NOT_A_PLAY = 5
    UNLISTED = 6
    WEIGHED_OUT = 8
    INELIGIBLE = 9
    EXCLUDED = 7
    BAD_USER = 16
    BAD_DURATION = 17
    BAD_PLAYS = 18
    BAD_TIME = 19
    BAD_ROW = 20


REASONS = {
    Fate.SHORT: "under the qualifying length",
    Fate.NO_ARTIST: "without an artist",
    Fate.OUTSIDE_PERIOD: "outside the period",
    Fate.NOTHING_PLAYED: "nothing played",
    Fate.NOT_A_PLAY: "not a play",
    Fate.UNLISTED: "without a subscription line",
    Fate.WEIGHED_OUT: "weighed at nothing by the policy",
    Fate.INELIGIBLE: "below a threshold of the policy",
    Fate.EXCLUDED: "excluded by a person's decision",
    Fate.BAD_USER: "set aside: user is empty",
    Fate.BAD_DURATION: "set aside: duration unusable",
    Fate.BAD_PLAYS: "set aside: play count unusable",
    Fate.BAD_TIME: "set aside: time unusable",
    Fate.BAD_ROW: "set aside: row unreadable",
}
"""Why rows are left out, in the words of the summary."""


@dataclass(frozen=True, slots=True)
class RawBatch:
    """Some rows of one log file as they were read: columns by role, nothing judged yet."""

    columns: Mapping[str, pa.Array]
    """role -> Arrow array (text, large text, dictionary of text, any integer, any float, timestamp); equal lengths.

    Beside the roles, `played` (bool) says which rows are plays at all, and `broken` (bool) which could not be split
    into fields. No columns at all: the batch only reports `pruned` rows.
    """
    file: str
    """The file, for messages."""
    first_row: int
    """Row number, from 1 and without the header, of this batch's first row in its file, or in the part of it that was
    read independently: ask `row`.
    """
    pruned: int = 0
    """Rows that were not read because the file itself says that they lie outside the period."""
    before: Callable[[], int] | None = None
    """Counts the rows of the file before its part that `first_row` counts from; None: that is the whole file."""

    def row(self, at: int) -> int:
        """Return the number in its file of the row with this index."""
        return self.first_row + at + (0 if self.before is None else self.before())


@dataclass(frozen=True, slots=True)
class Division:
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
    divisions: Mapping[int, Division] | None = None
    """Pool -> how the listening under the stand-ins of this batch is divided; None: there are none."""
