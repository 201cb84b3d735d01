"""Text files with separators: CSV, TSV and their kin, every column read by Polars as text."""

from __future__ import annotations

import codecs
import csv
import re
import sys
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import islice
from typing import TYPE_CHECKING, Literal

import polars as pl

from fairpay.errors import InputError
from fairpay.logs.dialect import UNQUOTED, Dialect, find_dialect, is_well_quoted
from fairpay.logs.faults import reading_of
from fairpay.logs.files import head_of, open_bytes, packing_of, spooled
from fairpay.logs.names import number_columns
from fairpay.logs.source import BATCH, BROKEN, HEADER_AGAIN, ROW, TOO_MANY, Source, first_able, framed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import IO

    from fairpay.logs.files import LogFile
    from fairpay.settings.values import Reading

__all__ = ["opened"]

HEAD = 1 << 20
"""Bytes looked at to find out the layout."""
MARK = "\ufeff"
QUOTE, NUL = b'"', b"\0"
NULL = "\\N"
"""What Hive, MySQL and Postgres write for nothing."""
BEYOND = "\x1fbeyond"
SKIMMED = 4096
BINARY = 0.1
"""Part of NUL bytes above which a file is not text."""


def opened(file: LogFile, reading: Reading) -> Source:
    """Look at the beginning of a text file.

    Raises:
        InputError: it is not text in the encoding that was told (UTF-8), or its header cannot be used.

    """
    local = file.local if reading.encoding is None else recoded(file, reading.encoding)
    file = replace(file, copy=local)
    with reading_of(file.path):
        start = head_of(file, HEAD)
    head = head_text(start, file.path)
    dialect = find_dialect(head, reading, file.path)
    marks = marks_in(local)
    quoting = None
    if dialect.separator in UNQUOTED:
        quoting = quoting_of(file, dialect.separator) if reading.quote and QUOTE in marks else None
        dialect = replace(dialect, quote=quoting == "quoted")
    notes = dialect.notes
    if quoting == "plain":
        notes = (*notes, f'{file.path}: " is taken as part of the text, not as quoting')
    marked = dialect.skip > 0 and any(line.startswith(MARK) for line in head.split("\n", dialect.skip)[dialect.skip :])
    table = Table(file, dialect, QUOTE in marks, number_columns(dialect.names, reading), marked)
    return Source(
        where=file.path,
        fields=dict.fromkeys(dialect.names, pl.String()),
        frames=table,
        quoting=quoting,
        separator=dialect.separator,
        notes=notes,
        nul=NUL in marks,
        above=dialect.above,
        # rows are behind the header, or beyond the beginning that was looked at
        rows=None if len(start) == HEAD or any(line.strip() for line in head.split("\n")[dialect.skip :]) else 0,
    )


def recoded(file: LogFile, encoding: str) -> str:

    def blocks() -> Iterator[bytes]:
        with open_bytes(file.local) as stream:
            reader = codecs.getreader(encoding)(stream)
            while text := reader.read(HEAD):
                yield text.encode("utf-8")

    try:
        with reading_of(file.path, encoding=encoding):
            return spooled(("recoded", file.local, encoding), file.name, blocks)
    except UnicodeError as error:
        message = f"{file.path}: this is not text in {encoding}: {error}"
        raise InputError(message, advice="Give the encoding that the file was written in: --encoding.") from error


