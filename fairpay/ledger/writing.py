"""Writing: the files of a closed month and its manifest, published whole or not at all."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from fairpay.errors import InputError
from fairpay.ledger.closing import KEPT
from fairpay.ledger.grouping import group
from fairpay.ledger.names import file_name
from fairpay.ledger.routing import is_suspense
from fairpay.ledger.statements import lines, payables, pools_sheet, statements
from fairpay.ledger.store import ADJUSTMENTS, LEDGER
from fairpay.ledger.textfiles import csv_lines, csv_parts, ledger_csv
from fairpay.ledger.workbook import workbook
from fairpay.reports.outcome import Control
from fairpay.runs.disk import open_new
from fairpay.runs.inputs import hash_file
from fairpay.runs.manifest import describe
from fairpay.runs.outputs import write_parquet, write_tables
from fairpay.runs.publish import Target
from fairpay.runs.standing import damage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from fairpay.ledger.adjust import Adjusted
    from fairpay.ledger.close import Closed
    from fairpay.ledger.closing import Closing
    from fairpay.ledger.identity import Input
    from fairpay.ledger.ledger import Ledger
    from fairpay.ledger.sheet import Sheet
    from fairpay.ledger.store import Entry, Shelf

__all__ = ["already", "publish_adjustment", "publish_month"]

SCHEMA_VERSION = 1
DETAIL = 100_000
"""Rows of a table that are written into a workbook; more are refused there, with a word."""
Writer: TypeAlias = "Callable[[Path], int | None]"


def publish_month(closing: Closing, month: Closed, inputs: Sequence[Input], found: Shelf) -> None:
    """Write a month into the books.

    Raises:
        OutputError: it cannot be written; nothing is left behind.

    """
    files = {**month_files(closing, month), **kept_tables(closing, inputs), **texts(month.beside)}
    last = found.last
    adjustments = [entry for entry in found.adjustments if entry.period == month.period]
    books = {
        "schema_version": SCHEMA_VERSION,
        "run_id": month.run_id,
        "period": month.period,
        "previous": last.sha256 if last else None,
        "previous_run_id": last.run_id if last else "",
        "adjustments": [{"name": e.directory.name, "run_id": e.run_id, "sha256": e.sha256} for e in adjustments],
        "options": closing.options(),
        "inputs": [one.as_json() for one in inputs],
        "facts": month.facts.as_json(),
    }
    shown = {name: (value, "") for name, value in closing.options().items()}
    hashed = [{"name": one.path, "size": one.size, "sha256": one.sha256} for one in inputs]
    manifest = describe(command="close", options=shown, inputs=hashed, controls=month.controls)
    with Target(closing.books / month.period) as target:
        target.publish(files=files, manifest={**manifest, "books": books}, fingerprint=month.run_id)


def publish_adjustment(books: Path, adjusted: Adjusted, record: Mapping[str, Any], found: Shelf) -> None:
    """Write an adjustment into the books, linked to what was written before it.

    Raises:
        OutputError: it cannot be written; nothing is left behind.

    """
    head = found.head
    name = f"{len(found.adjustments) + 1:04d}-{adjusted.ref_period}-{adjusted.run_id[:8]}"
    said = {
        "schema_version": SCHEMA_VERSION,
        "run_id": adjusted.run_id,
        "period": adjusted.period,
        "previous": head.sha256 if head else None,
        "ref_period": adjusted.ref_period,
        "reason": adjusted.reason,
        "facts": adjusted.facts.as_json(),
        **record,
    }
    shown = {"period": (adjusted.ref_period, ""), "reason": (adjusted.reason, "")}
    hashed = [{"name": one["path"], "size": one["size"], "sha256": one["sha256"]} for one in record["inputs"]]
    manifest = describe(command="adjust", options=shown, inputs=hashed, controls=adjusted.controls)
    with Target(books / ADJUSTMENTS / name) as target:
        files = {**ledger_files(adjusted.rows), **texts(adjusted.beside)}
        target.publish(files=files, manifest={**manifest, "books": said}, fingerprint=adjusted.run_id)


def month_files(closing: Closing, month: Closed) -> dict[str, Writer]:
    """What stands in a month's directory, by name."""
    accounts, detail = statements(month.rows), lines(month.rows)
    paid, pools = payables(month.rows), pools_sheet(month.facts)
    files = ledger_files(month.rows)
    for sheet in (accounts, paid, pools):
        files[f"{sheet.name}.csv"] = streamed(partial(csv_parts, sheet))
        files[f"{sheet.name}.parquet"] = table(sheet)
        if closing.excel:
            files[f"{sheet.name}.excel.csv"] = streamed(partial(csv_parts, sheet, excel=True))
    files["statements.xlsx"] = streamed(lambda: [book_of(month, (accounts, detail, paid, pools))])
    if closing.per_payee:
        files |= payee_files(month.rows, excel=closing.excel)
    return files


