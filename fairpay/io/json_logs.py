"""JSON logs: lines or one array of objects; a dot in a column name goes into an object."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from fairpay.io.faults import reading_of
from fairpay.io.json_stream import objects
from fairpay.io.packed import open_bytes
from fairpay.io.table import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from fairpay.io.sources import LogFile

__all__ = ["JsonLog"]

SAMPLE = 1000
"""Objects looked at to know the columns."""
BATCH = 1 << 15
BETWEEN = ", "
"""Stands between several artists of one play, which earn together under this name."""
TOPIC = " - Topic"
"""What YouTube adds to the name of an artist."""


@dataclass(frozen=True, slots=True)
class JsonLog:
    """One JSON file, its columns known from its first objects."""

    file: LogFile
    names: list[str]
    notes: tuple[str, ...] = ()

    @classmethod
    def open(cls, file: LogFile) -> JsonLog:
        """Look at the first objects of a file.

        Raises:
            InputError: it is not JSON.

        """
        names: dict[str, None] = {}
        with reading_of(file.path), open_bytes(file.path) as stream:
            for found in islice(objects(stream, file.path), SAMPLE):
                for name in paths_of(found, ""):
                    names.setdefault(name)
        return cls(file, list(names))

    def read(self, names: Sequence[str], batch_rows: int | None) -> Iterator[Rows]:
        """Read columns in batches, in the order of the file, every value as text."""
        paths = {name: tuple(name.split(".")) for name in names}
        with reading_of(self.file.path), open_bytes(self.file.path) as stream:
            rows = objects(stream, self.file.path)
            while some := list(islice(rows, batch_rows or BATCH)):
                yield Rows({name: column_at(some, path) for name, path in paths.items()}, len(some))


def paths_of(value: dict[str, Any], before: str) -> Iterator[str]:
    """Yield the dotted names of the values in an object; of a list of objects, those of its first."""
    for key, inner in value.items():
        one = inner[0] if isinstance(inner, list) and inner and isinstance(inner[0], dict) else inner
        if isinstance(one, dict):
            yield from paths_of(one, f"{before}{key}.")
        else:
            yield before + key


def column_at(rows: list[dict[str, Any]], path: tuple[str, ...]) -> pa.Array:
    """Return the values at a path as a column of text: at once where all are text, else one by one."""
    import pyarrow as pa  # noqa: PLC0415 - loaded where files are read

    if len(path) == 1:
        key = path[0]
        try:
            return pa.array([row.get(key) for row in rows], pa.string())
        except (pa.ArrowException, TypeError):
            pass  # lists, objects, true and false among them
    return pa.array([text_at(row, path) for row in rows], pa.string())


def text_at(row: dict[str, Any], path: tuple[str, ...]) -> str | None:
    """Return the value at a path as text; None where there is none. Several texts become one, with commas."""
    value: Any = row
    for key in path:
        if isinstance(value, list):
            value = value[0] if value else None
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    if isinstance(value, str):
        return value.removesuffix(TOPIC) if path == ("subtitles", "name") else value
    if isinstance(value, list):
        return BETWEEN.join(str(one) for one in value if one is not None) or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return None
