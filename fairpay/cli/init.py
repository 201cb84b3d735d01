"""`fairpay init`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.terminal import tell
from fairpay.ledger.jobs import init

if TYPE_CHECKING:
    from fairpay.cli.asked import Invocation

__all__ = ["run"]


def run(asked: Invocation) -> None:
    """Write the file a month is closed from, and say what to do with it."""
    file = init(asked.arguments["file"])
    if not asked.silent:
        tell(f"Written: {file}. Fill it in, then: fairpay close --config {file} --dry-run")
