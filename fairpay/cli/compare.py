"""`fairpay compare`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import balanced, present
from fairpay.cli.progress import watching
from fairpay.cli.screens.compare import screen
from fairpay.pipeline.jobs import compare

if TYPE_CHECKING:
    from fairpay.cli.asked import Invocation

__all__ = ["run"]


def run(asked: Invocation) -> None:
    """Compare rules, and show who gains and who loses."""
    with watching(asked) as watch:
        result = compare(asked.logs, **asked.options, **watch)
    equal_fees = asked.values["subscribers"] is None
    present(asked, balanced(result), lambda: screen(result.outcome, equal_fees=equal_fees))
