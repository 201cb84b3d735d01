"""`fairpay merge`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present
from fairpay.cli.screens import compare, pay
from fairpay.cli.terminal import tell
from fairpay.reports.outcome import require_balance
from fairpay.reports.words import counted
from fairpay.sharing.jobs import Contribution, merge

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Add parts, and show what they come to, or say where their sum is."""
    options = call.options
    del options["origins"]
    made = merge(call.arguments["parts"], **options)
    if isinstance(made, Contribution):
        if not call.silent:
            apart = ", no listener in two beyond chance" * made.apart
            tell(f"Sum of {counted(len(made.held.parts), 'part')}, round {made.held.round}{apart}: {made.path}")
        return
    outcome = made.outcome
    require_balance(outcome)
    equal_fees = made.origins["subscribers"][0] is None
    present(
        call,
        made,
        lambda: pay.screen(outcome) if made.command == "pay" else compare.screen(outcome, equal_fees=equal_fees),
    )
