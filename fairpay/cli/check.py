"""`fairpay check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.cli.outcomes import present_data
from fairpay.cli.progress import watching
from fairpay.cli.screens.parts import figures, labelled, left_out, listened, paragraph
from fairpay.errors import InputError
from fairpay.pipeline.check import check
from fairpay.pipeline.warn import sentence
from fairpay.reports.summary import SCHEMA_VERSION, listening_of, warnings_of
from fairpay.reports.words import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.logs.doctor import FileFound
    from fairpay.pipeline.check import Checked

__all__ = ["as_json", "run", "screen"]


def run(call: Invocation) -> None:
    """Look at a log, and show what was found.

    Raises:
        FairpayError: what a run would stop with, where any warning is to stop.

    """
    with watching(call) as watch:
        found = check(call.logs, **call.options, **watch)
    present_data(call, lambda: as_json(found), lambda: screen(found))
    if call.values["strict"] and (found.warnings or found.refused is not None):
        raise found.refused or InputError("there are warnings, and --strict stops at any")


SHOWN = 8
"""Files shown one by one; all are in --json."""
SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", " ": "space", "\x01": "the character 1"}
LONGEST = 20


def screen(checked: Checked) -> Iterator[RenderableType]:
    """Yield the page from top to bottom."""
    troubled = [file for file in checked.files if file.problem]
    shown = (troubled + [file for file in checked.files if not file.problem])[:SHOWN]
    for file in checked.files:
        if file in shown:
            yield from page_of(file)
    if len(checked.files) > len(shown):
        yield paragraph(f"{len(checked.files) - len(shown):,} more files: see --json.")
        yield ""
    yield from whole(checked)
    for warning in checked.warnings:
        yield labelled("Warning", sentence(warning))
    if checked.warnings:
        yield ""
    yield from verdict(checked)


def page_of(file: FileFound) -> Iterator[RenderableType]:
    """Say what one file is and what its columns hold."""
    layout = [file.format, file.encoding, SEPARATORS.get(file.separator, "") and f"by {SEPARATORS[file.separator]}"]
    rows = "" if file.rows is None else counted(file.rows, "row")
    yield paragraph(f"{file.path} · {' · '.join(part for part in (*layout, rows) if part)}")
    if file.problem:
        yield labelled("Problem", f"{file.problem}. {file.advice}".rstrip())
    if file.columns:
        headers = ("Column", "Role", "Type", "Empty", "From", "To")
        lines = [
            [short(c.name), c.role, short(c.kind), f"{c.empty:,}", short(c.least), short(c.most)] for c in file.columns
        ]
        yield figures(*headers, rows=lines, words=(0, 1, 2, 4, 5))
    if file.others:
        yield labelled("Not read", ", ".join(file.others))
    yield ""


def whole(checked: Checked) -> Iterator[RenderableType]:
    """Say what the files are together."""
    listening, inspection = checked.listening, checked.inspection
    if inspection is None or listening is None:
        return
    found = " (detected)" if inspection.detected else ""
    yield labelled("Files", counted(len(checked.files), "file") if checked.files else "a table")
    yield labelled(
        "Columns", ", ".join(f"{role} = {name}" for role, name in inspection.columns.items() if name) + found
    )
    yield labelled("Listening", listened(listening))
    yield from left_out(listening)
    yield labelled("Measure", listening.measure)
    if listening.period is not None:
        yield labelled("Period", " to ".join(listening.period))
    for problem in inspection.counts.problems:
        yield labelled("Bad rows", f"{problem.count:,} {problem.reason} ({problem.where})")
    yield ""
    out = listening.rows - listening.used
    yield f"Every row is accounted for: {listening.rows:,} read = {listening.used:,} used + {out:,} left out."
    yield ""


def verdict(checked: Checked) -> Iterator[RenderableType]:
    """Say what a run would do."""
    refused = checked.refused
    if refused is None:
        lost = any(warning.code == "without-artist" for warning in checked.warnings)
        yield paragraph("A comparison would go through; `pay` would refuse." if lost else "A run would go through.")
    else:
        advice = f" {refused.advice}" if refused.advice else ""
        yield paragraph(f"A run would stop with status {refused.status}: {refused.message}.{advice}", style="yellow")


def short(text: str) -> str:
    """Show a value on one line, short enough for a table."""
    line = visible(" ".join(text.split()) if text.strip() else text)
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


def as_json(checked: Checked) -> dict[str, Any]:
    """Return the same for scripts."""
    inspection, listening, refused = checked.inspection, checked.listening, checked.refused
    problems = () if inspection is None else inspection.counts.problems
    return {
        "schema_version": SCHEMA_VERSION,
        "files": [
            {
                "path": file.path,
                "format": file.format,
                "size": file.size,
                "encoding": file.encoding or None,
                "separator": file.separator or None,
                "rows": file.rows,
                "columns": [
                    {"name": c.name, "role": c.role, "type": c.kind, "empty": c.empty, "least": c.least, "most": c.most}
                    for c in file.columns
                ],
                "not_read": list(file.others),
                "problem": file.problem or None,
                "advice": file.advice or None,
            }
            for file in checked.files
        ],
        "columns": {} if inspection is None else dict(inspection.columns),
        "detected": inspection is not None and inspection.detected,
        "listening": None if listening is None else listening_of(listening),
        "bad_rows": [{"count": p.count, "reason": p.reason, "where": p.where} for p in problems],
        "warnings": warnings_of(checked.warnings),
        "run": {
            "status": 0 if refused is None else refused.status,
            "message": None if refused is None else refused.message,
            "advice": None if refused is None else refused.advice,
        },
    }