def book_of(month: Closed, sheets: Sequence[Sheet]) -> bytes:
    """The workbook; it names the tables that are too long for it."""
    about = [
        ("Period", month.period),
        ("Run", month.run_id),
        ("Record", f"{LEDGER} is the record; this workbook is for reading, and a cell holds 15 digits."),
    ]
    for sheet in sheets:
        if len(sheet) > DETAIL:
            file = "ledger.csv" if sheet.name == "lines" else f"{sheet.name}.csv"
            word = f"{len(sheet):,} rows are more than this workbook takes ({DETAIL:,}): see {file}"
            about.append((sheet.name.capitalize(), word))
    return workbook(about=about, sheets=[sheet for sheet in sheets if len(sheet) <= DETAIL])


def ledger_files(rows: Ledger) -> dict[str, Writer]:
    """The ledger, for machines and for people."""
    return {LEDGER: lambda path: write_tables(rows.tables(), path), "ledger.csv": streamed(partial(ledger_csv, rows))}


def payee_files(rows: Ledger, *, excel: bool) -> dict[str, Writer]:
    """A file for each payee, of its lines."""
    detail = lines(rows.where(~is_suspense("payee")))
    head, *text = (line for part in csv_lines(detail, excel=excel) for line in part)
    groups = group(detail.frame, ["payee"])
    names = detail.frame["payee"].gather(groups.firsts()).to_list()
    ends = [*groups.starts[1:].tolist(), len(text)]
    return {
        f"{file_name(name)}.csv": data((head + "".join(text[start:end])).encode())
        for name, start, end in zip(names, groups.starts.tolist(), ends, strict=True)
    }


def kept_tables(closing: Closing, inputs: Iterable[Input]) -> dict[str, Writer]:
    """Copies of the tables a month was closed with, so that it can be worked out again."""
    hashes = {one.role: one.sha256 for one in inputs}
    return {
        f"input-{role}{closing.tables[role].suffix.lower()}": copy(closing.tables[role], hashes[role])
        for role in KEPT
        if role in closing.tables
    }


def copy(source: Path, sha256: str) -> Writer:
    """Write the same bytes.

    Raises:
        InputError: they are no longer those that were read.

    """

    def write(path: Path) -> None:
        with open_new(path) as file:
            file.write(source.read_bytes())
        if hash_file(path)[1] != sha256:
            message = f"{source.name} changed while the month was closed"
            raise InputError(message, advice="Run again when nothing writes to it. Nothing was written.")

    return write


def texts(beside: Mapping[str, str]) -> dict[str, Writer]:
    """Write texts under their names."""
    return {name: text(content) for name, content in beside.items()}


def text(content: str) -> Writer:
    """Write text as UTF-8."""
    return data(content.encode())


def streamed(parts: Callable[[], Iterable[bytes]]) -> Writer:
    """Write bytes as they are made."""

    def write(path: Path) -> None:
        with open_new(path) as file:
            file.writelines(parts())

    return write


def data(content: bytes) -> Writer:
    """Write bytes."""

    def write(path: Path) -> None:
        with open_new(path) as file:
            file.write(content)

    return write


def table(sheet: Sheet) -> Writer:
    """Write a sheet as Parquet."""
    return lambda path: write_parquet(sheet.arrow(), path)


def already(entry: Entry) -> tuple[Control, ...]:
    """Check that a closed month is as it was written.

    Raises:
        InputError: it is not.

    """
    broken = damage(entry.directory, entry.manifest)
    if broken:
        message = f"{entry.period} is closed, but not as it was written: {'; '.join(broken)}"
        raise InputError(message, advice="Run `fairpay verify --books` and restore the books from a copy.")
    controls: Sequence[Mapping[str, object]] = entry.manifest["controls"]
    return tuple(Control(str(c["name"]), bool(c["ok"]), str(c["detail"])) for c in controls)
