"""`fairpay adjust`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.progress import watching
from fairpay.cli.screens.books import adjusted_screen
from fairpay.ledger.jobs import adjust

if TYPE_CHECKING:
    from fairpay.cli.asked import Invocation

__all__ = ["run"]


def run(asked: Invocation) -> None:
    """Correct a closed month, and show what is booked."""
    with watching(asked) as watch:
        adjusted = adjust(asked.logs, **asked.options, **watch)
    present_data(asked, lambda: adjusted.summary, lambda: adjusted_screen(adjusted))
