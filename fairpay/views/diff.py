"""The page of two runs side by side: what changed for whom, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from fairpay.ledger.jobs import diff
from fairpay.reports.pages.page import Figure, Page, PageColumn, PageTable, Section
from fairpay.reports.pages.pictures import GAIN, LOSS
from fairpay.reports.words import counted, visible
from fairpay.views import charts
from fairpay.views.parts import controls, grouped, grown, inputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairpay.reports.pages.page import PagePart
    from fairpay.runs.diff import Difference
    from fairpay.runs.verify import FinishedRun

__all__ = ["page"]

DRAWN = 15
"""Rows in a picture."""
LISTED = 40


def page(before: FinishedRun, after: FinishedRun) -> Page:
    """Make the page of what changed from one run to another."""
    found = diff(before.directory, after.directory)
    names = [run.directory.resolve().name for run in (before, after)]
    up, down = (int(found.totals[way].sum()) for way in ("up", "down"))
    differ = f"{counted(found.changed, found.unit)} {'differs' if found.changed == 1 else 'differ'}"
    headline = f"{differ}: {up:,} up, {down:,} down; {found.unchanged:,} stay the same"
    return Page(
        title=" -> ".join(names),
        headline=headline if found.changed else f"No {found.unit} differs",
        sections=(
            Section("Why", [reasons(found)]),
            Section("In total", [totals(found)]),
            Section("For whom", [*moved(found)]),
            *(part for run, name in zip((before, after), names, strict=True) for part in checked(run, name)),
        ),
    )


def reasons(found: Difference) -> PagePart:
    """Show what differs in what went in."""
    if not found.why:
        return "The same inputs, rules, options and version."
    rows = [(one.what, one.name, one.before or "none", one.after or "none") for one in found.why]
    columns = (PageColumn("What"), PageColumn("Name"), PageColumn("Before"), PageColumn("After"))
    return PageTable("What differs", columns, rows)


def totals(found: Difference) -> PageTable:
    """Show what all rows come to, and how many go up and down."""
    rows = [
        (
            f"{row['of']}, {row['figure']}",
            row["currency"],
            row["before"],
            row["after"],
            row["change"],
            row["up"],
            row["down"],
            row["same"],
        )
        for row in found.totals.iter_rows(named=True)
    ]
    columns = (
        PageColumn("Of"),
        PageColumn("Currency"),
        PageColumn("Before", "money"),
        PageColumn("After", "money"),
        PageColumn("Change", "change"),
        PageColumn("Up", "count"),
        PageColumn("Down", "count"),
        PageColumn("Same", "count"),
    )
    return PageTable("All rows together", columns, rows)


def moved(found: Difference) -> Iterator[PagePart]:
    """Show the largest changes, what each is of, and what changed of its own."""
    table = found.table.filter(pl.col("change") != 0).with_columns(who=pl.coalesce("name", "subject"))
    kinds = table.select("of", "figure", "currency").unique(maintain_order=True)
    for of, figure, code in kinds.iter_rows():
        own = table.filter(of=of, figure=figure, currency=code).head(DRAWN).sort("change", descending=True)
        rows = [(str(who), float(change)) for who, change in own.select("who", "change").iter_rows()]
        seen = f"{visible(rows[0][0])} {rows[0][1]:+,.2f} to {visible(rows[-1][0])} {rows[-1][1]:+,.2f} {code}."
        chart = charts.bars(rows, f"change, {code}", above=GAIN, below=LOSS)
        yield Figure(f"Largest changes: {of}, {figure}, {code}", alt=seen, chart=chart)
    columns = (
        PageColumn("Who"),
        PageColumn("Of"),
        PageColumn("Before", "money"),
        PageColumn("After", "money"),
        PageColumn("Change", "change"),
        PageColumn("%", "percent"),
        PageColumn("Currency"),
        PageColumn("What changed of its own"),
    )
    lines = [
        (
            row["who"],
            f"{row['of']}, {row['figure']}",
            row["before"],
            row["after"],
            row["change"],
            grown(row["before"], row["after"]) if row["before"] > 0 else None,
            row["currency"],
            row["why"],
        )
        for row in table.head(LISTED).iter_rows(named=True)
    ]
    more = table.height - len(lines)
    note = f"{grouped(str(more))} more; `fairpay diff` with -o FILE writes all." if more else ""
    if lines:
        yield PageTable("Who gets more or less, the largest change first", columns, lines, note=note)
    else:
        yield "Nobody gets more or less."


def checked(run: FinishedRun, name: str) -> Iterator[Section]:
    """Show the controls and inputs of one of the runs."""
    for part in (controls(run), inputs(run)):
        yield Section(f"{part.title} of {name}", part.parts)
