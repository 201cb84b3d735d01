"""Workbooks (XLSX, XLS, ODS), read by python-calamine: the first sheet that has rows, as text."""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError
from fairpay.logs.columns import recognised, refuse_duplicates
from fairpay.logs.source import BATCH, ROW, Field, Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairpay.logs.find import LogFile
    from fairpay.settings import Reading

__all__ = ["open_sheet", "read_sheet"]

HEADER_LINES = 40
MOST_BYTES = 1 << 30
"""A workbook that unpacks to more is refused."""
EXACT = 2**53
"""Whole numbers up to here are what was typed; a spreadsheet has only 15 digits of larger ones."""


def open_sheet(file: LogFile, reading: Reading) -> Source:
    """Read a workbook's first sheet.

    Raises:
        InputError: it is no workbook, or locked by a password.

    """
    with open(file.local, "rb") as raw:  # noqa: PTH123 - a name as it was given
        rows = read_sheet(raw.read(), file.path)
    at = 0
    if reading.header:
        at = next((i for i, row in enumerate(rows[:HEADER_LINES]) if recognised(row, reading) >= min(2, len(row))), 0)
        names = [cell.strip() for cell in rows[at]] if rows else []
        while names and not names[-1]:
            names.pop()
        at += 1
    else:
        names = [str(i + 1) for i in range(max((len(row) for row in rows), default=0))]
    refuse_duplicates(names, file.path)

    def frames(chosen: Sequence[str], size: int | None, keep: pl.Expr | None) -> Iterator[pl.DataFrame]:  # noqa: ARG001 - see Source
        places = [names.index(name) for name in chosen]
        kept = [(n, row) for n, row in enumerate(rows[at:]) if any(row)]
        for first in range(0, len(kept), size or BATCH):
            some = kept[first : first + (size or BATCH)]
            columns: dict[str, Any] = {
                name: [(row[place] or None) if place < len(row) else None for _, row in some]
                for name, place in zip(chosen, places, strict=True)
            }
            frame = pl.DataFrame(columns, schema=dict.fromkeys(chosen, pl.String))
            yield frame.with_columns(pl.Series(ROW, [n for n, _ in some], pl.UInt32))

    fields = {name: Field(kind=pl.String(), expr=pl.col(name)) for name in names if name}
    return Source(where=file.path, fields=fields, frames=frames, text=True, rows=None if rows[at:] else 0)


def read_sheet(data: bytes, where: str) -> list[list[str]]:
    """Return the cells of the first sheet that has any, as text: numbers as they were typed, times in ISO 8601.

    Raises:
        InputError: the data is no workbook, is locked, or unpacks to too much.

    """
    import python_calamine as calamine  # noqa: PLC0415 - only for workbooks

    check_size(data, where)
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        for name in book.sheet_names:
            rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            if rows:
                return [[text_of(cell) for cell in row] for row in rows]
    except (calamine.CalamineError, OSError, ValueError, OverflowError) as error:
        locked = isinstance(error, calamine.PasswordError)
        message = f"{where}: the workbook {'is locked by a password' if locked else f'cannot be read: {error}'}"
        raise InputError(message, advice="Save the sheet as .xlsx without a password, or as 'CSV UTF-8'.") from error
    return []


def check_size(data: bytes, where: str) -> None:
    """Refuse a workbook made to fill the memory: by what it unpacks to, or by cells far from all others.

    Raises:
        InputError: it is too large, or a damaged archive.

    """
    import zipfile  # noqa: PLC0415 - only for workbooks

    if not data.startswith(b"PK\x03\x04"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            size = sum(member.file_size for member in book.infolist())
    except (zipfile.BadZipFile, ValueError) as error:
        message = f"{where}: the workbook cannot be read: {error}"
        raise InputError(message, advice="Save it as .xlsx or as 'CSV UTF-8'.") from error
    if size > MOST_BYTES:
        message = f"{where}: the workbook unpacks to {size:,} bytes, which is too much"
        raise InputError(message, advice="Save the sheet as 'CSV UTF-8'.")


def text_of(cell: object) -> str:
    """Write a cell as text."""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < EXACT else repr(cell)
    if isinstance(cell, (datetime, date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return repr(cell.total_seconds())
    return str(cell)
