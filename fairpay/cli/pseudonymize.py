"""`fairpay pseudonymize`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.cli.outcomes import present_data
from fairpay.cli.progress import watching
from fairpay.cli.screens.parts import labelled, paragraph
from fairpay.logs.schema import REASONS
from fairpay.reports.words import counted
from fairpay.sharing.pseudonyms import pseudonymize

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.sharing.pseudonyms import Pseudonymized

__all__ = ["as_json", "run", "screen"]


def run(call: Invocation) -> None:
    """Write a log under pseudonyms, and say what is in it."""
    with watching(call) as watch:
        made = pseudonymize(call.logs, **call.options, **watch)
    present_data(call, lambda: as_json(made), lambda: screen(made))


MEANT = {"user": "user (HMAC-SHA-256)", "date": "date (day of UTC)"}
CAUTION = (
    "These are still personal data: who has the key finds every user again, and who knows some plays of a user finds "
    "the others. Keep the key apart from this log."
)


def screen(made: Pseudonymized) -> Iterator[RenderableType]:
    """Yield the page from top to bottom."""
    log, *others = made.files
    yield labelled("Written", f"{counted(made.counts.used, 'play')}: {log}")
    for path in others:
        yield labelled("", f"{counted(made.subscribers or 0, 'subscriber')}: {path}")
    yield labelled("Columns", ", ".join(MEANT.get(name, name) for name in made.columns))
    yield labelled("Not written", ", ".join(made.left) or "no other column")
    if made.counts.dropped:
        yield labelled("Left out", ", ".join(f"{counted(count, 'row')} {why}" for why, count in dropped(made).items()))
    yield ""
    yield paragraph(CAUTION)


def dropped(made: Pseudonymized) -> dict[str, int]:
    """Reason -> rows that are not in the new log."""
    return {REASONS[fate]: count for fate, count in made.counts.dropped.items()}


def as_json(made: Pseudonymized) -> dict[str, Any]:
    """Return the same for scripts."""
    return {
        "schema_version": 1,
        "files": [str(path) for path in made.files],
        "columns": list(made.columns),
        "not_written": list(made.left),
        "rows": made.counts.rows,
        "used": made.counts.used,
        "dropped": dropped(made),
        "subscribers": made.subscribers,
    }
