"""The page of a comparison: what changes hands, for whom and why."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl

from fairpay.reports.pages.page import Figure, Page, PageColumn, PageTable, Section, more_in
from fairpay.reports.pages.pictures import GAIN, LOSS
from fairpay.reports.words import counted, percent, visible
from fairpay.views import charts
from fairpay.views.groups import groups
from fairpay.views.parts import (
    about,
    conditions,
    currency_of,
    ending,
    grouped,
    grown,
    part,
    remarks,
    rule_columns,
    title,
    why_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairpay.reports.pages.page import PagePart
    from fairpay.runs.verify import FinishedRun
    from fairpay.views.parts import RuleColumns

__all__ = ["called", "page", "unevenness"]

PAIR = 2
EXTREMES = 10
"""Artists on each side of a picture of who gains and who loses."""
LISTED = 20
BY = "-by-"
"""`comparison-by-label.parquet` holds groups."""


def page(run: FinishedRun) -> Page:
    """Make the page of a run of `compare`."""
    labels = [str(rule["name"]) for rule in run.summary["rules"]]
    frame = run.table("comparison")
    rules = rule_columns(frame, labels)
    shown = called(frame)
    words = " -> ".join(labels) if len(labels) == PAIR else f"{labels[0]} -> {len(labels) - 1} other rules"
    return Page(
        title=title(words, run),
        headline=headline(run, merged="artists" in frame.columns),
        sections=(
            Section("In short", (*remarks(run), about(run), *steering(run))),
            Section("What changes", [*changing(run, shown, rules)]),
            *conditions(run),
            *groups(run, labels),
            *(
                Section(f"Who gains and who loses: {rule.label}", [*moving(run, shown, rules[0], rule)])
                for rule in rules[1:]
            ),
            Section("All artists", [everybody(run, shown, rules)]),
            *ending(run, labels),
        ),
    )


def headline(run: FinishedRun, *, merged: bool) -> str:
    """`196.93 EUR (19.3 %) changes hands: 87 artists gain, 63 lose`; of several rules the least and the most."""
    least = "At least " if merged else ""
    changes, pool, code = run.summary["comparisons"], Fraction(run.summary["pool"]), currency_of(run)
    moved = [(one["moved"], Fraction(one["moved"]) / pool if pool else None) for one in changes]
    told = [f"{grouped(amount)} {code} ({percent(share)})" for amount, share in moved]
    if len(changes) > 1:
        order = sorted(range(len(changes)), key=lambda place: (Decimal(changes[place]["moved"]), place))
        low, high = order[0], order[-1]
        return (
            f"{least}{told[low]} changes hands with {changes[low]['to']}, {told[high]} with {changes[high]['to']}, "
            f"against {changes[0]['from']}"
        )
    one, what = changes[0], "row" if merged else "artist"
    if not (merged or one["gainers"]):
        return f"Nothing changes hands: {one['from']} and {one['to']} pay every artist the same"
    gainers = counted(one["gainers"], f"{what} gains", f"{what}s gain")
    same = f", {one['unchanged']:,} get the same" if one["unchanged"] else ""
    loses = "loses" if one["losers"] == 1 else "lose"
    return f"{least}{told[0]} changes hands: {gainers}, {one['losers']:,} {loses}{same}"


def called(frame: pl.DataFrame) -> pl.DataFrame:
    """Add `who`: what each artist is called, the id where there is no name."""
    return frame.with_columns(who=pl.coalesce("name", "artist") if "name" in frame.columns else pl.col("artist"))


def steering(run: FinishedRun) -> Iterator[PagePart]:
    """Show who decides where the pool goes, and where subscribers' own money goes."""
    fee = run.summary["money"]["median_subscriber"]
    rows = [
        (
            rule["name"],
            rule["steered_by_top_1_percent_of_listeners"],
            rule["stray_money_of_median_subscriber"],
            rule["top_10_percent_share"],
            rule["gini"],
        )
        for rule in run.summary["rules"]
    ]
    columns = (
        PageColumn("Rule"),
        PageColumn("Decided by the top 1 % of listeners", "share"),
        PageColumn(
            "Of the median subscriber's money" + ("" if fee is None else f" ({fee})") + " to artists not played",
            "money",
        ),
        PageColumn("Paid to the best paid 10 % of artists", "share"),
        PageColumn("Gini (0: all get the same)", "number"),
    )
    yield PageTable("What each rule does with the pool", columns, rows)


def changing(run: FinishedRun, frame: pl.DataFrame, rules: Sequence[RuleColumns]) -> Iterator[PagePart]:
    """Show how evenly the pool is shared, and what tiers of artists get."""
    labels, code = [rule.label for rule in rules], currency_of(run)
    if "artists" not in frame.columns:
        yield unevenness(run, frame, rules)
    tiers = [[tier for tier in one["tiers"] if tier["artists"]] for one in run.summary["comparisons"]]
    rows = [(tier["tier"], labels[0], float(tier["from"])) for tier in tiers[0]]
    rows += [
        (tier["tier"], label, float(tier["to"])) for label, own in zip(labels[1:], tiers, strict=True) for tier in own
    ]
    rows.sort(key=lambda row: [tier["tier"] for tier in tiers[0]].index(row[0]))
    seen = "; ".join(
        f"{tier['tier']}: {grouped(tier['from'])} under {labels[0]}, {grouped(tier['to'])} under {labels[1]}"
        for tier in tiers[0]
    )
    yield Figure(
        "What tiers of artists get, best paid first", alt=f"{seen}.", chart=charts.bars_by_rule(rows, labels, code)
    )
    columns = [PageColumn("Tier"), PageColumn("Artists", "count"), PageColumn(labels[0], "money")]
    for label in labels[1:]:
        columns += [PageColumn(label, "money"), PageColumn("Change", "percent")]
    table = [
        (
            tier["tier"],
            tier["artists"],
            tier["from"],
            *(cell for own in tiers for cell in (own[place]["to"], grown(own[place]["from"], own[place]["to"]))),
        )
        for place, tier in enumerate(tiers[0])
    ]
    yield PageTable(f"Tiers of artists, by what {labels[0]} pays, {code}", columns, table)


