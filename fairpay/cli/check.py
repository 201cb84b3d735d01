"""`fairpay check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.progress import watching
from fairpay.cli.screens.check import as_json, screen
from fairpay.errors import InputError
from fairpay.pipeline.jobs import check

if TYPE_CHECKING:
    from fairpay.cli.asked import Invocation

__all__ = ["run"]


def run(asked: Invocation) -> None:
    """Look at a log, and show what was found.

    Raises:
        FairpayError: what a run would stop with, where any warning is to stop.

    """
    with watching(asked) as watch:
        found = check(asked.logs, **asked.options, **watch)
    present_data(asked, lambda: as_json(found), lambda: screen(found))
    if asked.values["strict"] and (found.warnings or found.refused is not None):
        raise found.refused or InputError("there are warnings, and --strict stops at any")
