"""Workbooks (XLSX, XLS, ODS), read by python-calamine: the sheet whose header is known best, as text."""

from __future__ import annotations

import io
import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import InputError
from fairpay.logs.names import recognised, refuse_duplicates
from fairpay.logs.source import BATCH, ROW, Source, framed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from zipfile import ZipFile

    from fairpay.logs.files import LogFile
    from fairpay.settings.values import Reading

__all__ = ["opened", "read_sheet"]

HEADER_LINES = 40
MOST_BYTES = 1 << 30
"""A workbook that unpacks to more is refused."""
MOST_CELLS, SPARSE = 10_000_000, 20
"""A sheet that spans more cells, and more than so many times those that it has, is refused: every one takes room."""
SHEETS = re.compile(r"^xl/(worksheets|macrosheets)/[^/]+\.xml$|^content\.xml$", re.IGNORECASE)
CELL = re.compile(rb"""\sr=["']([A-Za-z]{1,3})(\d{1,7})["']""")
ROWS = re.compile(rb"""<(?:\w+:)?row\s(?:[^>]*\s)?r=["'](\d{1,7})["']""")
ODS_ROW = re.compile(rb"<table:table-row.*?</table:table-row>", re.DOTALL)
ROWS_REPEATED = re.compile(rb"""number-rows-repeated=["'](\d{1,9})["']""")
CELLS_REPEATED = re.compile(rb"""number-columns-repeated=["'](\d{1,9})["']""")
CHUNK, OVERLAP = 1 << 24, 200
SAVE = "Save the sheet as .xlsx without a password, or as 'CSV UTF-8'."
EXACT = 2**53
"""Whole numbers up to here are what was typed; a spreadsheet has only 15 digits of larger ones."""


def opened(file: LogFile, reading: Reading) -> Source:
    """Read the sheet of a workbook whose header has most known names; among equals the first.

    Raises:
        InputError: it is no workbook, is locked by a password, or is made to fill the memory.

    """

    def known(row: Sequence[str]) -> int:
        return recognised(row, reading) if reading.header else 0

    with open(file.local, "rb") as raw:  # noqa: PTH123 - a name as it was given
        rows = read_sheet(raw.read(), file.path, known)
    at = above = 0
    if reading.header:
        filled = [i for i, row in enumerate(rows[:HEADER_LINES]) if any(row)]
        first = filled[0] if filled else 0
        at = next((i for i in filled if known(rows[i]) >= min(2, len(rows[i]))), first)
        above = sum(i < at for i in filled)
        names = [cell.strip() for cell in rows[at]] if rows else []
        while names and not names[-1]:
            names.pop()
        at += 1
    else:
        names = [str(i + 1) for i in range(max((len(row) for row in rows), default=0))]
    refuse_duplicates(names, file.path)

    places = {name: place for place, name in enumerate(names) if name}
    table = framed(enumerate(rows[at:]), places)

    def frames(chosen: Sequence[str], size: int | None, keep: pl.Expr | None) -> Iterator[pl.DataFrame]:  # noqa: ARG001 - see Source
        return table.select(*chosen, ROW).iter_slices(size or BATCH)

    fields = dict.fromkeys(places, pl.String())
    return Source(where=file.path, fields=fields, frames=frames, rows=None if rows[at:] else 0, above=above)


