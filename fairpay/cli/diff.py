"""`fairpay diff`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from fairpay.cli.terminal import emit, show


def diff(
    before: Annotated[str, typer.Argument(metavar="RUN", help="A finished run: a month of the books, or a report.")],
    after: Annotated[str, typer.Argument(metavar="RUN", help="Another one.")],
    *,
    limit: Annotated[int, typer.Option("--limit", help="Lines to show; 0 shows all.", min=0)] = 20,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of a page.")] = False,
) -> None:
    """Two runs side by side: what changed for whom, and why: inputs, rules, options, version."""
    from fairpay.cli.screens.books import diff_screen  # noqa: PLC0415 - Rich is loaded where something is shown
    from fairpay.ledger.diff import diff as compare_runs  # noqa: PLC0415 - PyArrow is loaded where it is used
    from fairpay.ledger.diff import diff_json  # noqa: PLC0415 - the same

    difference = compare_runs(Path(before), Path(after))
    if as_json:
        emit(json.dumps(diff_json(difference), indent=2) + "\n")
    else:
        show(*diff_screen(difference, limit=limit))
