"""The page of a sweep: what each value of a parameter moves, and what it lets a fake account earn."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

from fairpay.reports.pages.page import Figure, Page, PageColumn, PageTable, Section
from fairpay.reports.words import counted
from fairpay.views import charts
from fairpay.views.parts import about, currency_of, ending, grown, part, remarks, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairpay.reports.pages.page import PagePart
    from fairpay.runs.verify import FinishedRun

__all__ = ["page"]

PROOF = {True: "yes", False: "no", None: "not known"}
LIMIT = {False: "no limit", None: "not known"}
"""Where there is no figure: by whether the rule is fraud-proof."""


def page(run: FinishedRun) -> Page:
    """Make the page of a run of `sweep`."""
    points = run.summary["points"]
    series = list(dict.fromkeys(one["series"] for one in points if one["parameter"] is not None))
    lessons = [f"{lesson['sentence']}." for lesson in run.summary["lessons"]]
    first, others = points[0]["rule"], len(points) - 1
    return Page(
        title=title(f"{first} -> {counted(others, 'value')}", run),
        headline=lessons[0].rstrip(".") if lessons else f"{counted(others, 'value')} against {first}",
        sections=(
            Section("In short", (*lessons[1:], *remarks(run), about(run))),
            Section("What each value comes to", [*frontiers(points), every_value(points)]),
            Section("Tiers of artists", [tiers(run)]),
            *ending(run, series),
        ),
    )


def frontiers(points: Sequence[Mapping[str, Any]]) -> Iterator[PagePart]:
    """Draw what a fake account earns against the money that changes hands, and against what small artists gain."""
    drawn = [one for one in points if one["most_per_fee"] is not None]
    edges = [f"{one['rule']} moves {part(one['moved_share'])}" for one in drawn if one["last_fraud_proof_value"]]
    last = f"The last values that are not above the line: {'; '.join(edges) or 'none'}."
    for words, unit, right in (
        ("what changes hands", "% of the pool that changes hands", [100 * (one["moved_share"] or 0) for one in drawn]),
        ("what small artists gain", "% more for small artists", [small(one) for one in drawn]),
    ):
        rows = [
            (one["series"], x, one["most_per_fee"], mark(one)) for one, x in zip(drawn, map(float, right), strict=True)
        ]
        if rows:
            caption = f"What a fake account earns against {words}: above the line it earns money"
            yield Figure(caption, alt=last, chart=charts.frontier(rows, unit))
    if absent := [one["rule"] for one in points if one["most_per_fee"] is None]:
        yield f"Not in the pictures, as no limit is known to what a fake account earns: {', '.join(absent)}."


def small(one: Mapping[str, Any]) -> Fraction:
    """Return by how many per cent small artists gain."""
    return grown(one["small_artists"]["from"], one["small_artists"]["to"]) or Fraction(0)


def mark(one: Mapping[str, Any]) -> str:
    """Name the last value at which no fake account earns more than its fee: `c* = 457` of a cap."""
    letter = "c" if one["parameter"] == "cap" else one["parameter"]
    return f"{letter}* = {one['value']}" if one["last_fraud_proof_value"] else ""


def every_value(points: Sequence[Mapping[str, Any]]) -> PageTable:
    """List what each value comes to."""
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
            LIMIT[one["fraud_proof"]] if one["most_per_fee"] is None else f"{one['most_per_fee']:,.2f}",
            "yes, the last value" if one["last_fraud_proof_value"] else PROOF[one["fraud_proof"]],
            one["steered_by_top_1_percent_of_listeners"],
            grown(one["small_artists"]["from"], one["small_artists"]["to"]),
        )
        for one in points
    ]
    note = "Small artists: those outside the best paid 10 %. All values are in sweep.csv."
    return PageTable(f"Every value, against {points[0]['rule']}", columns, lines, note=note)


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
