"""`fairpay explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present, report_on, wants_report
from fairpay.cli.progress import watching
from fairpay.cli.screens.explain import screen
from fairpay.ledger.jobs import explain

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Explain what an artist or a label is paid."""
    wants_report(call)
    with watching(call) as watch:
        result = explain(call.logs, **call.options, **watch)
    present(call, result, lambda: screen(result.outcome, result.found))
    report_on(call, result)
