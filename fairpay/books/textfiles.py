"""CSV: verbatim for machines; for Excel with a mark of the encoding and with formulas defused."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairpay.books.statements import Sheet

__all__ = ["csv_text", "defused"]

RISKY = ("=", "+", "-", "@", "\t", "\r")


def csv_text(sheet: Sheet, *, excel: bool = False) -> str:
    """Write a sheet as CSV: UTF-8, comma, decimal point, LF; for Excel with a BOM and escaped text."""
    numbers = sheet.amounts | {"scale"}
    safe = [excel and column not in numbers for column in sheet.columns]
    records = (
        [defused(text) if risky else text for text, risky in zip(record, safe, strict=True)] for record in sheet.texts()
    )
    return ("\ufeff" if excel else "") + written(sheet.columns, records)


def written(header: Sequence[str], records: Iterable[Sequence[str]]) -> str:
    """The lines of a CSV file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(records)
    return out.getvalue()


def defused(text: str) -> str:
    """Put an apostrophe before what a spreadsheet would take for a formula."""
    return "'" + text if text.startswith(RISKY) else text
