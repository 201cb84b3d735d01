"""The page of `fairpay verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from fairpay.cli.screens.parts import figures, paragraph
from fairpay.reports.outcome import Control
from fairpay.reports.words import counted, joined, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType


__all__ = ["screen"]

LONGEST, OUTPUT = 40, "output "


def screen(controls: Sequence[Control]) -> Iterator[RenderableType]:
    """Yield every control with its numbers, and the verdict; a hash stands below, where it fits a line.

    Files with names too long for a column are counted, unless one is not as it was written.
    """
    files = [control for control in controls if control.ok and control.name.startswith(OUTPUT)]
    shown = list(controls)
    if any(len(control.name) > LONGEST for control in files):
        shown = [control for control in controls if control not in files]
        shown.append(Control("outputs", ok=True, detail=f"{counted(len(files), 'file')} as written"))
    rows = [
        (
            Text(visible(control.name if len(control.name) <= LONGEST else control.name.split()[0])),
            Text("ok", style="green") if control.ok else Text("FAILS", style="bold red"),
            Text("see below" if is_long(control) else visible(control.detail)),
        )
        for control in shown
    ]
    yield figures("Control", "", "Numbers", rows=rows, words=(0, 1, 2))
    yield ""
    for control in filter(is_long, shown):
        yield paragraph(f"{control.name}: {control.detail}")
        yield ""
    failed = [control.name for control in controls if not control.ok]
    held = f"{joined(failed)} failed." if failed else f"All {counted(len(controls), 'control')} hold."
    yield Text(visible(held), style="red" if failed else "bold")


def is_long(control: Control) -> bool:
    """Whether the name, or a word of the detail such as a hash, is longer than a column of the table."""
    return max(map(len, (control.name, *control.detail.split()))) > LONGEST
