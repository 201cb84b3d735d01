"""`fairpay shard`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.progress import watching
from fairpay.cli.terminal import tell
from fairpay.reports.words import counted
from fairpay.sharing.jobs import shard

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Write a part, and say what it is of."""
    with watching(call) as watch:
        made = shard(call.logs, **call.options, **watch)
    if not call.silent:
        part = None if made.held.everybody else made.held.part
        of = "" if part is None else f" of {counted(part.pools[0].payers.users, 'listener')}"
        tell(f"Part{of}, round {made.held.round}: {made.path}")
