"""`fairpay compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present, view_of
from fairpay.cli.progress import watching
from fairpay.cli.screens.compare import screen
from fairpay.pipeline.jobs import compare
from fairpay.reports.outcome import require_balance

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation
    from fairpay.reports.tables import Shown

__all__ = ["run"]


def run(call: Invocation) -> Shown:
    """Compare rules, and show who gains and who loses."""
    with watching(call) as watch:
        result = compare(call.logs, **call.options, **watch)
    require_balance(result.outcome)
    equal_fees = call.values["subscribers"] is None
    present(call, result, lambda: screen(result.outcome, view_of(call, result), equal_fees=equal_fees))
    return result
