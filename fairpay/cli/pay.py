"""`fairpay pay`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present, view_of
from fairpay.cli.progress import watching
from fairpay.cli.screens.pay import screen
from fairpay.errors import UsageError
from fairpay.pipeline.jobs import pay
from fairpay.reports.outcome import require_balance

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation
    from fairpay.reports.tables import Shown

__all__ = ["run"]


def run(call: Invocation) -> Shown:
    """Pay under one rule, and show who is paid what.

    Raises:
        UsageError: several rules are named.

    """
    rules = call.values["rule"] or [None]
    if len(rules) > 1:
        message = f"{len(rules)} rules given"
        raise UsageError(message, advice="Give one --rule NAME; `fairpay rules` lists them.")
    with watching(call) as watch:
        result = pay(call.logs, **{**call.options, "rule": rules[0]}, **watch)
    require_balance(result.outcome)
    present(
        call,
        result,
        lambda: screen(result.outcome, view_of(call, result)),
        unwritten="-o DIR writes the report.",
    )
    return result
