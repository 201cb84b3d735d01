"""`fairpay diff`."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc
from rich.text import Text

from fairpay.cli.outcomes import present, view_of
from fairpay.cli.screens.listing import cell, listed
from fairpay.cli.screens.names import folded
from fairpay.cli.screens.parts import AS_USUAL, GAP, INDENT, WIDTH, View, figures, labelled, paragraph
from fairpay.ledger.jobs import diff
from fairpay.reports.tables import ColumnKind
from fairpay.reports.words import counted, visible
from fairpay.runs.diff import plain_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.runs.diff import Change, Difference

__all__ = ["run", "screen"]


def run(call: Invocation) -> None:
    """Put two runs side by side."""
    written = {name: call.values[name] for name in ("output", "excel", "force")}
    found = diff(**call.arguments, **written)
    present(call, found, lambda: screen(found, view_of(call, found)))


SHOWN = 20
NUMBER = re.compile(r"(?<![\d.])\d{4,}")
LEAST = 8
"""Cells that what is paid gets at least."""


def screen(found: Difference, view: View = AS_USUAL) -> Iterator[RenderableType]:
    """Yield the page from top to bottom."""
    yield paragraph(f"{found.before} -> {found.after}", style="bold", indent="")
    yield ""
    for change in found.why:
        yield labelled(change.what, stepped(change))
    if not found.why:
        yield "  The same inputs, rules, options and version."
    yield ""
    yield totals(found)
    yield ""
    if found.ordered_in:
        yield paragraph(f"Largest first, in {found.ordered_in} at the rates of the pools.")
        yield ""
    for of in dict.fromkeys(found.totals["of"]) if view.listing is None else ():
        yield from changes(found, of, view.most(SHOWN))
    if view.listing is not None:
        yield view.listing
        yield ""
    verb = "differs" if found.changed == 1 else "differ"
    yield Text(f"{counted(found.changed, found.unit)} {verb}, {found.unchanged:,} do not.", style="bold")


def stepped(change: Change) -> str:
    """`plays: 5,842 -> 6,011`."""
    name = f"{change.name}: " if change.name not in {"", change.what} else ""
    return f"{name}{change.before or '(none)'} -> {change.after or '(none)'}"


def totals(found: Difference) -> RenderableType:
    """Show what is paid in all, and how many get more and less."""
    rows = [
        (
            *(cell(ColumnKind.MONEY, Decimal(row[side])) for side in ("before", "after")),
            cell(ColumnKind.DIFFERENCE, Decimal(row["change"])),
            row["currency"],
            *(f"{row[way]:,}" for way in ("up", "down")),
        )
        for row in plain_rows(found.totals)
    ]
    heads = ["Paid" if found.unit == "payout" else "Amount", "Before", "After", "Change", "", "Up", "Down"]
    taken = sum(GAP + max(map(len, column)) for column in zip(heads[1:], *rows, strict=True))
    of = found.totals["of"].to_list()
    paid = [f"{one}: {name}" if len({*of}) > 1 else name for one, name in zip(of, found.totals["figure"], strict=True)]
    named = [folded(visible(name), max(LEAST, WIDTH - len(INDENT) - taken)) for name in paid]
    return figures(*heads, rows=[(name, *row) for name, row in zip(named, rows, strict=True)], words=(0, 4))


def changes(found: Difference, of: str, most: int) -> Iterator[RenderableType]:
    """List the largest changes among artists, a kind of groups, or payees."""
    rows = found.arrow.filter(pc.equal(found.arrow["of"], of))
    if not rows.num_rows:
        return
    several = [name for name in ("figure", "currency") if found.totals[name].n_unique() > 1]
    shown = rows[:most].select(["subject", "name", *several, "before", "after", "change", "change_percent", "why"])
    why = [NUMBER.sub(lambda found: f"{int(found[0]):,}", words) for words in shown["why"].to_pylist()]
    shown = shown.set_column(shown.num_columns - 1, shown.schema.field("why"), pa.array(why, pa.large_string()))
    titles = {name: name.capitalize() for name in shown.column_names}
    titles |= {"subject": of.capitalize(), "figure": "Paid", "currency": "", "change_percent": "%"}
    yield listed(shown, first=(*several, "before", "after", "change"), must=("currency", "change"), titles=titles)
    if rows.num_rows > most:
        yield f"  and {rows.num_rows - most:,} more (--top 0 shows all)"
    yield ""
