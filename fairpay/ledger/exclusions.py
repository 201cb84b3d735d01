"""Exclusions: users or plays found fraudulent, as a table; a play that matches a line does not count."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from fairpay.adjust.weights import text_of
from fairpay.errors import InputError, Problem
from fairpay.ledger.tables import read_table
from fairpay.logs.faults import Faults

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.logs.schema import RawBatch

__all__ = ["Exclusions", "joined", "read_exclusions"]

COLUMNS = ("user", "artist", "track", "time")
NAMES = {
    "user": ("user_id", "userid"),
    "artist": ("artist_id",),
    "track": ("track_id", "isrc"),
    "time": ("timestamp", "ts"),
}
WORDS = ("reason", "note")
"""Columns for people, which state nothing of a play."""
MARK = "\x1f"
"""Stands between the parts of a joined key; a control character no id holds."""
MOMENT = "\x1e"
"""Stands before a time that was read."""


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What does not count, by which columns say so."""

    keys: Mapping[tuple[str, ...], frozenset[str]] = field(default_factory=dict)
    """columns -> joined values: a row is out when its values in these columns are among them."""
    met: set[tuple[tuple[str, ...], str]] = field(default_factory=set, compare=False)
    """Which of them matched a row so far, as columns and joined values; added to from several threads."""

    def joined_with(self, other: Exclusions) -> Exclusions:
        """Both together."""
        both = {*self.keys, *other.keys}
        return Exclusions({k: self.keys.get(k, frozenset()) | other.keys.get(k, frozenset()) for k in sorted(both)})

    @property
    def roles(self) -> tuple[str, ...]:
        """The log columns needed to tell."""
        return tuple(sorted({column for columns in self.keys for column in columns}))

    def check(self, columns: Collection[str]) -> None:
        """Refuse lines that state what the log does not say.

        Args:
            columns: the roles the log has.

        Raises:
            InputError: with each column that is missing.

        """
        missing = [role for role in self.roles if role not in columns]
        problems = [
            Problem(sum(len(values) for own, values in self.keys.items() if role in own), f"lines state a {role}", "")
            for role in missing
        ]
        if problems:
            message = f"the log has no column for {' and none for '.join(missing)}, which lines of the exclusions state"
            raise InputError(message, problems=problems, advice="Name it with --columns, or state what the log holds.")

    def remarks(self) -> tuple[str, ...]:
        """Say how many lines matched nothing."""
        lines = sum(len(values) for values in self.keys.values())
        idle = lines - len(self.met)
        return (f"Exclusions: {idle:,} of {lines:,} lines match no row of the log",) if idle else ()

    def match(self, raw: RawBatch) -> NDArray[np.bool_]:
        """bool[rows]: which rows are out."""
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
        import pyarrow.compute as pc  # noqa: PLC0415 - the same

        rows = len(raw.columns["user"])
        out = np.zeros(rows, dtype=np.bool_)
        for columns, values in self.keys.items():
            if rows and all(column in raw.columns for column in columns):
                key = joined([moments(raw.columns[c]) if c == "time" else raw.columns[c] for c in columns])
                found = pc.is_in(key, value_set=pa.array(sorted(values), pa.large_string()))
                here = pc.fill_null(found, fill_value=False)
                self.met.update((columns, value) for value in key.filter(here).unique().to_pylist())
                out |= here.to_numpy(zero_copy_only=False)
        return out


def read_exclusions(path: Path) -> Exclusions:
    """Read a table with any of user, artist, track and time; each line names the plays that match all it states.

    Times match as moments, however they are written, as far as they can be read; else as text.

    Raises:
        InputError: a column that is none of these, or a line that states nothing.

    """
    faults = Faults(path.name)
    found: dict[tuple[str, ...], set[str]] = {}
    lines = read_table(path, names=NAMES, needed=())
    unknown = [column for column in (lines[0].values if lines else ()) if column not in {*COLUMNS, *WORDS}]
    if unknown:
        message = f"{path.name} has {len(unknown):,} columns that state nothing known: {', '.join(unknown)}"
        advice = f"Name them {', '.join(COLUMNS)}, or {' or '.join(WORDS)} for a person's words; leave others out."
        raise InputError(message, advice=advice)
    for line in lines:
        columns = tuple(column for column in COLUMNS if line.values.get(column))
        if not columns:
            faults.add("a line names no user, artist, track or time", line.number)
            continue
        stated = [moment(line.values[c]) if c == "time" else line.values[c] for c in columns]
        found.setdefault(columns, set()).add(MARK.join(stated))
    faults.stop("Give columns among user, artist, track and time; a line that states nothing would remove all plays.")
    return Exclusions({columns: frozenset(values) for columns, values in sorted(found.items())})


def moment(text: str) -> str:
    """A time as microseconds since 1970 UTC, marked as such; as it is written where it cannot be read."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used

    return str(moments(pa.array([text], pa.large_string()))[0].as_py())


def moments(column: pa.Array) -> pa.Array:
    """The same for a column of a log: large_string[rows]."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
    import pyarrow.compute as pc  # noqa: PLC0415 - the same

    from fairpay.qualify.columns import read_moments  # noqa: PLC0415 - the same

    try:
        read = read_moments(column)
    except InputError:
        return text_of(column)
    unread = read.bad()
    mark, nothing = (pa.scalar(text, pa.large_string()) for text in (MOMENT, ""))
    marked = pc.binary_join_element_wise(mark, pa.array(read.value).cast(pa.large_string()), nothing)
    return marked if unread is None else pc.if_else(pa.array(unread), text_of(column), marked)


def joined(columns: list[pa.Array]) -> pa.Array:
    """One key of several columns; null where any is null."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where it is used
    import pyarrow.compute as pc  # noqa: PLC0415 - the same

    texts = [text_of(column) for column in columns]
    return texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, pa.scalar(MARK, pa.large_string()))