@dataclass(frozen=True, slots=True)
class Table:
    """The rows of a text file, its layout known."""

    file: LogFile
    dialect: Dialect
    quotes: bool = True
    """Whether any `"` stands in the file."""
    numbers: frozenset[str] = frozenset()
    """Columns that are numbers by their names."""
    marked: bool = False
    """Whether the first row begins with a byte order mark, which Polars would take off that row."""

    def __call__(self, names: Sequence[str], rows: int | None, keep: pl.Expr | None) -> Iterator[pl.DataFrame]:  # noqa: ARG002 - text says nothing of its rows beforehand
        """Read the columns; from where a number is none as text, from where Polars cannot read on line by line."""
        quotes = self.dialect.quote and self.quotes
        odd = self.dialect.spaced or self.marked or (quotes and has_odd_quotes(self.file.local, self.dialect.separator))
        blank = cache(self.blank_rows)
        queries = (
            (
                self.scan(quotes=quotes, numbers=numbers).select([*names, BEYOND]),
                partial(filled, names=names, blank=blank, header=not numbers),
            )
            for numbers in (() if odd else (self.numbers & set(names), frozenset[str]()))
        )
        return first_able(queries, rows, partial(self.line_by_line, names, rows or BATCH))

    def scan(self, *, quotes: bool = True, numbers: frozenset[str] = frozenset()) -> pl.LazyFrame:
        """Let Polars read every field as text, and one more than the header has, where no row has more than that.

        Columns of `numbers` are read as whole numbers, which Polars refuses of anything else.
        """
        dialect = self.dialect
        kinds = {name: pl.Int64 if name in numbers else pl.String for name in dialect.names}
        return pl.scan_csv(
            self.file.local,
            schema={**kinds, BEYOND: pl.String},
            has_header=False,
            skip_lines=dialect.skip,
            separator=dialect.separator,
            quote_char='"' if dialect.quote and quotes else None,
            null_values=[NULL],
            infer_schema=False,
            missing_columns="insert",
            glob=False,
        )

    def blank_rows(self) -> list[int]:
        """Return the rows in which no field is filled: empty lines, which are no rows."""
        found = self.scan().with_row_index(ROW).filter(pl.all_horizontal(pl.exclude(ROW).is_null()))
        return found.select(ROW).collect(engine="streaming")[ROW].to_list()

    def line_by_line(self, names: Sequence[str], size: int, done: int) -> Iterator[pl.DataFrame]:
        """Read from row `done` on with the standard library, which says in which row a fault is."""
        csv.field_size_limit(sys.maxsize)
        dialect = self.dialect
        width = len(dialect.names)
        places = {name: dialect.names.index(name) for name in names}
        with open_bytes(self.file.local) as stream:
            rows = islice(enumerate(numbered(stream, dialect, self.file.path)), done, None)
            while some := list(islice(rows, size)):
                beyond = pl.Series([row for row, cells in some if any(cells[width:])], dtype=pl.Int64)
                marks = pl.when(pl.col(ROW).is_in(beyond.implode())).then(pl.lit("x")).alias(BEYOND)
                yield told(framed(some, places).with_columns(pl.col(names).replace(NULL, None), marks), names)


def filled(
    read: pl.DataFrame, done: int, *, names: Sequence[str], blank: Callable[[], list[int]], header: bool
) -> pl.DataFrame:
    """Say what is wrong with rows, from row `done` on, and leave out those that are empty lines."""
    frame = told(read, names, header=header)
    empty = pl.all_horizontal(pl.col(names).is_null())
    if frame[names[0]].null_count() and frame.select(empty.any()).item():
        return frame.with_row_index(ROW, offset=done).filter(~(empty & pl.col(ROW).is_in(blank())))
    return frame


def told(frame: pl.DataFrame, names: Sequence[str], *, header: bool = True) -> pl.DataFrame:
    """Say what is wrong with rows as a whole, in the codes of BROKEN, if anything is: by BEYOND, and a header again.

    Where numbers were read there is no header among the rows.
    """
    clean = frame[BEYOND].null_count() == frame.height
    if clean and not (header and (frame[names[0]] == names[0]).any()):
        return frame.drop(BEYOND)
    again = pl.all_horizontal(pl.col(name) == name for name in names) if header else pl.lit(value=False)
    too_many = pl.when(pl.col(BEYOND).is_not_null()).then(pl.lit(TOO_MANY, pl.UInt8))
    return frame.with_columns(too_many.when(again).then(pl.lit(HEADER_AGAIN, pl.UInt8)).alias(BROKEN)).drop(BEYOND)


def numbered(stream: IO[bytes], dialect: Dialect, where: str) -> Iterator[list[str]]:
    row = 0
    reader = csv.reader(
        decoded(stream, dialect.skip),
        delimiter=dialect.separator,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        skipinitialspace=dialect.spaced,
        strict=True,
    )
    try:
        for cells in reader:
            row += 1
            yield cells
    except csv.Error as error:
        message = f"{where}: cannot be read: row {row + 1}: a quoted field does not end where it should"
        raise InputError(message, advice='If " is part of names rather than quoting, use --no-quote.') from error
    except UnicodeDecodeError as error:
        message = f"{where}: cannot be read: row {row + 1}: the text is not UTF-8"
        raise InputError(message, advice=encoding_advice(error.object[error.start :])) from error


def decoded(stream: IO[bytes], skip: int) -> Iterator[str]:
    for number, line in enumerate(stream):
        if number >= skip:
            text = line.decode("utf-8")
            yield text.removeprefix(MARK) if number == 0 else text


