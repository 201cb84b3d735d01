"""Publish: a closed month or an adjustment, its files and its manifest, written whole or not at all."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import polars as pl

from fairpay.errors import InputError
from fairpay.ledger.closing import KEPT
from fairpay.ledger.export import csv_lines, csv_parts, ledger_csv, workbook
from fairpay.ledger.facts import MonthFacts
from fairpay.ledger.model import Kind
from fairpay.ledger.payees import is_suspense
from fairpay.ledger.statements import file_name, lines, payables, pools_sheet, statements, suspense, totals
from fairpay.ledger.store import ADJUSTMENTS, LEDGER, already
from fairpay.reports.shown import Shown
from fairpay.runs.disk import open_new
from fairpay.runs.inputs import hash_file
from fairpay.runs.manifest import describe
from fairpay.runs.outputs import write_parquet, write_tables
from fairpay.runs.publish import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from fairpay.ledger.closing import Closing, Input
    from fairpay.ledger.export import Sheet
    from fairpay.ledger.model import Ledger
    from fairpay.ledger.store import Entry, Shelf
    from fairpay.reports.outcome import Control

__all__ = ["Adjusted", "Closed", "kept", "publish_adjustment", "publish_month"]

SCHEMA_VERSION = 2
"""Of the books: the ledger has a counterparty; in the first its texts said what kinds say now."""
DETAIL = 100_000
"""Rows of a table that are written into a workbook; more are refused there, with a word."""
Writer: TypeAlias = "Callable[[Path], int | None]"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class BooksRun(Shown):
    """What a run puts into the books, or would."""

    status: Literal["done", "already", "preview"]
    period: str
    run_id: str
    facts: MonthFacts
    """Of an adjustment, the closed month as it is known now."""
    rows: Ledger
    """In ledger order."""
    controls: tuple[Control, ...]
    beside: Mapping[str, str] = field(default_factory=dict)
    """File name -> text, of what stands in its directory besides the ledger and its tables."""


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Closed(BooksRun):
    """A month that was closed, or would be."""

    manifest_sha256: str = ""
    """Of the manifest in the books; empty for a preview. Kept elsewhere, it shows later that the books are these."""

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
        facts = self.facts.as_json()
        return {
            "schema_version": 2,
            "command": "close",
            "status": self.status,
            "period": self.period,
            "run_id": self.run_id,
            "manifest_sha256": self.manifest_sha256,
            "totals": totals(self.rows),
            "payments": len(self.rows.of_kinds({Kind.PAYABLE})),
            "suspense": suspense(self.rows),
            "pools": facts["pools"],
            "policies": facts.get("policies", ()),
            "decisions": facts.get("decisions", ()),
            "listening": facts["heard"],
            "controls": [asdict(control) for control in self.controls],
        }


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class Adjusted(BooksRun):
    """An adjustment that was booked, or would be."""

    ref_period: str
    """The closed month it corrects."""
    reason: str

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
        return {
            "schema_version": 1,
            "command": "adjust",
            "status": self.status,
            "run_id": self.run_id,
            "period": self.period,
            "ref_period": self.ref_period,
            "reason": self.reason,
            "rows": len(self.rows),
            "totals": totals(self.rows),
            "listening": self.facts.as_json()["heard"],
            "controls": [asdict(control) for control in self.controls],
        }


def kept(entry: Entry) -> dict[str, Any]:
    """The fields of `BooksRun` of an entry that is in the books already.

    Raises:
        InputError: it is not as it was written.

    """
    controls = already(entry)
    return {
        "status": "already",
        "period": entry.period,
        "run_id": entry.run_id,
        "facts": MonthFacts.of_json(entry.books["facts"]),
        "controls": controls,
        "rows": entry.ledger(),
    }


def publish_month(closing: Closing, month: Closed, inputs: Sequence[Input], found: Shelf) -> None:
    """Write a month into the books.

    Raises:
        OutputError: it cannot be written; nothing is left behind.

    """
    last, options = found.last, closing.options()
    said = {
        "previous": last.sha256 if last else None,
        "previous_run_id": last.run_id if last else "",
        "adjustments": [
            {"name": entry.directory.name, "run_id": entry.run_id, "sha256": entry.sha256}
            for entry in found.booked_in(month.period)
        ],
        "options": options,
        "inputs": inputs,
        "facts": month.facts.as_json(),
    }
    files = {**month_files(closing, month), **kept_tables(closing, inputs)}
    publish(closing.books / month.period, month, "close", options, said, files)


def publish_adjustment(books: Path, adjusted: Adjusted, record: Mapping[str, Any], found: Shelf) -> None:
    """Write an adjustment into the books, linked to what was written before it; `record` is what it says of the change.

    Raises:
        OutputError: it cannot be written; nothing is left behind.

    """
    said = {
        "previous": found.head.sha256 if found.head else None,
        "ref_period": adjusted.ref_period,
        "reason": adjusted.reason,
        "facts": adjusted.facts.as_json(),
        **record,
    }
    name = f"{len(found.adjustments) + 1:04d}-{adjusted.ref_period}-{adjusted.run_id[:8]}"
    shown = {"period": adjusted.ref_period, "reason": adjusted.reason}
    publish(books / ADJUSTMENTS / name, adjusted, "adjust", shown, said, ledger_files(adjusted.rows))


def publish(  # noqa: PLR0913, PLR0917 - what a directory of the books says and holds
    directory: Path,
    made: BooksRun,
    command: str,
    options: Mapping[str, Any],
    said: Mapping[str, Any],
    files: Mapping[str, Writer],
) -> None:
    hashed = [{"name": one["path"], "size": one["size"], "sha256": one["sha256"]} for one in said["inputs"]]
    shown = {name: (value, "") for name, value in options.items()}
    manifest = describe(command=command, options=shown, inputs=hashed, controls=made.controls)
    books = {"schema_version": SCHEMA_VERSION, "run_id": made.run_id, "period": made.period, **said}
    texts = {name: data(text) for name, text in made.beside.items()}
    with Target(directory) as target:
        manifest["books"] = books
        target.publish(files={**files, **texts}, manifest=manifest, fingerprint=made.run_id)


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
        if sheet.frame.height > DETAIL:
            file = "ledger.csv" if sheet.name == "lines" else f"{sheet.name}.csv"
            word = f"{sheet.frame.height:,} rows are more than this workbook takes ({DETAIL:,}): see {file}"
            about.append((sheet.name.capitalize(), word))
    return workbook(about=about, sheets=[sheet for sheet in sheets if sheet.frame.height <= DETAIL])


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
    return {f"{file_name(payee)}.csv": data(head + own) for payee, own in texts.iter_rows()}


def kept_tables(closing: Closing, inputs: Iterable[Input]) -> dict[str, Writer]:
    """Copies of the tables a month was closed with, so that it can be worked out again."""
    hashes = {one["role"]: one["sha256"] for one in inputs}
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


def streamed(parts: Callable[[], Iterable[bytes]]) -> Writer:
    def write(path: Path) -> None:
        with open_new(path) as file:
            file.writelines(parts())

    return write


def data(text: str) -> Writer:
    return streamed(lambda: [text.encode()])


def table(sheet: Sheet) -> Writer:
    return lambda path: write_parquet(sheet.arrow(), path)
