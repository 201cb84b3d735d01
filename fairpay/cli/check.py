"""`fairpay check`."""

from __future__ import annotations

import json

from fairpay.cli.asked import Asked, takes
from fairpay.cli.options import Logs, Qualifying, Reading, Running, Talking
from fairpay.cli.progress import watching
from fairpay.cli.terminal import emit, show
from fairpay.errors import InputError


@takes(Qualifying, Reading, Talking, Running)
def check(logs: Logs, *, asked: Asked) -> None:
    """Read and qualify only: which column is what, what becomes of the rows, what the log spans."""
    from fairpay import api  # noqa: PLC0415 - the engine is loaded where it is used
    from fairpay.cli.screens.check import as_json, screen  # noqa: PLC0415 - Rich is loaded where something is shown

    with watching(logs, asked) as watch:
        found = api.check(logs, **asked.options, **watch)
    if asked.json:
        emit(json.dumps(as_json(found), indent=2) + "\n")
    elif not asked.silent:
        show(*screen(found))
    if asked.values["strict"] and (found.warnings or found.refused is not None):
        raise found.refused or InputError("there are warnings, and --strict stops at any")
