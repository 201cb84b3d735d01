"""The page of suspects: whom to look at, by the money they move, with the reason beside the amount."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from fairpay.reports.pages.page import Figure, Page, PageColumn, PageTable, Section
from fairpay.reports.words import counted, joined, visible
from fairpay.views import charts
from fairpay.views.parts import about, currency_of, ending, remarks, title

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairpay.reports.pages.page import PagePart
    from fairpay.runs.verify import FinishedRun

__all__ = ["page"]

BEST = 12
"""Findings in the picture."""


def page(run: FinishedRun) -> Page:
    """Make the page of a run of `suspects`."""
    found = run.table("suspects")
    heads = found.filter((pl.col("kind") != "user") | (pl.col("group") == ""))
    kinds = {"Accounts": ("group", "user"), "Artists": ("artist",)}
    return Page(
        title=title("Suspects", run),
        headline=f"{counts(run)} to look at",
        sections=(
            Section("In short", ("A finding is a reason to look, not a verdict.", *remarks(run), about(run))),
            *(
                Section(kind, [*listed(run, kind, own)])
                for kind, words in kinds.items()
                if (own := heads.filter(pl.col("kind").is_in(words))).height
            ),
            *([Section("Who comes nearest", [nearest(run)])] if run.summary.get("nearest") else []),
            Section("What was looked for", [*looked_for(run)]),
            *ending(run, [one["rule"] for one in run.summary["money"]]),
        ),
    )


def counts(run: FinishedRun) -> str:
    """Say how many groups, accounts and artists are worth a look."""
    found = run.summary["findings"]
    inside = run.summary["accounts"] - found["user"]
    groups = [f"{counted(found['group'], 'group')} of {counted(inside, 'account')}"] if found["group"] else []
    return joined([*groups, counted(found["user"], "single account"), counted(found["artist"], "artist")])


def listed(run: FinishedRun, kind: str, found: pl.DataFrame) -> Iterator[PagePart]:
    """Show the findings of a kind with the money they move, the most first, and the reasons."""
    code, labels = currency_of(run), [str(one["rule"]) for one in run.summary["money"]]
    first = found.columns.index("plays") + 1
    money = dict(zip(found.columns[first : first + len(labels)], labels, strict=True))
    name = [pl.col("name").replace("", None)] if "name" in found.columns else []
    shown = found.with_columns(who=pl.coalesce(*name, "subject"))
    rows = [
        (str(row["who"]), label, float(row[column] or 0))
        for row in shown.head(BEST).iter_rows(named=True)
        for column, label in money.items()
    ]
    top = shown.row(0, named=True)
    seen = f"{visible(top['who'])} moves most: " + ", ".join(
        f"{top[c] or 0:,} under {label}" for c, label in money.items()
    )
    yield Figure(f"{kind}: money moved", alt=f"{seen} {code}.", chart=charts.bars_by_rule(rows, labels, code))
    columns = {"who": PageColumn(kind.removesuffix("s"))}
    if kind == "Accounts":
        columns["members"] = PageColumn("Accounts", "count")
    columns |= {"plays": PageColumn("Plays", "count")} | {c: PageColumn(label, "money") for c, label in money.items()}
    columns["reasons"] = PageColumn("Why")
    yield PageTable.of(shown, f"{kind} to look at, {code}", columns, file="suspects.csv")


def nearest(run: FinishedRun) -> PageTable:
    """Show who comes nearest where nobody is worth a look, and which levels were missed; accounts are not named."""
    rows = [
        (
            one["artist"] or "an account",
            one["reached"],
            "; ".join(
                f"{m['signal'].replace('_', ' ')} {m['value']:,g}, counts from {m['level']:,g}" for m in one["missed"]
            ),
        )
        for one in run.summary["nearest"]
    ]
    columns = (PageColumn("Who"), PageColumn("Of the way", "share"), PageColumn("What it misses"))
    return PageTable("Nobody is worth a look; these come nearest", columns, rows)


def looked_for(run: FinishedRun) -> Iterator[PagePart]:
    """Show every signal: whether it ran, from where on it counts, and what it may be instead."""
    rows = [
        (
            named(one["name"]),
            one["kind"],
            "yes" if one["ran"] else f"no: {one['why_not']}",
            f"{one['together']:,g}" if one.get("together") is not None else "",
            one["innocent"],
        )
        for one in run.summary["signals"]
    ]
    columns = (
        PageColumn("Signal"),
        PageColumn("Of"),
        PageColumn("Looked at"),
        PageColumn("Counts from"),
        PageColumn("May be instead"),
    )
    yield PageTable("Signals", columns, rows)


def named(signal: str) -> str:
    """`plays per track`."""
    return signal.replace("_", " ")
