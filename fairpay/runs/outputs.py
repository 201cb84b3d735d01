"""Tables, values, rows set aside, the review workbook to files: the same bytes for the same content, anywhere."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from datetime import datetime
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fairpay.errors import OutputError, UsageError
from fairpay.logs.tables import defused
from fairpay.runs.disk import open_new, replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from typing import BinaryIO

__all__ = [
    "EXACT",
    "MOST_ROWS",
    "Styles",
    "as_json",
    "check_rejects",
    "csv_bytes",
    "holds",
    "is_same",
    "opened_book",
    "write_csv",
    "write_json",
    "write_parquet",
    "write_rejects",
    "write_review",
    "write_workbook",
]


GROUP_ROWS = 1 << 20
SLICE_ROWS = 1 << 17


def write_parquet(tables: pa.Table | Iterable[pa.Table], path: Path, *, kinds: bool = False) -> int:
    """Write a table, or tables of the same columns (at least one), as Parquet (zstd) with PyArrow; return the rows.

    PyArrow and not Polars, for its record with decimals. How a table is cut into chunks leaves no trace; nor how rows
    are cut into tables, where all but the last have `GROUP_ROWS` rows, as each begins a row group. With `kinds` the
    fields say the kinds of columns; of a run its manifest does.

    Raises:
        OSError: when the file cannot be written.

    """
    rows, writer = 0, None
    with open_new(path) as file, ExitStack() as stack:
        for table in each(tables):
            schema = table.schema if kinds else pa.schema([field.remove_metadata() for field in table.schema])
            writer = writer or stack.enter_context(pq.ParquetWriter(file, schema, compression="zstd"))
            writer.write_table(table.combine_chunks(), row_group_size=GROUP_ROWS)
            rows += table.num_rows
            del table  # not held while the next one is made
    return rows


def each(tables: pa.Table | Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the tables; one table is one."""
    return iter([tables] if isinstance(tables, pa.Table) else tables)


def write_csv(tables: pa.Table | Iterable[pa.Table], path: Path, *, excel: bool = False) -> int:
    """Write a table, or tables of the same columns, as CSV (RFC 4180, but lines end in LF): UTF-8 without BOM.

    Decimals have all their digits, ids stand as they came, null is an empty field and an empty text is `""`. Fields
    are quoted only where they must be. Nothing is escaped for spreadsheets, but with `excel` (see `csv_bytes`): a name
    such as `=1+1` stays what it is.

    Returns:
        The rows.

    Raises:
        OSError: when the file cannot be written.

    """
    rows = 0
    with open_new(path) as file:
        for part, height in csv_bytes(tables, excel=excel):
            file.write(part)
            rows += height
    return rows


def csv_bytes(tables: pa.Table | Iterable[pa.Table], *, excel: bool = False) -> Iterator[tuple[bytes, int]]:
    """Yield tables as CSV, some rows at a time, with their number; the header comes first.

    For Excel a mark of the encoding comes before it, and texts that a spreadsheet would run get an apostrophe.
    """
    header = True
    for table in each(tables):
        frame = defused(pl.DataFrame(table)) if excel else pl.DataFrame(table)
        if header:
            yield frame.head(0).write_csv(include_bom=excel).encode(), 0
            header = False
        for part in frame.iter_slices(SLICE_ROWS):
            yield part.write_csv(include_header=False).encode(), part.height
        del table, frame  # not held while the next one is made


