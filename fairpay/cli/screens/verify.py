"""The page of `fairpay verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from fairpay.cli.screens.parts import figures
from fairpay.cli.words import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from fairpay.reports.outcome import Control

__all__ = ["screen"]


def screen(controls: Sequence[Control]) -> Iterator[RenderableType]:
    """Yield every control with its numbers, and the verdict."""
    rows = [
        (
            Text(visible(control.name)),
            Text("ok", style="green") if control.ok else Text("FAILS", style="bold red"),
            Text(visible(control.detail)),
        )
        for control in controls
    ]
    yield figures("Control", "", "Numbers", rows=rows, words=(0, 1, 2))
    yield ""
    failed = sum(not control.ok for control in controls)
    held = f"All {counted(len(controls), 'control')} hold." if not failed else f"{counted(failed, 'control')} failed."
    yield Text(held, style="red" if failed else "bold")