def read_sheet(data: bytes, where: str, known: Callable[[Sequence[str]], int] = lambda _: 0) -> list[list[str]]:
    """Return the cells of one sheet as text: numbers as they were typed, times in ISO 8601.

    Args:
        data: the workbook.
        where: what it is called.
        known: how many cells of a row are names of columns: the sheet with most is taken, else the first that has
            rows; a hidden one only where no other has.

    Raises:
        InputError: the data is no workbook, is locked, or is made to fill the memory.

    """
    import python_calamine as calamine  # noqa: PLC0415 - only for workbooks

    check_size(data, where)
    best: list[list[object]] = []
    most = (False, -1)
    try:
        book = calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        for sheet in book.sheets_metadata:
            if sheet.typ != calamine.SheetTypeEnum.WorkSheet:
                continue
            rows: list[list[object]] = book.get_sheet_by_name(sheet.name).to_python(skip_empty_area=False)  # type: ignore[assignment] # of several kinds
            if not any(cell != "" for row in rows for cell in row):
                continue
            shown = sheet.visible == calamine.SheetVisibleEnum.Visible
            rank = (shown, max(known([text_of(cell) for cell in row]) for row in rows[:HEADER_LINES]))
            if rank > most:
                best, most = rows, rank
    except (calamine.CalamineError, OSError, ValueError, OverflowError) as error:
        locked = isinstance(error, calamine.PasswordError)
        message = f"{where}: the workbook {'is locked by a password' if locked else f'cannot be read: {error}'}"
        raise InputError(message, advice=SAVE) from error
    except BaseException as error:  # a fault within the library is none of Python's exceptions
        if type(error).__name__ != "PanicException":
            raise
        message = f"{where}: the workbook cannot be read: it is damaged"
        raise InputError(message, advice=SAVE) from error
    return [[text_of(cell) for cell in row] for row in best]


def check_size(data: bytes, where: str) -> None:
    """Refuse a workbook made to fill the memory: by what it unpacks to, or by cells far from all others."""
    import zipfile  # noqa: PLC0415 - only for workbooks
    import zlib  # noqa: PLC0415 - the same

    if not data.startswith(b"PK\x03\x04"):
        return
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            size = sum(member.file_size for member in book.infolist())
            if size > MOST_BYTES:
                message = f"{where}: the workbook unpacks to {size:,} bytes, which is too much"
                raise InputError(message, advice="Save the sheet as 'CSV UTF-8'.")
            parts = [name for name in book.namelist() if SHEETS.search(name)]
            room = max((room_of(book, name) for name in parts), default=0)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, OSError, RuntimeError, NotImplementedError) as error:
        message = f"{where}: the workbook cannot be read: {error}"
        raise InputError(message, advice=SAVE) from error
    if room > MOST_CELLS:
        message = f"{where}: a sheet of the workbook spans {room:,} cells, most of them empty"
        raise InputError(message, advice="Delete what stands far from the table, or save the sheet as 'CSV UTF-8'.")


def room_of(book: ZipFile, name: str) -> int:
    """Return how many cells the rectangle has that holds every cell of a sheet; 0 where it is filled well enough."""
    if name.endswith("content.xml"):
        return repeated(book.read(name))
    wide = high = 1
    filled = 0
    before = b""
    with book.open(name) as part:
        while block := part.read(CHUNK):
            text = before + block
            cells = CELL.findall(text)
            filled += len(cells)
            for column, row in cells:
                wide = max(wide, number_of(column))
                high = max(high, int(row))
            high = max([high, *(int(row) for row in ROWS.findall(text))])
            before = text[-OVERLAP:]
    return wide * high if wide * high > SPARSE * filled else 0


def number_of(letters: bytes) -> int:
    found = 0
    for letter in letters.upper():
        found = 26 * found + letter - 64
    return found


def repeated(text: bytes) -> int:
    """Return how many cells the filled rows of an OpenDocument table have, each row and cell as often as it stands."""
    most = 0
    for row in ODS_ROW.findall(text):
        if b"value-type" not in row:
            continue  # empty ones to the end of the sheet are usual
        times = ROWS_REPEATED.search(row[: row.find(b">")])
        cells = sum(int(n) for n in CELLS_REPEATED.findall(row[: row.rfind(b"value-type")]))
        most = max(most, (int(times[1]) if times else 1) * max(cells, 1))
    return most


def text_of(cell: object) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < EXACT else repr(cell)
    if isinstance(cell, (datetime, date, time)):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return repr(cell.total_seconds())
    return str(cell)
