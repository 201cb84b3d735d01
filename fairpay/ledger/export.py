"""Export: tables as CSV, Parquet and XLSX; the text of amounts has their currency's digits.

CSV is verbatim for machines, and for Excel has a mark of the encoding and formulas defused. The workbook is for
reading: the ledger in Parquet is the record, a spreadsheet holds 15 digits.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from fairpay.errors import UnbalancedError
from fairpay.logs.tables import guarded
from fairpay.money.currency import format_units
from fairpay.reports.tables import ColumnKind
from fairpay.runs.outputs import EXACT, MOST_ROWS, Styles, opened_book

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


__all__ = [
    "Sheet",
    "csv_lines",
    "csv_parts",
    "ledger_csv",
    "lined",
    "together",
    "workbook",
    "written",
]

SLICE = 1 << 17


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table for people and for machines."""

    name: str
    frame: pl.DataFrame
    """Texts, whole numbers, and amounts; with a column `scale`."""
    amounts: frozenset[str]
    """Columns that are minor units of the row's `currency`, with `scale` digits."""
    scales: Mapping[str, str] = field(default_factory=dict)
    """Those of another currency -> the column of its digits."""
    hidden: frozenset[str] = frozenset()
    """Columns that are needed, and not shown."""
    total: bool = False
    """Whether the last record is the total of the others."""

    @property
    def shown(self) -> list[str]:
        """The columns of files, in their order."""
        return [name for name in self.frame.columns if name not in self.hidden]

    def scale_of(self, name: str) -> str:
        """The column that says how many digits the amounts of a column have."""
        return self.scales.get(name, "scale")

    def texts(self, rows: int = SLICE) -> Iterator[pl.DataFrame]:
        """The records as text, amounts in major units, some at a time."""
        for start in range(0, self.frame.height, rows):
            part = self.frame[start : start + rows]
            yield part.select(
                money(part, name, self.scale_of(name)) if name in self.amounts else pl.col(name).cast(pl.String)
                for name in self.shown
            )

    def head(self) -> pl.DataFrame:
        """The columns of these without a record."""
        return pl.DataFrame(schema=dict.fromkeys(self.shown, pl.String))

    def arrow(self) -> pa.Table:
        """The same for machines: amounts are decimals in major units, with the digits of a column's finest currency.

        Raises:
            UnbalancedError: when an amount leaves int64.

        """
        for name in self.amounts:
            if self.frame[name].cast(pl.Int64, strict=False).null_count():
                message = f"an amount of the column {name} is beyond what a table holds"
                raise UnbalancedError(message, advice="Use a currency with fewer digits, or divide the pool.")
        whole = self.frame.select(
            money(self.frame, name, self.scale_of(name))
            if name in self.amounts
            else pl.col(name).cast(pl.Int64 if self.frame.schema[name].is_integer() else pl.String)
            for name in self.shown
        ).to_arrow()
        return whole.cast(pa.schema([self.field(name) for name in self.shown]))

    def field(self, name: str) -> pa.Field:
        """A column of that table, which says its kind."""
        if name in self.amounts:
            digits = self.frame[self.scale_of(name)].max() if self.frame.height else 2
            return pa.field(name, pa.decimal128(38, digits), metadata={"kind": ColumnKind.MONEY})
        if self.frame.schema[name].is_integer():
            return pa.field(name, pa.int64(), metadata={"kind": ColumnKind.COUNT})
        return pa.field(name, pa.string(), metadata={"kind": ColumnKind.TEXT})


def money(frame: pl.DataFrame, name: str, of: str = "scale") -> pl.Expr:
    """A column of minor units as text in major units: -5 with 2 digits is `-0.05`."""
    column = pl.col(name)
    least = frame[name].min()
    if least is None or (isinstance(least, int) and least <= -(2**63)):  # its magnitude is no int64
        column = column.cast(pl.Int128)
    text = column.cast(pl.String)
    for scale in frame[of].unique().to_list():
        if scale:
            text = pl.when(pl.col(of) == scale).then(decimal(column, scale)).otherwise(text)
    return text.alias(name)


