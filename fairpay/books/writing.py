"""Writing: the files of a closed month and its manifest, published whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.books.closing import KEPT
from fairpay.books.identity import LOGS, inputs_of
from fairpay.books.ledger import ledger_csv, table_of
from fairpay.books.names import file_name
from fairpay.books.statements import Sheet, arrow, lines, payables, pools_sheet, statements
from fairpay.books.store import LEDGER
from fairpay.books.textfiles import csv_text
from fairpay.books.workbook import workbook
from fairpay.errors import InputError
from fairpay.io.disk import open_new
from fairpay.io.hashing import InputHasher, hash_file
from fairpay.io.manifest import describe
from fairpay.io.outputs import write_parquet
from fairpay.io.publish import Target
from fairpay.io.sources import find_logs
from fairpay.io.standing import damage
from fairpay.outcome import Control

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from fairpay.books.close import Closed
    from fairpay.books.closing import Closing
    from fairpay.books.identity import Input
    from fairpay.books.ledger import Row
    from fairpay.books.store import Entry, Shelf

__all__ = ["Hashing", "already", "ledger_files", "publish_month", "text"]

SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Hashing:
    """The inputs of a run, hashed beside the work that reads them."""

    asked: tuple[tuple[str, str], ...]
    """(role, path) of each file."""
    books: Path
    hasher: InputHasher

    @classmethod
    def of(cls, closing: Closing, *, more: Iterable[tuple[str, Path]] = ()) -> Hashing:
        """Find the files of a closing, and begin; `more` are files with their roles."""
        asked = [(role, str(path)) for role, path in (*closing.tables.items(), *more)]
        asked += [(LOGS, file.path) for file in find_logs(list(closing.logs), closing.reading)]
        hasher = InputHasher([path for _, path in asked])
        hasher.start()
        return cls(tuple(asked), closing.books, hasher)

    def inputs(self) -> list[Input]:
        """Wait, and say what was read.

        Raises:
            InputError: a file changed meanwhile, or cannot be hashed.

        """
        return inputs_of({str(one["name"]): one for one in self.hasher.join()}, self.asked, self.books)


def publish_month(closing: Closing, month: Closed, inputs: Sequence[Input], found: Shelf) -> None:
    """Write a month into the books.

    Raises:
        OutputError: it cannot be written; nothing is left behind.

    """
    files = {**month_files(closing, month), **kept_tables(closing, inputs)}
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


def month_files(closing: Closing, month: Closed) -> dict[str, Callable[[Path], int | None]]:
    """What stands in a month's directory, by name."""
    accounts, detail = statements(month.rows), lines(month.rows)
    paid, pools = payables(month.rows), pools_sheet(month.facts)
    about = [
        ("Period", month.period),
        ("Run", month.run_id),
        ("Record", f"{LEDGER} is the record; this workbook is for reading, and a cell holds 15 digits."),
    ]
    files = ledger_files(month.rows)
    for sheet in (accounts, paid, pools):
        files[f"{sheet.name}.csv"] = text(csv_text(sheet))
        files[f"{sheet.name}.parquet"] = table(sheet)
        if closing.excel:
            files[f"{sheet.name}.excel.csv"] = text(csv_text(sheet, excel=True))
    book = workbook(about=about, sheets=[accounts, detail, paid, pools])
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
