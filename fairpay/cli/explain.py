"""`fairpay explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present
from fairpay.cli.progress import watching
from fairpay.cli.screens.explain import screen
from fairpay.ledger.jobs import explain

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation
    from fairpay.reports.tables import Shown

__all__ = ["run"]


def run(call: Invocation) -> Shown:
    """Explain what an artist or a label is paid."""
    with watching(call) as watch:
        result = explain(call.logs, **call.options, **watch)
    present(call, result, lambda: screen(result.outcome, result.found))
    return result