def has_odd_quotes(path: str, separator: str) -> bool:
    """Whether something follows the quote that ends a field, which Polars takes for part of it: `"ab"c"d"`.

    Line by line: what looks so within a field of several lines only makes the reading slower.
    """
    mark = re.escape(separator)
    odd = rf'(^|{mark})"([^"]|"")*"[^"{mark}\r]'
    quoted = pl.scan_lines(path, glob=False).filter(pl.col("line").str.contains('"', literal=True))
    try:
        return bool(quoted.filter(pl.col("line").str.contains(odd)).head(1).collect(engine="streaming").height)
    except pl.exceptions.PolarsError:
        return True  # what is wrong is told with its row, line by line


def marks_in(path: str) -> frozenset[bytes]:
    """Return which of `"` and NUL stand anywhere in a file; both where it takes unpacking it to know."""
    missing = {QUOTE, NUL}
    if packing_of(path) is not None:
        return frozenset(missing)
    with open(path, "rb", buffering=0) as raw:  # noqa: PTH123 - a name as it was given
        while missing and (chunk := raw.read(HEAD)):
            missing -= {mark for mark in missing if mark in chunk}
    return frozenset({QUOTE, NUL} - missing)


def quoting_of(file: LogFile, separator: str) -> Literal["quoted", "plain"] | None:
    """Say whether `"` quotes in a file of tabs or spaces, wherever in the file it stands.

    It does where every field that begins with it ends with it, or where the whole file can be read so, line breaks
    within quotes and all, into rows as long as the first.
    """
    cells = pl.col("line").str.strip_prefix(MARK).str.strip_suffix("\r").str.split(separator)
    starting = cells.list.eval(pl.element().filter(pl.element().str.starts_with('"')))
    with reading_of(file.path):
        found = (
            pl.scan_lines(file.local, glob=False)
            .filter(pl.col("line").str.contains('"', literal=True))
            .select(
                pl.len().alias("lines"),
                starting.list.len().sum().alias("starting"),
                starting.list.eval(~pl.element().str.contains(r'^"([^"]|"")*"$')).list.any().sum().alias("ill"),
            )
            .collect(engine="streaming")
        )
        lines, starts, ill = found.row(0)
    if not lines:
        return None
    if ill and not is_well_quoted(open_bytes(file.local), separator):
        return "plain"
    return "quoted" if starts else "plain"


def head_text(head: bytes, where: str) -> str:
    """Return the beginning of a file, of at most HEAD bytes, as text, whole lines only."""
    if head.startswith(b"PAR1"):
        message = f"{where}: this is a Parquet file under another name"
        raise InputError(message, advice="Give --format parquet.")
    wide = wide_encoding(head)
    if wide:
        message = f"{where}: the text is UTF-16"
        raise InputError(message, advice=f"Give --encoding {wide}.")
    filled = head.rstrip(b"\0")  # what a power cut leaves at the end is a row that cannot be used, not another format
    if filled.count(b"\0") > BINARY * len(filled):
        message = f"{where}: this is not a text file"
        raise InputError(message, advice="Give its format with --format, if the extension is misleading.")
    if b"\n" not in head and b"\r" in head.rstrip():
        message = f"{where}: the lines end with CR alone, as on an old Macintosh"
        raise InputError(message, advice="Convert it first: tr '\\r' '\\n' < OLD > NEW.")
    if len(head) == HEAD:
        head = head[: head.rfind(b"\n") + 1]
        if not head:
            message = f"{where}: this is not text in lines: the first has more than a million bytes"
            raise InputError(message, advice="Give its format with --format, if the extension is misleading.")
    try:
        return head.decode("utf-8")
    except UnicodeDecodeError as error:
        line = head.count(b"\n", 0, error.start) + 1
        message = f"{where}: not UTF-8 text: line {line} has a byte that does not belong"
        raise InputError(message, advice=encoding_advice(head[error.start :])) from error


def wide_encoding(head: bytes) -> str | None:
    """Tell UTF-16 by its mark, or by a NUL in every second byte."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    some = head[:SKIMMED]
    half = len(some) // 2
    even, odd = some[::2].count(0), some[1::2].count(0)
    if odd > half * 0.8 and even < half * 0.2:
        return "utf-16-le"
    return "utf-16-be" if even > half * 0.8 and odd < half * 0.2 else None


def encoding_advice(rest: bytes) -> str:
    """Guess the encoding by the first bytes that are not UTF-8."""
    guess = "cp1252" if rest[:1] and 0x80 <= rest[0] <= 0x9F else "latin-1"  # noqa: PLR2004 - the C1 range
    return (
        f"If it was written on Windows or an old system, give --encoding {guess}; "
        f"or convert it first: iconv -f {guess.upper()} -t UTF-8 OLD > NEW."
    )
