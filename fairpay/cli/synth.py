"""`fairpay synth`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.terminal import tell
from fairpay.cli.words import counted
from fairpay.synth.make import synth

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Make up a month, and say what was made."""
    path, options = call.arguments["path"], call.options
    del options["origins"]
    made = synth(path, **options)
    if not call.silent:
        people = f"{counted(made.users, 'user')}, {counted(made.artists, 'artist')}"
        where = str(made.files[0]) if len(made.files) == 1 else f"{len(made.files):,} files in {path}"
        tell(f"Made {counted(made.rows, 'play')}, {people}: {where}")
