"""`fairpay close`."""

from __future__ import annotations

import json

from fairpay.cli.asked import Asked, takes
from fairpay.cli.ledgers import Books, Closed, LogOption, MoreLogs, Payees, Pools, closing_of
from fairpay.cli.options import Conditions, Deciding, Reading, Running, Talking
from fairpay.cli.progress import watching
from fairpay.cli.terminal import emit, show


@takes(Books, Pools, Payees, Closed, Conditions, Deciding, Reading, Talking, Running)
def close(logs: MoreLogs = None, log: LogOption = None, *, asked: Asked) -> None:
    """Close a month: from money received and plays to amounts payable, every control checked, or nothing at all."""
    from fairpay.cli.screens.books import closed_screen  # noqa: PLC0415 - Rich is loaded where something is shown
    from fairpay.ledger.close import close as close_month  # noqa: PLC0415 - the engine is loaded where it is used
    from fairpay.ledger.close import closed_json  # noqa: PLC0415 - the same
    from fairpay.ledger.listening import Watch  # noqa: PLC0415 - the same

    read = [*(logs or []), *(log or [])]
    with watching(read, asked) as watch:
        month = close_month(closing_of(asked, read), dry_run=asked.values["dry_run"], watch=Watch(**watch))
    if asked.json:
        emit(json.dumps(closed_json(month), indent=2) + "\n")
    elif not asked.silent:
        show(*closed_screen(month, asked.values["books"]))
