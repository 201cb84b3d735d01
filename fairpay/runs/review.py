"""The review file as a workbook: ids as text, decisions from a list."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fairpay.runs.disk import open_new

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

__all__ = ["MOST_ROWS", "write_review"]

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
