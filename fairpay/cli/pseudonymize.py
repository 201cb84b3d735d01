"""`fairpay pseudonymize`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present_data
from fairpay.cli.progress import watching
from fairpay.cli.screens.pseudonymize import as_json, screen
from fairpay.sharing.pseudonyms import pseudonymize

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]


def run(call: Invocation) -> None:
    """Write a log under pseudonyms, and say what is in it."""
    with watching(call) as watch:
        made = pseudonymize(call.logs, **call.options, **watch)
    present_data(call, lambda: as_json(made), lambda: screen(made))
