"""`fairpay sweep`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import balanced, present, report_on, view_of, wants_report
from fairpay.cli.progress import watching
from fairpay.cli.screens.sweep import screen
from fairpay.fraud.jobs import sweep

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Sweep parameters of rules, and show what each value invites."""
    wants_report(call)
    with watching(call) as watch:
        swept = balanced(sweep(call.logs, **call.options, **watch))
    present(call, swept, lambda: screen(swept, view_of(call, swept)))
    report_on(call, swept)
