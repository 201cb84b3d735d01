"""`fairpay verify`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.screens.verify import screen
from fairpay.ledger.verify import verify
from fairpay.runs.verify import SPOILT as SPOILT_RUN
from fairpay.runs.verify import require_verified

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.cli.invocation import Invocation
    from fairpay.reports.outcome import Control

__all__ = ["run"]

SPOILT = "Pay nothing from these books; restore them from a copy."


def run(call: Invocation) -> None:
    """Check one run, or all months of the books.

    Raises:
        NotVerifiedError: a control does not hold.

    """
    directory, books = call.arguments["directory"], call.values["books"]
    controls = verify(directory, books=books, inputs=call.values["inputs"])
    place = directory or books
    present_data(call, lambda: described(place, controls), lambda: screen(controls))
    require_verified(controls, place, advice=SPOILT if books else SPOILT_RUN)


def described(directory: str, controls: Sequence[Control]) -> dict[str, object]:
    """Return the controls for scripts."""
    listed = [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in controls]
    return {"schema_version": 1, "directory": directory, "ok": all(c.ok for c in controls), "controls": listed}
