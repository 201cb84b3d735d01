"""CSV: verbatim for machines; for Excel with a mark of the encoding and with formulas defused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fairpay.ledger.ledger import Ledger
    from fairpay.ledger.sheet import Sheet

__all__ = ["csv_lines", "csv_parts", "defused", "ledger_csv", "written"]

RISKY = ("=", "+", "-", "@", "\t", "\r")
QUOTED = '[",\r\n]'
SLICE = 1 << 17


def csv_parts(sheet: Sheet, *, excel: bool = False) -> Iterator[bytes]:
    """Write a sheet as CSV: UTF-8, comma, decimal point, LF; for Excel with a BOM and escaped text.

    Yields:
        The bytes of the file, some rows at a time.

    """
    return (together(part) for part in csv_lines(sheet, excel=excel))


def csv_lines(sheet: Sheet, *, excel: bool = False) -> Iterator[pl.Series]:
    """The same line by line: each ends in LF, and the header comes first."""
    numbers = {*sheet.amounts, "scale", *sheet.scales.values()}
    risky = [name for name in sheet.columns if name not in numbers] if excel else []
    parts = (part.with_columns(defused(name) for name in risky) for part in sheet.texts())
    return lined(sheet.columns, parts, mark="\ufeff" if excel else "")


def ledger_csv(ledger: Ledger) -> Iterator[bytes]:
    """The ledger as CSV, in the order of the rows; amounts stay minor units."""
    frame = ledger.frame
    parts = (frame[at : at + SLICE].cast(pl.String) for at in range(0, frame.height, SLICE))
    return (together(part) for part in lined(frame.columns, parts))


def lined(header: Sequence[str], parts: Iterable[pl.DataFrame], *, mark: str = "") -> Iterator[pl.Series]:
    """The lines of a CSV file. A field is quoted where it must be, and by no library's changing habits."""
    yield pl.Series([mark + ",".join(header) + "\n"])
    for part in parts:
        line = pl.concat_str([quoted(name) for name in part.columns], separator=",") + "\n"
        yield part.select(line.alias("line"))["line"]


def together(lines: pl.Series) -> bytes:
    """The bytes of some lines."""
    return str(lines.str.join("").item()).encode()


def written(header: Sequence[str], records: Iterable[Sequence[str]]) -> str:
    """The lines of a CSV file of a few records."""
    frame = pl.DataFrame(list(records), schema=dict.fromkeys(header, pl.String), orient="row")
    return b"".join(together(part) for part in lined(header, [frame])).decode()


def quoted(name: str) -> pl.Expr:
    """A field in quotes where it holds a comma, a quote or the end of a line."""
    text = pl.col(name)
    return (
        pl.when(text.str.contains(QUOTED))
        .then('"' + text.str.replace_all('"', '""', literal=True) + '"')
        .otherwise(text)
    )


def defused(name: str) -> pl.Expr:
    """Put an apostrophe before what a spreadsheet would take for a formula."""
    text = pl.col(name)
    risky = pl.any_horizontal(text.str.starts_with(mark) for mark in RISKY)
    return pl.when(risky).then("'" + text).otherwise(text).alias(name)
