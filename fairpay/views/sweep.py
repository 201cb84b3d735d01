"""The page of a sweep: what each value of a parameter moves, and what it lets a fake account earn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.reports.pages.page import Figure, Page, PageColumn, PageTable, Section
from fairpay.views import charts
from fairpay.views.parts import about, currency_of, ending, grown, part, remarks, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairpay.reports.pages.page import PagePart
    from fairpay.runs.finished import FinishedRun

__all__ = ["page"]


def page(run: FinishedRun) -> Page:
    """Make the page of a run of `sweep`."""
    points = run.summary["points"]
    series = list(dict.fromkeys(one["series"] for one in points if one["parameter"] is not None))
    lessons = [lesson["sentence"] if isinstance(lesson, dict) else lesson for lesson in run.summary["lessons"]]
    first, others = points[0]["rule"], len(points) - 1
    return Page(
        title=title(f"{first} -> {others} values", run),
        headline=lessons[0].rstrip(".") if lessons else f"{others} values against {first}",
        sections=(
            Section("In short", (*lessons[1:], *remarks(run), about(run))),
            Section("What each value comes to", [*frontier(points, series)]),
            Section("Tiers of artists", [tiers(run)]),
            *ending(run, series),
        ),
    )


def frontier(points: Sequence[Mapping[str, Any]], series: Sequence[str]) -> Iterator[PagePart]:
    """Show what each value lets a fake account earn against what it moves, the last fraud-proof value marked."""
    drawn = [one for one in points if one["most_per_fee"] is not None and one["value"] is not None]
    rows = [
        (one["series"], one["value"], one["most_per_fee"], 100 * one["moved_share"], one["last_fraud_proof_value"])
        for one in drawn
    ]
    if rows:
        marked = [f"{one['rule']} moves {part(one['moved_share'])}" for one in drawn if one["last_fraud_proof_value"]]
        seen = f"The last values left of the line, where no fake earns money: {'; '.join(marked) or 'none'}."
        caption = "What changes hands against what a fake account earns: right of the line it earns money"
        yield Figure(caption, alt=seen, chart=charts.frontier(rows, series))
    columns = (
        PageColumn("Rule"),
        PageColumn("Changes hands", "share"),
        PageColumn("Most a fake earns for each 1.00"),
        PageColumn("Fraud-proof"),
        PageColumn("Decided by the top 1 % of listeners", "share"),
        PageColumn("Small artists", "percent"),
    )
    lines = [
        (
            one["rule"],
            one["moved_share"],
            "no limit known" if one["most_per_fee"] is None else f"{one['most_per_fee']:,.2f}",
            "yes, the last value" if one["last_fraud_proof_value"] else "yes" if one["fraud_proof"] else "no",
            one["steered_by_top_1_percent_of_listeners"],
            grown(one["small_artists"]["from"], one["small_artists"]["to"]),
        )
        for one in points
    ]
    note = "Small artists: those outside the best paid 10 %. All values are in sweep.csv."
    yield PageTable(f"Every value, against {points[0]['rule']}", columns, lines, note=note)


def tiers(run: FinishedRun) -> PageTable:
    """Show how each tier of artists fares under each value."""
    changes = run.summary["comparisons"]
    there = [place for place, tier in enumerate(changes[0]["tiers"]) if tier["artists"]]
    columns = (PageColumn("Rule"), *(PageColumn(changes[0]["tiers"][place]["tier"], "percent") for place in there))
    rows = [
        (one["to"], *(grown(one["tiers"][place]["from"], one["tiers"][place]["to"]) for place in there))
        for one in changes
    ]
    return PageTable(f"What each tier of artists gets, against {changes[0]['from']}, {currency_of(run)}", columns, rows)
