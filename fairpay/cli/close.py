"""`fairpay close`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.progress import watching
from fairpay.cli.screens.books import closed_screen
from fairpay.ledger.jobs import close

if TYPE_CHECKING:
    from fairpay.cli.asked import Invocation

__all__ = ["run"]


def run(asked: Invocation) -> None:
    """Close a month, and show where its money goes."""
    with watching(asked) as watch:
        month = close(asked.logs, **asked.options, **watch)
    present_data(asked, lambda: month.summary, lambda: closed_screen(month, asked.values["books"]))
