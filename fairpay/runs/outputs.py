"""Tables, values and the review workbook to files: the same bytes for the same content, wherever they are written."""

from __future__ import annotations

import json
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fairpay.runs.disk import open_new

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

__all__ = ["MOST_ROWS", "as_json", "csv_to", "write_csv", "write_json", "write_parquet", "write_review"]

GROUP_ROWS = 1 << 20
SLICE_ROWS = 1 << 17


def write_parquet(tables: pa.Table | Iterable[pa.Table], path: Path) -> int:
    """Write a table, or tables of the same columns (at least one), as Parquet (zstd) with PyArrow; return the rows.

    PyArrow and not Polars, for its record with decimals. How a table is cut into chunks leaves no trace; nor how rows
    are cut into tables, where all but the last have `GROUP_ROWS` rows, as each begins a row group.

    Raises:
        OSError: when the file cannot be written.

    """
    rows, writer = 0, None
    with open_new(path) as file, ExitStack() as stack:
        for table in each(tables):
            writer = writer or stack.enter_context(pq.ParquetWriter(file, table.schema, compression="zstd"))
            writer.write_table(table.combine_chunks(), row_group_size=GROUP_ROWS)
            rows += table.num_rows
            del table  # not held while the next one is made
    return rows


def each(tables: pa.Table | Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Yield the tables; one table is one."""
    return iter([tables] if isinstance(tables, pa.Table) else tables)


def write_csv(tables: pa.Table | Iterable[pa.Table], path: Path) -> int:
    """Write a table, or tables of the same columns, as CSV (RFC 4180, but lines end in LF): UTF-8 without BOM.

    Decimals have all their digits, ids stand as they came, null is an empty field and an empty text is `""`. Fields
    are quoted only where they must be. Nothing is escaped for spreadsheets: a name such as `=1+1` stays what it is.

    Returns:
        The rows.

    Raises:
        OSError: when the file cannot be written.

    """
    with open_new(path) as file:
        return csv_to(tables, file)


def csv_to(tables: pa.Table | Iterable[pa.Table], file: BinaryIO) -> int:
    """Write tables as CSV to an open file, some rows at a time; return the rows."""
    rows, header = 0, True
    for table in each(tables):
        frame = pl.DataFrame(table)
        if header:
            frame.head(0).write_csv(file)
            header = False
        file.writelines(part.write_csv(include_header=False).encode() for part in frame.iter_slices(SLICE_ROWS))
        rows += frame.height
        del table, frame  # not held while the next one is made
    return rows


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


CREATED = datetime(2020, 1, 1, tzinfo=UTC).replace(tzinfo=None)
"""Fixed, so that the same findings give the same bytes."""
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
    import xlsxwriter  # noqa: PLC0415 - for workbooks only

    rows = int(table.num_rows)
    with open_new(path) as file, xlsxwriter.Workbook(file, {"in_memory": True}) as book:
        book.set_properties({"created": CREATED, "title": "fairpay: suspects to review"})
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
