"""`fairpay close`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.progress import watching
from fairpay.cli.screens.books import closed_screen
from fairpay.ledger.jobs import close

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Close a month, and show where its money goes."""
    with watching(call) as watch:
        month = close(call.logs, **call.options, **watch)
    present_data(call, lambda: month.summary, lambda: closed_screen(month, call.values["books"]))
