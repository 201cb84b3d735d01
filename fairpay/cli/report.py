"""`fairpay report`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.terminal import tell
from fairpay.views.jobs import report

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Write the page of a finished run, and say where."""
    path = report(call.arguments["directory"], against=call.values["against"], output=call.values["output"])
    if not call.silent:
        tell(f"Written to {path}")
