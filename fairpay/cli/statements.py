"""`fairpay statements`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.screens.books import statements_screen
from fairpay.ledger.issue import statements

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Write the statements of a month, and say what they come to."""
    issued = statements(**{name: value for name, value in call.options.items() if name != "origins"})
    present_data(call, lambda: issued.summary, lambda: statements_screen(issued))
