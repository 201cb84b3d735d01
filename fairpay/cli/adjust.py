"""`fairpay adjust`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.progress import watching
from fairpay.cli.screens.books import adjusted_screen
from fairpay.ledger.jobs import adjust

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Correct a closed month, and show what is booked."""
    with watching(call) as watch:
        adjusted = adjust(call.logs, **call.options, **watch)
    present_data(call, lambda: adjusted.summary, lambda: adjusted_screen(adjusted))
