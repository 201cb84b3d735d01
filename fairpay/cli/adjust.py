"""`fairpay adjust`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from fairpay.cli.asked import Asked, takes
from fairpay.cli.ledgers import Books, LogOption, MoreLogs, Payees, Pools, closing_of, tables_of
from fairpay.cli.options import Deciding, Running, Talking, option
from fairpay.cli.progress import watching
from fairpay.cli.terminal import emit, show

PANEL = "What became known"


class Known:
    """The correction."""

    exclude: Annotated[
        list[str] | None,
        option("--exclude", text="Users or plays that do not count: user, or user, artist, time.", panel=PANEL,
               metavar="FILE"),
    ] = None  # fmt: skip
    instead: Annotated[
        bool, option("--instead", text="The logs take the place of all the month's logs; else they are late ones.",
                     panel=PANEL)
    ] = False  # fmt: skip
    undo: Annotated[str | None, option("--undo", text="Take an adjustment back.", panel=PANEL, metavar="ID")] = None
    reason: Annotated[str, option("--reason", text="Stands in every row.", panel=PANEL, metavar="WORDS")] = ""


@takes(Books, Known, Pools, Payees, Deciding, Talking, Running)
def adjust(logs: MoreLogs = None, log: LogOption = None, *, asked: Asked) -> None:
    """Correct a closed month: late or corrected files, or fraud. The difference is booked in the open month."""
    from fairpay.cli.screens.books import adjusted_screen  # noqa: PLC0415 - Rich is loaded where something is shown
    from fairpay.ledger.adjust import Change, adjusted_json  # noqa: PLC0415 - the engine is loaded where it is used
    from fairpay.ledger.adjust import adjust as adjust_month  # noqa: PLC0415 - the same
    from fairpay.ledger.listening import Watch  # noqa: PLC0415 - the same

    read, said = [*(logs or []), *(log or [])], asked.values
    change = Change(
        logs=tuple(read),
        instead=said["instead"],
        exclude=tuple(Path(path) for path in said["exclude"] or ()),
        tables=tables_of(asked),
        undo=said["undo"],
        reason=said["reason"],
    )
    with watching(read, asked) as watch:
        adjusted = adjust_month(closing_of(asked, []), change, dry_run=said["dry_run"], watch=Watch(**watch))
    if asked.json:
        emit(json.dumps(adjusted_json(adjusted), indent=2) + "\n")
    elif not asked.silent:
        show(*adjusted_screen(adjusted))
