"""The page of `fairpay check`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.cli.screens.parts import labelled, left_out, listened
from fairpay.cli.words import counted
from fairpay.reports.summary import SCHEMA_VERSION, listening_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from fairpay.api import Checked

__all__ = ["as_json", "screen"]


def screen(checked: Checked) -> Iterator[RenderableType]:
    """Yield the page from top to bottom."""
    listening, inspection = checked.listening, checked.inspection
    found = " (detected)" if inspection.detected else ""
    yield labelled("Files", counted(len(inspection.files), "file"))
    yield labelled("Columns", ", ".join(f"{role} = {name}" for role, name in inspection.columns.items()) + found)
    yield labelled("Listening", listened(listening))
    yield from left_out(listening)
    yield labelled("Measure", listening.measure)
    if listening.period is not None:
        yield labelled("Period", " to ".join(listening.period))
    yield ""
    out = listening.rows - listening.used
    yield f"Every row has its place: {listening.rows:,} read = {listening.used:,} used + {out:,} left out."


def as_json(checked: Checked) -> dict[str, Any]:
    """Return the same for scripts."""
    inspection = checked.inspection
    return {
        "schema_version": SCHEMA_VERSION,
        "files": len(inspection.files),
        "columns": dict(inspection.columns),
        "detected": inspection.detected,
        "listening": listening_of(checked.listening),
    }
