"""Labels, genres, plans and months on a page: what each group gets or steers, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.reports.pages.page import FIRST_ROWS, Figure, PageColumn, PageTable, Section, more_in
from fairpay.reports.words import visible
from fairpay.views import charts
from fairpay.views.parts import currency_of, grown, rule_columns, why_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from fairpay.reports.pages.page import PagePart
    from fairpay.runs.verify import FinishedRun

__all__ = ["groups"]

DRAWN = 10
"""Groups in a picture."""
BY = "-by-"
"""`comparison-by-label.parquet` holds groups."""
WORDS = {"artists": "What each {} gets", "listeners": "What the listeners of each {} steer"}


def groups(run: FinishedRun, labels: Sequence[str]) -> list[Section]:
    """Show the groups that were asked for, each by a picture and a table; none where none were."""
    of = {one["by"]: one["of"] for one in run.summary.get("groups", [])}
    found = []
    for file in run.files:
        if BY in file and file.endswith(".parquet"):
            frame, csv = run.table(file.removesuffix(".parquet")), file.replace(".parquet", ".csv")
            by = frame.columns[0].removeprefix("by_")
            kind = of.get(by, "artists")
            parts = months(run, frame, labels) if kind == "months" else listed(run, frame, labels, of=kind, csv=csv)
            found.append(Section(f"By {by}", [*parts]))
    return found


def listed(run: FinishedRun, frame: pl.DataFrame, labels: Sequence[str], *, of: str, csv: str) -> Iterator[PagePart]:
    """Show the largest groups of artists or of listeners."""
    by, code, rules = frame.columns[0], currency_of(run), rule_columns(frame, labels)
    few = [*frame.head(DRAWN).iter_rows(named=True)]
    rows = [(str(row[by]), rule.label, float(row[rule.paid])) for row in few for rule in rules]
    most = ", ".join(f"{few[0][rule.paid]:,} {code} under {rule.label}" for rule in rules)
    chart = charts.bars_by_rule(rows, labels, code)
    yield Figure(WORDS[of].format(by), alt=f"{visible(str(few[0][by]))} most: {most}.", chart=chart)
    first, *others = rules
    columns = [PageColumn(by), PageColumn("Plays", "count"), PageColumn("Listeners", "count")]
    columns += [PageColumn(first.label, "money")]
    for rule in others:
        columns += [PageColumn(rule.label, "money"), PageColumn("%", "percent")]
    lines: list[list[object]] = []
    for row in frame.head(FIRST_ROWS).iter_rows(named=True):
        paid = (cell for rule in others for cell in (row[rule.paid], grown(row[first.paid], row[rule.paid])))
        lines.append([row[by], row["plays"], row["listeners"], row[first.paid], *paid])
    if len(others) == 1:
        columns.append(PageColumn("Why"))
        reason = why_of(run, *labels)
        for line, row in zip(lines, frame.iter_rows(named=True), strict=False):
            line.append(reason(row))
    yield PageTable(f"By {by}, {code}", columns, lines, note=more_in(csv, frame.height - len(lines)))


def months(run: FinishedRun, frame: pl.DataFrame, labels: Sequence[str]) -> Iterator[PagePart]:
    """Show the months side by side: each has a pool of its own."""
    code, pool = currency_of(run), next(name for name in ("pool", "payout") if name in frame.columns)
    moved = [name for name in frame.columns if name.endswith("_moved")]
    names = dict(zip(moved, labels[1:], strict=False)) or {pool: labels[0]}
    rows = [
        (row["month"], label, float(row[name])) for row in frame.iter_rows(named=True) for name, label in names.items()
    ]
    seen = "; ".join(f"{month}: {amount:,.2f} {code} ({label})" for month, label, amount in rows)
    words = f"What changes hands in each month, against {labels[0]}" if moved else "What is paid in each month"
    yield Figure(words, alt=f"{seen}.", chart=charts.bars_by_rule(rows, [*names.values()], code))
    columns = {"month": PageColumn("Month"), "plays": PageColumn("Plays", "count")}
    columns |= {"listeners": PageColumn("Listeners", "count"), pool: PageColumn("Pool", "money")}
    for name, label in names.items():
        if name in moved:
            columns |= {
                name: PageColumn(f"Moved, {label}", "money"),
                f"{name}_share": PageColumn("% of the pool", "share"),
            }
    yield PageTable(f"Months, {code}", [*columns.values()], frame.select(*columns).rows())
