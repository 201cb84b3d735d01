"""`fairpay diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present, view_of
from fairpay.cli.screens.diff import screen
from fairpay.ledger.jobs import diff

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Put two runs side by side."""
    written = {name: call.values[name] for name in ("output", "excel", "force")}
    found = diff(**call.arguments, **written)
    present(call, found, lambda: screen(found, view_of(call, found)))
