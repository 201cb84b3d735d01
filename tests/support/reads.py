"""What the tests of reading share: write a log, read it, judge it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fairpay.logs.read import open_logs
from fairpay.qualify import Counts, Qualifier
from fairpay.settings.values import Qualifying, Reading

if TYPE_CHECKING:
    from pathlib import Path

WANTED = ("plays", "seconds", "ms")


def rows(
    logs: object,
    *,
    wanted: tuple[str, ...] = WANTED,
    batch_rows: int | None = None,
    **reading: Any,  # noqa: ANN401 - settings
) -> list[dict[str, Any]]:
    """Read logs as they are: one dict of text by role for each row, with file and row."""
    found = []
    for unit in open_logs(logs, Reading(**reading), wanted=wanted).units(batch_rows=batch_rows):
        for raw in unit():
            columns = {role: as_text(column) for role, column in raw.columns.items()}
            for i in range(len(next(iter(columns.values()), []))):
                row = {role: column[i] for role, column in columns.items()}
                found.append({**row, "file": raw.file.rsplit("/", 1)[-1], "row": raw.row(i)})
    return found


def as_text(column: pa.Array) -> list[str | None]:
    """Return a column as text."""
    return column.cast(pa.string()).to_pylist()


def listens(logs: object, *, batch_rows: int | None = None, **reading: Any) -> list[tuple]:  # noqa: ANN401 - settings
    """Read and judge: user, artist, amount of every used row."""
    return judged(logs, batch_rows=batch_rows, **reading)[0]


def judged(
    logs: object,
    qualifying: Qualifying | None = None,
    *,
    wanted: tuple[str, ...] = WANTED,
    batch_rows: int | None = None,
    **reading: Any,  # noqa: ANN401 - settings
) -> tuple[list[tuple], Counts]:
    """Read and judge: user, artist, amount of every used row, and the counts."""
    asked = qualifying or Qualifying()
    qualifier = Qualifier(asked, set_aside=True)
    found = []
    opened = open_logs(logs, Reading(**reading), wanted=wanted, period=(asked.since, asked.until))
    for unit in opened.units(batch_rows=batch_rows):
        for raw in unit():
            one = qualifier.judge(raw)
            amounts = [1] * len(one.used) if one.amount is None else one.amount.tolist()
            kept = zip(as_text(one.user), as_text(one.artist), amounts, one.used.tolist(), strict=True)
            found.extend(row[:3] for row in kept if row[3])
    return found, qualifier.finish()


def write(path: Path, text: str | bytes) -> Path:
    """Write a file exactly so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path
