"""`fairpay init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.terminal import tell
from fairpay.ledger.tables import init

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Write the file a month is closed from, and say what to do with it."""
    file = init(call.arguments["file"])
    if not call.silent:
        tell(f"Written: {file}, with plays.csv and pools.csv beside it to try it with. Fill them in, then:")
        tell(f"  fairpay close --config {file} --dry-run")