def unevenness(run: FinishedRun, frame: pl.DataFrame, rules: Sequence[RuleColumns]) -> Figure:
    """Show the Lorenz curves of payouts."""
    told = [
        f"under {rule['name']} the best paid 10 % of artists get {part(rule['top_10_percent_share'])} of the pool"
        for rule in run.summary["rules"]
    ]
    seen = "Lorenz curves, which lie the nearer to the dashed line the more evenly the pool is shared: " + "; ".join(
        told
    )
    return Figure("How evenly the pool is shared", alt=f"{seen}.", chart=charts.lorenz(frame, rules))


def moving(run: FinishedRun, frame: pl.DataFrame, first: RuleColumns, rule: RuleColumns) -> Iterator[PagePart]:
    """Show who gains most and who loses most under a rule, with the reason beside the amount."""
    code, change = currency_of(run), pl.col(rule.difference)
    alone = frame.filter(pl.col("artists") == 1) if "artists" in frame.columns else frame
    by_id = alone.filter(change != 0).sort("artist")
    gains = by_id.filter(change > 0).sort(rule.difference, descending=True, maintain_order=True)
    losses = by_id.filter(change < 0).sort(rule.difference, maintain_order=True)
    yield from by_band(run, first, rule)
    if not by_id.height:
        yield "Every artist gets the same under both rules."
        return
    ends = pl.concat([gains.head(EXTREMES), losses.head(EXTREMES)])
    rows = [(who, float(moved)) for who, moved in ends.select("who", rule.difference).iter_rows()]
    most = "; ".join(
        f"{visible(who)} {moved:+,.2f} {code}" for who, moved in (*rows[:1], *rows[gains.head(EXTREMES).height :][:1])
    )
    yield Figure(
        "Who gains most and who loses most",
        alt=f"Gains and loses most: {most}.",
        chart=charts.bars(rows, f"change, {code}", above=GAIN, below=LOSS),
    )
    if (alone["fan_intensity"] > 0).any():
        seen = (
            "Artists to the left, whose listeners play little for what they pay, stand above the line where they gain; "
            "those to the right, whose listeners play much, stand below it where they lose."
        )
        how = "each point is an artist" if alone.height <= charts.MANY else "the darker, the more artists"
        yield Figure(
            f"Fan intensity against change: {how}", alt=seen, chart=charts.intensity(alone, rule.difference, code)
        )
    reason = why_of(run, first.label, rule.label)
    columns = (
        PageColumn("Artist"),
        PageColumn(first.label, "money"),
        PageColumn(rule.label, "money"),
        PageColumn("Change", "change"),
        PageColumn("%", "percent"),
        PageColumn("Why"),
    )
    for caption, side in ((f"Gains most, {code}", gains), (f"Loses most, {code}", losses)):
        lines = []
        for row in side.head(LISTED).iter_rows(named=True):
            before, after = row[first.paid], row[rule.paid]
            lines.append((row["who"], before, after, row[rule.difference], grown(before, after), reason(row)))
        if lines:
            yield PageTable(caption, columns, lines, note=more_in("comparison.csv", side.height - len(lines)))


def by_band(run: FinishedRun, first: RuleColumns, rule: RuleColumns) -> Iterator[PageTable]:
    """Show how many artists gain and lose how much of what they had, and their money; older runs do not say."""
    change = next(one for one in run.summary["comparisons"] if one["to"] == rule.label)
    found = [band for band in change.get("bands", ()) if band["artists"]]
    artists = sum(band["artists"] for band in found)
    columns = (
        PageColumn("Change of an artist"),
        PageColumn("Artists", "count"),
        PageColumn("Of all artists", "share"),
        PageColumn(first.label, "money"),
        PageColumn(rule.label, "money"),
    )
    rows = [
        (band["band"], band["artists"], Fraction(band["artists"], artists), band["from"], band["to"]) for band in found
    ]
    if rows:
        caption = f"How many artists gain and lose how much, {currency_of(run)}"
        note = "Of amounts as paid, rounded to the minor unit: the smallest change by nothing or by 100 %."
        yield PageTable(caption, columns, rows, note=note)


def everybody(run: FinishedRun, frame: pl.DataFrame, rules: Sequence[RuleColumns]) -> PageTable:
    """Show the best paid artists with what each rule pays them."""
    columns = {
        "who": PageColumn("Artist"),
        "plays": PageColumn("Plays", "count"),
        "listeners": PageColumn("Listeners", "count"),
    }
    columns |= {rule.paid: PageColumn(rule.label, "money") for rule in rules}
    columns["fan_intensity"] = PageColumn("Fan intensity", "times")
    return PageTable.of(
        frame, f"Best paid under {rules[0].label}, {currency_of(run)}", columns, first=LISTED, file="comparison.csv"
    )