def holds(path: Path, parts: Iterable[bytes]) -> bool:
    """Tell whether a file holds these bytes and no more; a pipe is not waited for."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return all(file.read(len(part)) == part for part in parts) and not file.read(1)


def as_json(value: Any) -> bytes:  # noqa: ANN401 - whatever JSON can hold
    """Return the bytes of a JSON file."""
    return (json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode(errors="backslashreplace")


def write_json(value: Any, path: Path) -> None:  # noqa: ANN401 - whatever JSON can hold
    """Write a value as JSON for people and programs: indented, UTF-8, keys in the order given.

    What a file name that is not UTF-8 has in the place of its bytes is escaped, so that reading gives the name back.

    Raises:
        OSError: when the file cannot be written.

    """
    with open_new(path) as file:
        file.write(as_json(value))


CREATED = datetime(2000, 1, 1)  # noqa: DTZ001 - a fixed moment, so that the bytes repeat
CHOICES = ["keep", "hold", "exclude", "weight 0.5"]
MOST_ROWS = 1_048_575
"""What a sheet holds below its header. The CSV beside it has every line."""
WIDE = {"subject": 30, "reasons": 80, "decision": 14, "note": 40, "group": 22}
NARROW = 12


def write_review(table: pa.Table, path: Path) -> int:
    """Write the review table as XLSX; every cell is text or a number, none a formula. Return the rows written.

    The table has at most MOST_ROWS rows.

    Raises:
        OSError: when the file cannot be written.

    """
    rows = int(table.num_rows)
    with open_new(path) as file, opened_book(file, "fairpay: suspects to review", few=True) as book:
        sheet = book.add_worksheet("review")
        bold = book.add_format({"bold": True})
        sheet.freeze_panes(1, 2)
        for place, name in enumerate(table.column_names):
            sheet.set_column(place, place, WIDE.get(name, NARROW))
            sheet.write_string(0, place, name, bold)
            for row, value in enumerate(table.column(name).to_pylist(), start=1):
                if isinstance(value, str):
                    sheet.write_string(row, place, value)
                elif value is not None:
                    sheet.write_number(row, place, value)
            if name == "decision" and rows:
                choice = {"validate": "list", "source": CHOICES, "ignore_blank": True, "error_type": "information"}
                sheet.data_validation(1, place, rows, place, choice)
    return rows


EXACT = 10**15
"""Numbers from here on are written as text: a spreadsheet would round them."""
LONGEST = 32_767
"""Characters a cell holds."""


def write_workbook(tables: pa.Table | Iterable[pa.Table], path: Path, *, name: str = "", rows: int = MOST_ROWS) -> int:
    """Write a table, or tables of the same columns, as XLSX; return the rows.

    Numbers are numbers, and no text is a formula; of a text what a cell holds is written. The sheets are called `name`,
    or as the file, and a table longer than a sheet goes on in the next. Headings stay in sight. Bytes repeat.

    Raises:
        OSError: when the file cannot be written.

    """
    count, page, name = 0, None, name or path.stem
    with open_new(path) as file, opened_book(file, f"fairpay: {name}") as book:
        styles = Styles(book)
        for frame in (pl.DataFrame(table) for table in each(tables)):
            digits = [kind.scale if isinstance(kind, pl.Decimal) else 0 for kind in frame.dtypes]
            page = page or headed(book, name, frame.columns)
            for record in frame.iter_rows():
                if count and count % rows == 0:
                    page = headed(book, f"{name} {count // rows + 1}", frame.columns)
                write_record(page, count % rows + 1, record, digits, styles)
                count += 1
    return count


@contextmanager
def opened_book(file: BinaryIO, title: str, *, few: bool = False) -> Iterator[Any]:
    """Write a workbook to a file: in memory where records are few, several times as fast, else by way of files."""
    import xlsxwriter  # noqa: PLC0415 - for workbooks only

    # parts of a large one lie in files until it is put together: in a folder that goes however the program ends
    folder = nullcontext() if few else TemporaryDirectory(prefix="fairpay-")
    ways = {"in_memory": few, "constant_memory": not few}
    with folder as parts, xlsxwriter.Workbook(file, {**ways, "tmpdir": parts}) as book:
        book.set_properties({"created": CREATED, "title": title})
        yield book


class Styles(dict[tuple[int, bool], Any]):
    """How cells are shown, by the digits of numbers after the point (-1: as they are) and whether they are in bold."""

    def __init__(self, book: Any) -> None:  # noqa: ANN401 - untyped library
        """Remember the workbook that holds them."""
        self.book = book

    def __missing__(self, look: tuple[int, bool]) -> Any:  # noqa: ANN401 - untyped library
        """Add one where it is first needed."""
        digits, bold = look
        number = {} if digits < 0 else {"num_format": "#,##0" + "." * (digits > 0) + "0" * digits}
        return self.setdefault(look, self.book.add_format({"bold": bold, **number}))


def headed(book: Any, name: str, columns: Sequence[str]) -> Any:  # noqa: ANN401 - untyped library
    """Begin a sheet with its headings, which stay in sight; the names of sheets have 31 characters."""
    page, bold = book.add_worksheet(name[-31:]), book.add_format({"bold": True})
    page.freeze_panes(1, 1)
    page.set_column(0, 0, WIDE["subject"])
    page.set_column(1, max(1, len(columns) - 1), WIDE["decision"])
    for place, title in enumerate(columns):
        page.write_string(0, place, title[:LONGEST], bold)
    return page


def write_record(page: Any, line: int, record: Sequence[Any], digits: Sequence[int], styles: Styles) -> None:  # noqa: ANN401 - untyped library
    """Write one row: nothing for null, and as text what a spreadsheet would round."""
    for place, (value, scale) in enumerate(zip(record, digits, strict=True)):
        if isinstance(value, str):
            page.write_string(line, place, value[:LONGEST])
        elif isinstance(value, float):
            page.write_number(line, place, value)
        elif value is not None and abs(value) * 10**scale >= EXACT:
            page.write_string(line, place, str(value))
        elif value is not None:
            page.write_number(line, place, value, styles[scale, False])


BEGINS = ("file", "row", "reason")
"""The columns that every file of rejects begins with."""
PARQUET = (".parquet", ".pq")


def check_rejects(path: Path, inputs: Iterable[str | Path], *, output: Path | None = None) -> None:
    """Refuse a place for rejects whose file would be lost, or would spoil a finished run.

    Args:
        path: where rejects shall go.
        inputs: every file that is read.
        output: the directory that the run is written to, where there is one.

    Raises:
        UsageError: it is an input, also by a link; a directory; a file that holds no rejects; inside the output.

    """
    advice = "Choose another place with --rejects FILE; nothing was read or written."
    if os.path.isdir(path):  # noqa: PTH112 - no error where one may not look; writing will say so
        message = f"--rejects {path}: this is a directory"
        raise UsageError(message, advice=advice)
    if output is not None and is_within(path, output):
        message = f"--rejects {path} is inside {output}, which holds nothing but the run"
        raise UsageError(message, advice=advice)
    if any(is_same(path, one) for one in inputs):
        message = f"--rejects {path} names an input: it would be overwritten"
        raise UsageError(message, advice=advice)
    if os.path.isfile(path) and path.stat().st_size and not holds_rejects(path):  # noqa: PTH113 - the same
        message = f"--rejects {path}: a file is there that holds no rejects; it would be overwritten"
        raise UsageError(message, advice=advice)


def is_same(path: Path, other: str | Path) -> bool:
    """Whether two names mean one file, however they are written or linked."""
    with suppress(OSError, ValueError):
        return path.samefile(other)
    return os.path.realpath(path) == os.path.realpath(other)


def is_within(path: Path, directory: Path) -> bool:
    """Whether a file lies in a directory, or will."""
    inside, around = os.path.realpath(path), os.path.realpath(directory)
    return os.path.commonpath([inside, around]) == around


def holds_rejects(path: Path) -> bool:
    """Whether a file was written here, by the columns it begins with."""
    if path.suffix.lower() not in PARQUET:
        with path.open("rb") as file:
            return file.read(100).startswith(",".join(BEGINS).encode())
    try:
        return tuple(pq.read_schema(path).names[: len(BEGINS)]) == BEGINS
    except (OSError, pa.ArrowException):
        return False


def write_rejects(table: pa.Table, path: Path) -> None:
    """Write rejected rows as Parquet if `path` ends so, else as CSV: all of it, or nothing.

    Who may read it is for the umask to say, as for all outputs: it holds ids of users.

    Raises:
        OutputError: it cannot be written; a file that was there before is left alone.

    """
    frame = pl.DataFrame(table)
    try:
        with replacing(path) as made, open_new(made) as out:
            if path.suffix.lower() in PARQUET:
                frame.write_parquet(out)
            else:
                frame.write_csv(out)
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        message = f"{path}: the rejects could not be written: {error}"
        raise OutputError(
            message, advice="Nothing else was written. Choose another place with --rejects FILE."
        ) from error
