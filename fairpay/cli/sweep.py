"""`fairpay sweep`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text

from fairpay.cli.outcomes import present, view_of
from fairpay.cli.progress import watching
from fairpay.cli.screens.parts import AS_USUAL, View, about, back, figures, paragraph, placed, title
from fairpay.fraud.jobs import sweep
from fairpay.fraud.sweep import lessons
from fairpay.reports.outcome import require_balance
from fairpay.reports.words import counted, percent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.fraud.sweep import Point, Swept
    from fairpay.reports.tables import Shown

__all__ = ["run", "screen"]


def run(call: Invocation) -> Shown:
    """Sweep parameters of rules, and show what each value invites."""
    with watching(call) as watch:
        swept = sweep(call.logs, **call.options, **watch)
    require_balance(swept.outcome)
    present(call, swept, lambda: screen(swept, view_of(call, swept)))
    return swept


EDGE = " *"
HEADERS = ("Moved", "Fake earns", "Top 1 %", "Small artists")
LEGEND = (
    "Moved: the part of the pool that changes hands. Fake earns: the most that one account can get back for each 1.00 "
    "of fee, by formula. Top 1 %: the part of the pool that the heaviest listeners, one at least, decide. Small "
    "artists: those outside the best paid 10 %."
)


def screen(swept: Swept, view: View = AS_USUAL) -> Iterator[RenderableType]:
    """Yield the page from top to bottom."""
    outcome, found = swept.outcome, swept.points
    first, *others = found
    yield title(f"{first.rule.label} -> {counted(len(others), 'value')}", outcome)
    yield ""
    yield from about(outcome)
    yield ""
    said = [said for _, said in lessons(found)]
    for note in outcome.notes:
        yield paragraph(f"{note.rstrip('.')}.", style="yellow")
    yield from (paragraph(f"{one}.", style="bold") for one in said)
    if outcome.notes or said:
        yield ""
    shown = found[: view.most(len(found))]
    yield view.listing or table(HEADERS, shown, invites)
    yield ""
    if any(point.edge for point in shown) and not view.listing:
        yield paragraph(f"{EDGE.strip()} the last value at which no fake account earns more than its fee.")
    yield paragraph(LEGEND)
    yield ""
    filled = [k for k, tier in enumerate(first.tiers) if tier.artists]
    if len(filled) > 1 and not view.listing:
        yield paragraph(f"What each tier of artists gets, against {first.rule.label}:", style="bold")
        yield ""
        names = [first.tiers[k].name for k in filled]
        yield table(names, shown[1:], lambda point: [percent(point.tiers[k].change, sign=True) for k in filled])
        yield ""
    yield placed(outcome)


def table(headers: Sequence[str], found: Sequence[Point], cells: Callable[[Point], list[str]]) -> RenderableType:
    """Lay points out under the head of their series."""
    rows: list[Sequence[str | Text]] = []
    series = None
    for point in found:
        varies = point.series.parameter
        if varies and point.series != series:
            rows.append((f"{point.series.label}, by {varies}", *[""] * len(headers)))
        series = point.series
        name = f"  {point.text}{EDGE * (point.edge is not None)}" if varies else point.rule.label
        style = "bold" if point.edge else ""
        rows.append([Text(cell, style=style) for cell in (name, *cells(point))])
    return figures("Rule", *headers, rows=rows)


def invites(point: Point) -> list[str]:
    """Return the money it moves, what it invites, who steers, and what small artists get."""
    return [
        percent(point.change.share),
        back(point.most) if point.most is not None else "no limit" if point.known else "not known",
        percent(point.payout.steered_by_top_1_percent),
        percent(point.small.change, sign=True),
    ]
