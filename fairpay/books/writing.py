"""Writing: the files of a closed month and its manifest, published whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.books.closing import KEPT
from fairpay.books.ledger import ledger_csv, table_of
from fairpay.books.names import file_name
from fairpay.books.routing import in_suspense
from fairpay.books.statements import Sheet, arrow, lines, payables, pools_sheet, statements
from fairpay.books.store import ADJUSTMENTS, LEDGER
from fairpay.books.textfiles import csv_text
from fairpay.books.workbook import workbook
from fairpay.errors import InputError
from fairpay.io.disk import open_new
from fairpay.io.hashing import hash_file
from fairpay.io.manifest import describe
from fairpay.io.outputs import write_parquet
from fairpay.io.publish import Target
from fairpay.io.standing import damage
from fairpay.outcome import Control

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from fairpay.books.adjust import Adjusted
    from fairpay.books.close import Closed
    from fairpay.books.closing import Closing
    from fairpay.books.identity import Input
    from fairpay.books.ledger import Row
    from fairpay.books.store import Entry, Shelf

__all__ = ["already", "publish_adjustment", "publish_month"]

SCHEMA_VERSION = 1
DETAIL = 100_000
"""Ledger rows that are written into a workbook; more are refused there, with a word."""


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


def month_files(closing: Closing, month: Closed) -> dict[str, Callable[[Path], int | None]]:
    """What stands in a month's directory, by name."""
    accounts, detail = statements(month.rows), lines(month.rows)
    paid, pools = payables(month.rows), pools_sheet(month.facts)
    about = [
        ("Period", month.period),
        ("Run", month.run_id),
        ("Record", f"{LEDGER} is the record; this workbook is for reading, and a cell holds 15 digits."),
    ]
    sheets = [accounts, detail, paid, pools]
    if len(detail.records) > DETAIL:
        sheets.remove(detail)
        word = f"{len(detail.records):,} rows are more than this workbook takes ({DETAIL:,}): see ledger.csv"
        about.append(("Lines", word))
    files = ledger_files(month.rows)
    for sheet in (accounts, paid, pools):
        files[f"{sheet.name}.csv"] = text(csv_text(sheet))
        files[f"{sheet.name}.parquet"] = table(sheet)
        if closing.excel:
            files[f"{sheet.name}.excel.csv"] = text(csv_text(sheet, excel=True))
    book = workbook(about=about, sheets=sheets)
    files["statements.xlsx"] = data(book)
    if closing.per_payee:
        files |= payee_files(detail, excel=closing.excel)
    return files


def ledger_files(rows: Sequence[Row]) -> dict[str, Callable[[Path], int | None]]:
    """The ledger, for machines and for people."""
    return {LEDGER: lambda path: write_parquet(table_of(rows), path), "ledger.csv": text(ledger_csv(rows))}


def payee_files(detail: Sheet, *, excel: bool) -> dict[str, Callable[[Path], int | None]]:
    """A file for each payee, of its lines."""
    own: dict[str, list[tuple[object, ...]]] = {}
    payee = detail.columns.index("payee")
    for record in detail.records:
        if in_suspense(record[payee]):
            continue
        own.setdefault(record[payee], []).append(record)
    return {
        f"{file_name(name)}.csv": text(csv_text(Sheet("lines", detail.columns, detail.amounts, records), excel=excel))
        for name, records in own.items()
    }


def kept_tables(closing: Closing, inputs: Iterable[Input]) -> dict[str, Callable[[Path], int | None]]:
    """Copies of the tables a month was closed with, so that it can be worked out again."""
    hashes = {one.role: one.sha256 for one in inputs}
    return {
        f"input-{role}{closing.tables[role].suffix.lower()}": copy(closing.tables[role], hashes[role])
        for role in KEPT
        if role in closing.tables
    }


def copy(source: Path, sha256: str) -> Callable[[Path], int | None]:
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


def texts(beside: Mapping[str, str]) -> dict[str, Callable[[Path], int | None]]:
    """Write texts under their names."""
    return {name: text(content) for name, content in beside.items()}


def text(content: str) -> Callable[[Path], int | None]:
    """Write text as UTF-8."""
    return data(content.encode())


def data(content: bytes) -> Callable[[Path], int | None]:
    """Write bytes."""

    def write(path: Path) -> None:
        with open_new(path) as file:
            file.write(content)

    return write


def table(sheet: Sheet) -> Callable[[Path], int | None]:
    """Write a sheet as Parquet."""
    return lambda path: write_parquet(arrow(sheet), path)


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
