"""`fairpay diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.screens.books import diff_screen
from fairpay.ledger.diff import diff_json
from fairpay.ledger.jobs import diff

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Put two runs side by side."""
    difference = diff(**call.arguments)
    limit = call.values["limit"]
    present_data(call, lambda: diff_json(difference), lambda: diff_screen(difference, limit=limit))
