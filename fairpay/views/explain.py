"""The page of what an artist or a label is paid, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.reports.explained import answer, blocks, called, listened, stands
from fairpay.reports.pages.page import Figure, Labels, Page, PageColumn, PageTable, Section
from fairpay.reports.words import visible
from fairpay.views import charts
from fairpay.views.parts import about, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairpay.pipeline.explain import Explained
    from fairpay.reports.explained import ExplainedTable
    from fairpay.reports.explanation import Explanation
    from fairpay.reports.pages.page import PagePart

__all__ = ["page"]


def page(made: Explained) -> Page:
    """Make the page of an explanation; it tells what the screen tells."""
    outcome, found = made.outcome, made.found
    own = Labels([*about(made).rows, (found.subject.kind.capitalize(), listened(found))])
    short = [*(stands(one, outcome.names) for one in found.reached), *(f"{note}." for note in found.notes)]
    remarks = tuple(f"{note.rstrip('.')}." for note in outcome.notes)
    tables = blocks(outcome, found) if found.plays else ()
    return Page(
        title=title(visible(called(found)), made),
        headline=answer(outcome, found).rstrip("."),
        sections=(
            Section("In short", (*short, own)),
            *(Section(table.title, tuple(parts(made, table))) for table in tables),
            *([Section("Rules and policies", remarks)] if remarks else []),
        ),
    )


def parts(made: Explained, table: ExplainedTable) -> Iterator[PagePart]:
    """Yield a table, behind a picture of what is seen better than read."""
    outcome, found = made.outcome, made.found
    if not table.rows:
        yield table.note
        return
    if table.shows == "paid":
        amounts = [(one.rule.label, one.paid / 10**outcome.currency.digits) for one in found.earned]
        yield Figure(
            "Paid under each rule", alt=answer(outcome, found), chart=charts.bars(amounts, outcome.currency.code)
        )
    if table.shows == "listeners":
        yield spread(found, table)
    columns = [
        PageColumn(header, "text" if place in table.words else "figure") for place, header in enumerate(table.headers)
    ]
    yield PageTable(table.heading.rstrip(":"), columns, table.rows, note=table.note)


def spread(found: Explanation, table: ExplainedTable) -> Figure:
    """Draw which part of all listeners of each tenth listens to it."""
    rows = [(row[0], 100 * band.listeners / band.everybody) for row, band in zip(table.rows, found.bands, strict=True)]
    most = max(rows, key=lambda row: row[1])
    alt = f"Most of all in the tenth {most[0]}: {most[1]:.1f} % of these listen to it."
    return Figure("Who listens to it, of each tenth of listeners", alt=alt, chart=charts.bars(rows, "% of the tenth"))