def decimal(column: pl.Expr, scale: int) -> pl.Expr:
    size = column.abs()
    sign = pl.when(column < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    part = (size % 10**scale).cast(pl.Int64).cast(pl.String).str.zfill(scale)
    text: pl.Expr = sign + (size // 10**scale).cast(pl.String) + "." + part
    return text


QUOTED = '[",\r\n]'


def csv_parts(sheet: Sheet, *, excel: bool = False) -> Iterator[bytes]:
    """Write a sheet as CSV: UTF-8, comma, decimal point, LF; for Excel with a BOM and escaped text.

    Yields:
        The bytes of the file, some rows at a time.

    """
    return (together(part) for part in csv_lines(sheet, excel=excel))


def csv_lines(sheet: Sheet, *, excel: bool = False) -> Iterator[pl.Series]:
    """The same line by line: each ends in LF, and the header comes first."""
    numbers = {*sheet.amounts, "scale", *sheet.scales.values()}
    risky = [name for name in sheet.frame.columns if name not in numbers] if excel else []
    parts = (part.with_columns(guarded(name) for name in risky) for part in sheet.texts())
    return lined(sheet.frame.columns, parts, mark="\ufeff" if excel else "")


def ledger_csv(frame: pl.DataFrame) -> Iterator[bytes]:
    """The rows of a ledger as CSV, in their order; amounts stay minor units."""
    parts = (frame[at : at + SLICE].cast(pl.String) for at in range(0, frame.height, SLICE))
    return (together(part) for part in lined(frame.columns, parts))


def lined(header: Sequence[str], parts: Iterable[pl.DataFrame], *, mark: str = "") -> Iterator[pl.Series]:
    """The lines of a CSV file. A field is quoted where it must be, and by no library's changing habits."""
    yield pl.Series([mark + ",".join(header) + "\n"])
    for part in parts:
        line = pl.concat_str([quoted(name) for name in part.columns], separator=",") + "\n"
        yield part.select(line.alias("line"))["line"]


def together(lines: pl.Series) -> bytes:
    """Put lines into bytes of UTF-8."""
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


NARROW, WIDTH = 6, 40
A4 = 9
FEW = 10_000
"""Records of a workbook that is made in memory, several times as fast as in files."""
CHARTED = 20
CHART_ROWS = 17


def workbook(*, about: Sequence[tuple[str, str]], sheets: Sequence[Sheet], rows: int = MOST_ROWS) -> bytes:
    """Make one workbook; the same content gives the same bytes. A table longer than a sheet goes on in the next.

    Args:
        about: what the first sheet says, as pairs of a name and a text.
        sheets: the tables, each on its own sheet.
        rows: records per sheet.

    """
    out = BytesIO()
    few = sum(sheet.frame.height for sheet in sheets) <= FEW
    with opened_book(out, "fairpay", few=few) as book:
        first = book.add_worksheet("About")
        for line, (name, text) in enumerate(about):
            first.write_string(line, 0, name)
            first.write_string(line, 1, text)
        for sheet in sheets:
            write_sheet(book, sheet, rows)
        draw(book, next((sheet for sheet in sheets if "payable" in sheet.frame.columns), None), rows)
    return out.getvalue()


def write_sheet(book: Any, sheet: Sheet, rows: int) -> None:  # noqa: ANN401 - untyped library
    parts = range(0, max(1, sheet.frame.height), rows)
    for number, start in enumerate(parts, 1):
        name = sheet.name if number == 1 else f"{sheet.name} {number}"
        page = laid_out(book, name, sheet)
        if number < len(parts):
            page.write_comment(0, 0, f"More rows than a sheet holds: goes on in sheet {sheet.name} {number + 1}.")
        last = number == len(parts)
        write_part(book, page, sheet, slice(start, start + rows), total=sheet.total and last)


def laid_out(book: Any, name: str, sheet: Sheet) -> Any:  # noqa: ANN401 - untyped library
    """Begin a sheet that is read on a screen and on paper: landscape, all columns on a page, headings on each."""
    page = book.add_worksheet(name)
    page.set_landscape()
    page.set_paper(A4)
    page.fit_to_pages(1, 0)
    page.repeat_rows(0)
    page.freeze_panes(1, 0)
    page.set_footer("&L&A&RPage &P of &N")
    bold = book.add_format({"bold": True, "text_wrap": True, "valign": "top"})
    for column, title in enumerate(sheet.shown):
        longest = sheet.frame[title].cast(pl.String).str.len_chars().max()
        wanted = max(len(title), longest if isinstance(longest, int) else 0) + 2
        page.set_column(column, column, min(max(wanted, NARROW), WIDTH))
        page.write_string(0, column, title, bold)
    return page


def write_part(book: Any, page: Any, sheet: Sheet, part: slice, *, total: bool) -> None:  # noqa: ANN401 - no types
    """Write some records: numbers as numbers, nothing for an amount of zero; the last in bold where it is a total."""
    records, names = sheet.frame[part], sheet.frame.columns
    shown = [names.index(title) for title in sheet.shown]
    digits = [names.index(sheet.scale_of(title)) if title in sheet.amounts else -1 for title in names]
    counts = [kind.is_integer() for kind in sheet.frame.dtypes]
    styles = Styles(book)
    for line, record in enumerate(records.iter_rows(), 1):
        last = total and line == records.height
        for column, place in enumerate(shown):
            value, scale = record[place], record[digits[place]] if digits[place] >= 0 else -1
            if value is None or (scale >= 0 and not value and not total):
                continue
            look = styles[scale, last]
            if not counts[place]:
                page.write_string(line, column, str(value), look)
            elif abs(value) >= EXACT:
                page.write_string(line, column, format_units(value, max(scale, 0)), look)
            else:
                page.write_number(line, column, value / 10**scale if scale > 0 else value, look)


def draw(book: Any, sheet: Sheet | None, rows: int) -> None:  # noqa: ANN401 - untyped library
    """Draw what was earned and is payable on a sheet of its own: a chart for each currency, whose records adjoin."""
    if sheet is None or sheet.frame.is_empty():
        return
    page = book.add_worksheet("charts")
    page.set_landscape()
    page.set_paper(A4)
    page.fit_to_pages(1, 0)
    currencies = sheet.frame["currency"].cast(pl.String)[:rows]
    for number, currency in enumerate(currencies.unique(maintain_order=True)):
        places = (currencies == currency).arg_true()
        first, last = places[0] + 1, places[min(len(places), CHARTED) - 1] + 1
        drawn = book.add_chart({"type": "bar"})
        names = sheet.shown.index("payee")
        for title in ("earned", "payable"):
            column = sheet.shown.index(title)
            ranges = {
                "categories": [sheet.name, first, names, last, names],
                "values": [sheet.name, first, column, last, column],
            }
            drawn.add_series({"name": f"{title} {currency}", **ranges})
        drawn.set_title({"name": f"Earned and payable, {currency}, first {last - first + 1} lines"})
        page.insert_chart(1 + number * CHART_ROWS, 0, drawn)
