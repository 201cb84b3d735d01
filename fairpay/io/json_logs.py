"""JSON logs: lines or one array of objects; a dot in a column name goes into an object."""

from __future__ import annotations

from codecs import BOM_UTF8
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from fairpay.io.faults import reading_of
from fairpay.io.fields import BLOCK
from fairpay.io.json_lines import LineReader, are_lines
from fairpay.io.json_stream import objects
from fairpay.io.json_values import column_at
from fairpay.io.lines import whole_lines
from fairpay.io.packed import head_of, open_bytes
from fairpay.io.table import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairpay.io.sources import LogFile

__all__ = ["JsonLog"]

HEAD = 1 << 20
SAMPLE = 1000
"""Objects looked at to know the columns."""
BATCH = 1 << 15


@dataclass(frozen=True, slots=True)
class JsonLog:
    """One JSON file, its columns known from its first objects."""

    file: LogFile
    names: list[str]
    lines: bool = False
    """Whether it is large, and each line is an object."""
    start: int = 0
    """Bytes before the first row."""
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
            if file.size <= BLOCK:
                return cls(file, list(names))
            head = head_of(file, HEAD)
        start = len(BOM_UTF8) if head.startswith(BOM_UTF8) else 0
        return cls(file, list(names), are_lines(head[start:], list(names)), start)

    def splitter(self, names: Sequence[str]) -> LineReader:
        """Return what splits its lines."""
        return LineReader.of(names)

    def read(self, names: Sequence[str], batch_rows: int | None) -> Iterator[Rows]:
        """Read columns in batches, in the order of the file, every value as text."""
        if self.lines:
            yield from whole_lines(self, names, batch_rows or BATCH)
            return
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
