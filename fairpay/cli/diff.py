"""`fairpay diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.screens.books import diff_screen
from fairpay.ledger.diff import diff_json
from fairpay.ledger.jobs import diff

if TYPE_CHECKING:
    from fairpay.cli.asked import Invocation

__all__ = ["run"]


def run(asked: Invocation) -> None:
    """Put two runs side by side."""
    difference = diff(**asked.arguments)
    limit = asked.values["limit"]
    present_data(asked, lambda: diff_json(difference), lambda: diff_screen(difference, limit=limit))
