"""`fairpay check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.progress import watching
from fairpay.cli.screens.check import as_json, screen
from fairpay.errors import InputError
from fairpay.pipeline.check import check

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Look at a log, and show what was found.

    Raises:
        FairpayError: what a run would stop with, where any warning is to stop.

    """
    with watching(call) as watch:
        found = check(call.logs, **call.options, **watch)
    present_data(call, lambda: as_json(found), lambda: screen(found))
    if call.values["strict"] and (found.warnings or found.refused is not None):
        raise found.refused or InputError("there are warnings, and --strict stops at any")
