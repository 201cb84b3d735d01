"""`fairpay sweep`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import balanced, present, view_of
from fairpay.cli.progress import watching
from fairpay.cli.screens.sweep import screen
from fairpay.fraud.jobs import sweep

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation
    from fairpay.reports.tables import Shown

__all__ = ["run"]


def run(call: Invocation) -> Shown:
    """Sweep parameters of rules, and show what each value invites."""
    with watching(call) as watch:
        swept = balanced(sweep(call.logs, **call.options, **watch))
    present(call, swept, lambda: screen(swept, view_of(call, swept)))
    return swept
