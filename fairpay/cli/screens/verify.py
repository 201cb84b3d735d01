"""The page of `fairpay verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from fairpay.cli.screens.parts import figures, paragraph
from fairpay.reports.words import counted, joined, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from fairpay.reports.outcome import Control

__all__ = ["screen"]

LONGEST = 40


def screen(controls: Sequence[Control]) -> Iterator[RenderableType]:
    """Yield every control with its numbers, and the verdict; a hash stands below, where it fits a line."""
    rows = [
        (
            Text(visible(control.name)),
            Text("ok", style="green") if control.ok else Text("FAILS", style="bold red"),
            Text("see below" if is_long(control) else visible(control.detail)),
        )
        for control in controls
    ]
    yield figures("Control", "", "Numbers", rows=rows, words=(0, 1, 2))
    yield ""
    for control in filter(is_long, controls):
        yield paragraph(f"{control.name}: {control.detail}")
        yield ""
    failed = [control.name for control in controls if not control.ok]
    held = f"{joined(failed)} failed." if failed else f"All {counted(len(controls), 'control')} hold."
    yield Text(visible(held), style="red" if failed else "bold")


def is_long(control: Control) -> bool:
    """Whether a word of the detail, such as a hash, is longer than a column of the table."""
    return max(map(len, control.detail.split()), default=0) > LONGEST
