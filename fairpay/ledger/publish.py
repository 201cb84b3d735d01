"""Publish: a closed month or an adjustment, its files and its manifest, written whole or not at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import polars as pl

from fairpay.errors import InputError
from fairpay.ledger.closing import KEPT
from fairpay.ledger.export import csv_lines, csv_parts, ledger_csv, workbook
from fairpay.ledger.model import Kind
from fairpay.ledger.payees import is_suspense
from fairpay.ledger.statements import file_name, lines, payables, pools_sheet, statements, suspense, totals
from fairpay.ledger.store import ADJUSTMENTS, LEDGER
from fairpay.reports.shown import Shown
from fairpay.runs.disk import open_new
from fairpay.runs.inputs import hash_file
from fairpay.runs.manifest import describe
from fairpay.runs.outputs import write_parquet, write_tables
from fairpay.runs.publish import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from fairpay.ledger.closing import Closing
    from fairpay.ledger.export import Sheet
    from fairpay.ledger.facts import MonthFacts
    from fairpay.ledger.inputs import Input
    from fairpay.ledger.model import Ledger
    from fairpay.ledger.store import Shelf
    from fairpay.reports.outcome import Control

__all__ = ["Adjusted", "Closed", "publish_adjustment", "publish_month"]

SCHEMA_VERSION = 2
"""Of the books: the ledger has a counterparty; in the first its texts said what kinds say now."""
DETAIL = 100_000
"""Rows of a table that are written into a workbook; more are refused there, with a word."""
Writer: TypeAlias = "Callable[[Path], int | None]"


@dataclass(frozen=True, slots=True, repr=False)
class Closed(Shown):
    """A month that was closed, or would be."""

    status: Literal["done", "already", "preview"]
    period: str
    run_id: str
    facts: MonthFacts
    rows: Ledger
    """In ledger order."""
    controls: tuple[Control, ...]
    manifest_sha256: str = ""
    """Of the manifest in the books; empty for a preview. Kept elsewhere, it shows later that the books are these."""
    beside: Mapping[str, str] = field(default_factory=dict)
    """File name -> text, of what stands in the month's directory besides the ledger and its tables."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        pools = f"{len(self.facts.pools):,} pools, {self.table.height:,} payments"
        rules = ", ".join(sorted({pool.rule for pool in self.facts.pools}))
        return f"<close of {self.period} ({self.status}) under {rules}: {pools}>"

    @property
    def table(self) -> pl.DataFrame:
        """What is to be paid, to whom."""
        return payables(self.rows).frame

    @property
    def summary(self) -> dict[str, Any]:
        """What `fairpay close --json` prints."""
        return closed_json(self)


@dataclass(frozen=True, slots=True, repr=False)
class Adjusted(Shown):
    """An adjustment that was booked, or would be."""

    status: Literal["done", "already", "preview"]
    run_id: str
    period: str
    """The open month it is booked in."""
    ref_period: str
    """The closed month it corrects."""
    reason: str
    facts: MonthFacts
    """The closed month as it is known now."""
    rows: Ledger
    controls: tuple[Control, ...]
    beside: Mapping[str, str] = field(default_factory=dict)
    """File name -> text, of what stands in the adjustment's directory besides the ledger."""

    def __repr__(self) -> str:
        """Say in one line what it is."""
        return f"<adjustment of {self.ref_period} booked in {self.period} ({self.status}): {len(self.rows):,} rows>"

    @property
    def table(self) -> pl.DataFrame:
        """The rows that are booked; amounts in minor units."""
        return self.rows.frame

    @property
    def summary(self) -> dict[str, Any]:
        """What `fairpay adjust --json` prints."""
        return adjusted_json(self)


def closed_json(month: Closed) -> dict[str, Any]:
    facts = month.facts.as_json()
    return {
        "schema_version": 2,
        "command": "close",
        "status": month.status,
        "period": month.period,
        "run_id": month.run_id,
        "manifest_sha256": month.manifest_sha256,
        "totals": totals(month.rows),
        "payments": len(month.rows.of_kinds({Kind.PAYABLE})),
        "suspense": suspense(month.rows),
        "pools": facts["pools"],
        "policies": facts.get("policies", ()),
        "decisions": facts.get("decisions", ()),
        "listening": facts["heard"],
        "controls": [asdict(control) for control in month.controls],
    }


def adjusted_json(adjusted: Adjusted) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "command": "adjust",
        "status": adjusted.status,
        "run_id": adjusted.run_id,
        "period": adjusted.period,
        "ref_period": adjusted.ref_period,
        "reason": adjusted.reason,
        "rows": len(adjusted.rows),
        "totals": totals(adjusted.rows),
        "listening": adjusted.facts.as_json()["heard"],
        "controls": [asdict(control) for control in adjusted.controls],
    }


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
    return {
        LEDGER: lambda path: write_tables(rows.tables(), path),
        "ledger.csv": streamed(partial(ledger_csv, rows.frame)),
    }


def payee_files(rows: Ledger, *, excel: bool) -> dict[str, Writer]:
    detail = lines(rows.where(~is_suspense("payee")))
    head, *text = (line for part in csv_lines(detail, excel=excel) for line in part)
    whole = pl.DataFrame({"payee": detail.frame["payee"], "line": text}, schema_overrides={"line": pl.String})
    texts = whole.group_by("payee", maintain_order=True).agg(pl.col("line").str.join(""))
    return {f"{file_name(payee)}.csv": data((head + own).encode()) for payee, own in texts.iter_rows()}


def kept_tables(closing: Closing, inputs: Iterable[Input]) -> dict[str, Writer]:
    """Copies of the tables a month was closed with, so that it can be worked out again."""
    hashes = {one.role: one.sha256 for one in inputs}
    return {
        f"input-{role}{closing.tables[role].suffix.lower()}": copy(closing.tables[role], hashes[role])
        for role in KEPT
        if role in closing.tables
    }


def copy(source: Path, sha256: str) -> Writer:
    def write(path: Path) -> None:
        with open_new(path) as file:
            file.write(source.read_bytes())
        if hash_file(path)[1] != sha256:
            message = f"{source.name} changed while the month was closed"
            raise InputError(message, advice="Run again when nothing writes to it. Nothing was written.")

    return write


def texts(beside: Mapping[str, str]) -> dict[str, Writer]:
    return {name: data(content.encode()) for name, content in beside.items()}


def streamed(parts: Callable[[], Iterable[bytes]]) -> Writer:
    def write(path: Path) -> None:
        with open_new(path) as file:
            file.writelines(parts())

    return write


def data(content: bytes) -> Writer:
    return streamed(lambda: [content])


def table(sheet: Sheet) -> Writer:
    return lambda path: write_parquet(sheet.arrow(), path)
