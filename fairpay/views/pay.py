"""The page of what is paid: to whom, and for which listening."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from fairpay.reports.pages.page import Figure, Page, PageColumn, PageTable, Section
from fairpay.reports.tables import listened_to
from fairpay.reports.words import counted, visible
from fairpay.views import charts
from fairpay.views.compare import LISTED, called, unevenness
from fairpay.views.groups import groups
from fairpay.views.parts import about, conditions, currency_of, ending, grouped, part, remarks, rule_columns, title

if TYPE_CHECKING:
    from fairpay.runs.verify import FinishedRun

__all__ = ["page"]

BEST = 15
"""Artists in the picture."""


def page(run: FinishedRun) -> Page:
    """Make the page of a run of `pay`."""
    (rule,) = run.summary["rules"]
    frame, code = called(run.table("payouts")), currency_of(run)
    few = frame.head(BEST)
    rows = [(str(who), float(payout)) for who, payout in few.select("who", "payout").iter_rows()]
    seen = f"{visible(rows[0][0])} gets most, {few['payout'][0]:,} {code}."
    reasons = [listened_to(*row) for row in frame.head(LISTED).select("listeners", "plays").iter_rows()]
    columns = {
        "who": PageColumn("Artist"),
        "payout": PageColumn("Payout", "money"),
        "share": PageColumn("Share of the pool", "share"),
        "why": PageColumn("For"),
    }
    table = frame.head(LISTED).with_columns(why=pl.Series(reasons, dtype=pl.String))
    tenth = rule["top_10_percent_share"]
    best = "" if tenth is None else f": the best paid 10 % of artists get {part(tenth)} of it"
    return Page(
        title=title(str(rule["name"]), run),
        headline=f"{grouped(rule['paid'])} {code} is paid to {counted(rule['artists_paid'], 'artist')}{best}",
        sections=(
            Section("In short", (*remarks(run), about(run))),
            Section(
                "Who is paid",
                (
                    Figure("Who is paid most", alt=seen, chart=charts.bars(rows, code)),
                    unevenness(run, frame, rule_columns(frame, [rule["name"]])),
                    PageTable.of(table, f"Paid most, {code}", columns, of=frame.height, file="payouts.csv"),
                ),
            ),
            *conditions(run),
            *groups(run, [rule["name"]]),
            *ending(run, [rule["name"]]),
        ),
    )
