"""`fairpay explain`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present
from fairpay.cli.progress import watching
from fairpay.cli.screens.parts import about, figures, labelled, paragraph, title
from fairpay.ledger.jobs import explain
from fairpay.reports.explained import answer, blocks, called, listened, stands
from fairpay.reports.words import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.reports.explanation import Explanation
    from fairpay.reports.outcome import Outcome
    from fairpay.reports.tables import Shown

__all__ = ["run", "screen"]


def run(call: Invocation) -> Shown:
    """Explain what an artist or a label is paid."""
    with watching(call) as watch:
        result = explain(call.logs, **call.options, **watch)
    present(call, result, lambda: screen(result.outcome, result.found))
    return result


def screen(outcome: Outcome, found: Explanation) -> Iterator[RenderableType]:
    """Yield the page from top to bottom."""
    yield title(called(found), outcome)
    yield ""
    yield from about(outcome)
    yield labelled(visible(found.subject.kind.capitalize()), listened(found))
    yield ""
    yield paragraph(answer(outcome, found), style="bold")
    yield from (paragraph(f"{note}.", style="yellow") for note in found.notes)
    if found.reached:
        yield ""
        yield from (paragraph(stands(one, outcome.names)) for one in found.reached)
    for block in blocks(outcome, found) if found.plays else ():
        yield ""
        if block.rows:
            yield paragraph(block.heading, style="bold")
            yield ""
            yield figures(*block.headers, rows=block.rows, words=block.words)
        if block.rows and block.note:
            yield ""
        if block.note:
            yield paragraph(block.note)
    if outcome.notes:
        yield ""
    for note in outcome.notes:
        yield paragraph(f"{note.rstrip('.')}.", style="yellow")
