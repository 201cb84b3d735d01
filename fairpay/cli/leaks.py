"""`fairpay leaks`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.screens.leaks import as_json, screen
from fairpay.sharing.leaks import leaks

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Look at a report or a part, and say what it tells of single listeners."""
    found = leaks(call.arguments["path"])
    present_data(call, lambda: as_json(found), lambda: screen(found))
