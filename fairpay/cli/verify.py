"""`fairpay verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.screens.verify import screen
from fairpay.cli.words import counted
from fairpay.errors import NotVerifiedError, Problem
from fairpay.ledger.verify import verify

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.cli.invocation import Invocation
    from fairpay.reports.outcome import Control

__all__ = ["run"]

SPOILT = "Pay nothing from these books; restore them from a copy."
SPOILT_RUN = "Do not pay from it; run it again from the logs."


def run(call: Invocation) -> None:
    """Check one run, or all months of the books.

    Raises:
        NotVerifiedError: a control does not hold.

    """
    directory, books = call.arguments["directory"], call.values["books"]
    controls = verify(directory, books=books, inputs=call.values["inputs"])
    place = directory or books
    present_data(call, lambda: described(place, controls), lambda: screen(controls))
    failed = [control for control in controls if not control.ok]
    if failed:
        message = f"{place} does not verify: of {counted(len(controls), 'control')} {len(failed):,} failed"
        problems = [Problem(1, f"{control.name}: {control.detail}") for control in failed]
        raise NotVerifiedError(message, problems=problems, advice=SPOILT if books else SPOILT_RUN)


def described(directory: str, controls: Sequence[Control]) -> dict[str, object]:
    """Return the controls for scripts."""
    listed = [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in controls]
    return {"schema_version": 1, "directory": directory, "ok": all(c.ok for c in controls), "controls": listed}
