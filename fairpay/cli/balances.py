"""`fairpay balances`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data, view_of
from fairpay.cli.screens.books import balances_screen
from fairpay.cli.terminal import emit
from fairpay.ledger.issue import balances
from fairpay.runs.outputs import csv_bytes

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Show where each payee stands."""
    found = balances(**{name: value for name, value in call.options.items() if name != "origins"})
    if call.values["csv"]:
        for part, _ in csv_bytes([found.written(sort=call.values["sort"], top=call.values["top"])]):
            emit(part)
    else:
        present_data(call, lambda: found.summary, lambda: balances_screen(found, view_of(call, found)))
