"""Text files with separators: CSV, TSV and their kin, every column read as text."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.errors import InputError
from fairpay.io.dialect import Dialect, find_dialect
from fairpay.io.faults import ENCODING, reading_of
from fairpay.io.fields import BATCH, Splitter
from fairpay.io.lines import whole_lines
from fairpay.io.packed import head_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairpay.io.sources import LogFile
    from fairpay.io.table import Rows
    from fairpay.settings import Reading

__all__ = ["TextLog", "head_text"]

HEAD = 1 << 20
"""Bytes looked at to find out the layout."""
MARK = "\ufeff"
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class TextLog:
    """One text file, its layout known."""

    file: LogFile
    dialect: Dialect
    start: int
    """Bytes before the first row."""

    @classmethod
    def open(cls, file: LogFile, reading: Reading) -> TextLog:
        """Look at the beginning of a file.

        Raises:
            InputError: it is not text in UTF-8, or its header cannot be used.

        """
        head = head_text(file)
        dialect = find_dialect(head, reading, file.path)
        return cls(file, dialect, start_of(head, dialect.skip))

    @property
    def names(self) -> list[str]:
        """Column names, or positions from 1."""
        return self.dialect.names

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found out rather than told."""
        return self.dialect.notes

    def read(self, names: Sequence[str], batch_rows: int | None) -> Iterator[Rows]:
        """Read the columns in batches, in the order of the file."""
        yield from whole_lines(self, names, batch_rows or BATCH)

    def splitter(self, names: Sequence[str]) -> Splitter:
        """Return what splits its lines."""
        return Splitter.of(self.dialect, names)


def start_of(head: str, skip: int) -> int:
    """Return how many bytes come before the first row: so many lines, or the mark of UTF-8."""
    if skip == 0:
        return len(MARK.encode()) if head.startswith(MARK) else 0
    lines = head.split("\n", skip)
    return len(head.encode()) - (len(lines[skip].encode()) if len(lines) > skip else 0)


def head_text(file: LogFile) -> str:
    """Return the beginning of a file as text, whole lines only.

    Raises:
        InputError: it is UTF-16, not UTF-8, or not text at all.

    """
    with reading_of(file.path):
        head = head_of(file, HEAD)
    if head.startswith(WIDE):
        message = f"{file.path}: the text is UTF-16"
        raise InputError(message, advice=ENCODING)
    if b"\0" in head:
        message = f"{file.path}: this is not a text file"
        raise InputError(message, advice="Give its format with --format, if the extension is misleading.")
    if b"\n" not in head and b"\r" in head.rstrip():
        message = f"{file.path}: the lines end with CR alone, as on an old Macintosh"
        raise InputError(message, advice="Convert it first: tr '\\r' '\\n' < OLD > NEW.")
    if len(head) == HEAD:
        head = head[: head.rfind(b"\n") + 1]
        if not head:
            message = f"{file.path}: this is not text in lines: the first has more than a million bytes"
            raise InputError(message, advice="Give its format with --format, if the extension is misleading.")
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        message = f"{file.path}: not UTF-8 text: line {line} has a byte that does not belong"
        raise InputError(message, advice=ENCODING) from error
