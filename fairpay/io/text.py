"""Text files with separators: CSV, TSV and their kin, every column read as text."""

from __future__ import annotations

import codecs
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.errors import InputError
from fairpay.io.dialect import Dialect, find_dialect
from fairpay.io.faults import ENCODING, reading_of
from fairpay.io.packed import head_of
from fairpay.io.table import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from fairpay.io.sources import LogFile
    from fairpay.settings import Reading

__all__ = ["TextLog", "head_text"]

HEAD = 1 << 20
"""Bytes looked at to find out the layout."""
BATCH = 1 << 17
WIDE = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True, slots=True)
class TextLog:
    """One text file, its layout known."""

    file: LogFile
    dialect: Dialect

    @classmethod
    def open(cls, file: LogFile, reading: Reading) -> TextLog:
        """Look at the beginning of a file.

        Raises:
            InputError: it is not text in UTF-8, or its header cannot be used.

        """
        return cls(file, find_dialect(head_text(file), reading, file.path))

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
        width = len(self.names)
        at = {name: self.names.index(name) for name in names}
        chosen = sorted({*at.values(), 0, width})  # the first column tells blank lines, the one too many broken ones
        with reading_of(self.file.path):
            for frame in self.scan(chosen).collect_batches(chunk_size=batch_rows or BATCH, maintain_order=True):
                yield rows_of(frame, at, width)

    def scan(self, chosen: Sequence[int]) -> pl.LazyFrame:
        """Let Polars read the file, with one column more than there should be."""
        import polars as pl  # noqa: PLC0415 - loaded where files are read

        dialect = self.dialect
        lazy = pl.scan_csv(
            self.file.path,
            has_header=False,
            skip_lines=dialect.skip,
            schema={str(i): pl.String for i in range(len(dialect.names) + 1)},
            separator=dialect.separator,
            quote_char='"' if dialect.quote else None,
            truncate_ragged_lines=True,
            missing_columns="insert",
            glob=False,
        )
        return lazy.select(str(i) for i in chosen)


def rows_of(frame: pl.DataFrame, at: dict[str, int], width: int) -> Rows:
    """Leave out blank lines, and say which lines have too many fields."""
    blank = frame.select(_=_all_null(frame)).to_series()
    if blank.any():
        frame = frame.filter(~blank)
    extra = frame[str(width)]
    broken = None if extra.null_count() == len(extra) else extra.is_not_null().to_arrow()
    return Rows({name: frame[str(i)].to_arrow() for name, i in at.items()}, len(frame), broken)


def _all_null(frame: pl.DataFrame) -> pl.Expr:
    """All columns are null."""
    import polars as pl  # noqa: PLC0415 - loaded where files are read

    return pl.all_horizontal(pl.col(name).is_null() for name in frame.columns)


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
        head = head[: head.rfind(b"\n") + 1] or head
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        message = f"{file.path}: not UTF-8 text: line {line} has a byte that does not belong"
        raise InputError(message, advice=ENCODING) from error
