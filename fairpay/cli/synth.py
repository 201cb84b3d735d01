"""`fairpay synth`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.progress import watching
from fairpay.cli.terminal import tell
from fairpay.reports.words import counted
from fairpay.synth.make import synth

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Make up a month, and say what was made."""
    path = call.arguments["path"]
    with watching(call) as watch:
        made = synth(path, **call.options, **watch)
    if not call.silent:
        people = f"{counted(made.users, 'user')}, {counted(made.artists, 'artist')}"
        where = str(made.files[0]) if len(made.files) == 1 else f"{len(made.files):,} files in {path}"
        tell(f"Made {counted(made.rows, 'play')}, {people}: {where}")
    if made.likeness is not None or call.json:
        from fairpay.cli.screens.synth import as_json, screen  # noqa: PLC0415 - Rich is loaded where something is shown

        present_data(call, lambda: as_json(made), lambda: screen(made.likeness) if made.likeness else ())
