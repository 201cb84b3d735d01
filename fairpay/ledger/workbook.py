"""XLSX: statements for people. The ledger in Parquet is the record; a spreadsheet holds 15 digits."""

from __future__ import annotations

from datetime import datetime
from io import BytesIO
from typing import TYPE_CHECKING, Any

from fairpay.money.currency import format_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.ledger.sheet import Sheet

__all__ = ["ROWS", "workbook"]

ROWS = 1_048_575
"""Records a sheet holds below its header."""
WIDTH = 16
"""Of every column, in characters."""
EXACT = 10**15
"""Amounts of this many minor units and more are written as text: a spreadsheet would round them."""
CHARTED = 20
"""Lines a chart shows."""
CREATED = datetime(2000, 1, 1)  # noqa: DTZ001 - a fixed moment, so that the bytes repeat


def workbook(*, about: Sequence[tuple[str, str]], sheets: Sequence[Sheet], rows: int = ROWS) -> bytes:
    """Make one workbook; the same content gives the same bytes. A table longer than a sheet goes on in the next.

    Args:
        about: what the first sheet says, as pairs of a name and a text.
        sheets: the tables, each on its own sheet.
        rows: records per sheet.

    """
    import xlsxwriter  # noqa: PLC0415 - loaded where a workbook is written

    options = {
        "constant_memory": True,
        "strings_to_formulas": False,
        "strings_to_numbers": False,
        "strings_to_urls": False,
    }
    out = BytesIO()
    with xlsxwriter.Workbook(out, options) as book:
        book.set_properties({"created": CREATED, "title": "fairpay"})
        first = book.add_worksheet("About")
        for line, (name, text) in enumerate(about):
            first.write_string(line, 0, name)
            first.write_string(line, 1, text)
        for sheet in sheets:
            write_sheet(book, sheet, rows)
    return out.getvalue()


def write_sheet(book: Any, sheet: Sheet, rows: int) -> None:  # noqa: ANN401 - untyped library
    """Write a table, on as many sheets as it needs."""
    parts = range(0, max(1, len(sheet)), rows)
    for number, start in enumerate(parts, 1):
        name = sheet.name if number == 1 else f"{sheet.name} {number}"
        goes_on = None if number == len(parts) else number + 1
        write_part(book, name, sheet, slice(start, start + rows), goes_on=goes_on)


def write_part(book: Any, name: str, sheet: Sheet, part: slice, *, goes_on: int | None) -> None:  # noqa: ANN401 - untyped library
    """Write some records on a sheet of their own; nothing stands for zero; with a chart where something is payable."""
    page = book.add_worksheet(name)
    bold = book.add_format({"bold": True})
    formats = {digits: book.add_format({"num_format": decimal_format(digits)}) for digits in range(5)}
    page.freeze_panes(1, 0)
    page.set_column(0, len(sheet.columns) - 1, WIDTH)
    for column, title in enumerate(sheet.columns):
        page.write_string(0, column, title, bold)
    if goes_on is not None:
        page.write_comment(0, 0, f"More rows than a sheet holds: goes on in sheet {sheet.name} {goes_on}.")
    scale = [sheet.columns.index(sheet.scale_of(title)) for title in sheet.columns]
    money = [title in sheet.amounts for title in sheet.columns]
    records = sheet.frame[part].rows()
    for line, record in enumerate(records, 1):
        for column, value in enumerate(record):
            digits = record[scale[column]]
            if not money[column]:
                page.write_string(line, column, str(value))
            elif abs(value) >= EXACT:
                page.write_string(line, column, format_units(value, digits))
            elif value:
                page.write_number(line, column, value / 10**digits, formats[digits])
    if "payable" in sheet.columns and records:
        chart(book, page, name, sheet, len(records))


def decimal_format(digits: int) -> str:
    """How a spreadsheet shows an amount of this many digits."""
    return "#,##0" + ("." + "0" * digits if digits else "")


def chart(book: Any, page: Any, name: str, sheet: Sheet, count: int) -> None:  # noqa: ANN401 - untyped library
    """Draw what the first payees earned and are paid, from the cells themselves."""
    drawn = book.add_chart({"type": "bar"})
    last = min(count, CHARTED)
    payee = sheet.columns.index("payee")
    for title in ("earned", "payable"):
        column = sheet.columns.index(title)
        drawn.add_series(
            {
                "name": title,
                "categories": [name, 1, payee, last, payee],
                "values": [name, 1, column, last, column],
            }
        )
    drawn.set_title({"name": f"Earned and payable, first {last} lines"})
    page.insert_chart(1, len(sheet.columns) + 1, drawn)
