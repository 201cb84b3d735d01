"""The page of a closed month: what is payable, to whom and why, what the pools brought, and what waits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from fairpay.ledger.model import Kind, read_ledger, summed
from fairpay.ledger.payees import is_suspense
from fairpay.ledger.statements import suspense, totals
from fairpay.ledger.store import LEDGER
from fairpay.money.currency import format_units
from fairpay.reports.pages.page import Figure, Labels, Page, PageColumn, PageTable, Section
from fairpay.reports.words import counted, joined, visible
from fairpay.views import charts
from fairpay.views.parts import ending, grouped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fairpay.ledger.model import Ledger
    from fairpay.reports.pages.page import PagePart
    from fairpay.runs.verify import FinishedRun

__all__ = ["page"]

BEST = 12
"""Payees in a picture."""
LISTED = 20
ACCOUNT = ("payee", "currency", "scale")


def page(run: FinishedRun) -> Page:
    """Make the page of a month of the books."""
    rows, period = read_ledger(str(run.directory / LEDGER)), run.manifest["books"]["period"]
    found = totals(rows)
    paid = payable(rows)
    amounts = [f"{grouped(sums[Kind.PAYABLE])} {code}" for code, sums in found.items() if Kind.PAYABLE in sums]
    are = "are" if len(amounts) > 1 else "is"
    people = counted(paid["payee"].n_unique(), "payee")
    rules = [str(pool["rule"]) for pool in run.manifest["books"]["facts"]["pools"]]
    return Page(
        title=f"Month {period} · {joined([*found])}",
        headline=f"{joined(amounts) or 'Nothing'} {are} payable for {period} to {people}",
        sections=(
            Section("In short", (Labels([("Run", run.manifest["books"]["run_id"])]), in_total(found))),
            Section("What is payable", [*payables(rows, paid)]),
            Section("Where it comes from", [*pools(run, rows)]),
            *ending(run, rules),
        ),
    )


def in_total(found: Mapping[str, Mapping[str, str]]) -> PageTable:
    """Show the totals of the month by kind and currency."""
    rows = [
        (kind.words.capitalize(), *(found[code].get(kind) for code in found))
        for kind in Kind
        if kind.words and any(kind in found[code] for code in found)
    ]
    return PageTable("The month in total", (PageColumn("What"), *(PageColumn(code, "money") for code in found)), rows)


def payable(rows: Ledger) -> pl.DataFrame:
    """Return what is paid, the largest first: payee, currency, scale, amount in minor units."""
    paid = summed(rows.of_kinds({Kind.PAYABLE}).frame.filter(~is_suspense("payee")), *ACCOUNT)
    texts = pl.col("payee", "currency").cast(pl.String)
    return paid.with_columns(texts).sort("currency", "amount", "payee", descending=[False, True, False])


def payables(rows: Ledger, paid: pl.DataFrame) -> Iterator[PagePart]:
    """Show the payees in each currency, and what each amount is made of."""
    why = made_of(rows, paid)
    for (code,), own in paid.group_by("currency", maintain_order=True):
        text = [format_units(amount, scale) for amount, scale in own.select("amount", "scale").iter_rows()]
        bars = [(payee, float(amount)) for payee, amount in zip(own["payee"].head(BEST), text, strict=False)]
        seen = f"{visible(bars[0][0])} gets most, {grouped(text[0])} {code}."
        yield Figure(f"Paid most, {code}", alt=seen, chart=charts.bars(bars, str(code)))
    shown = paid.head(LISTED)
    table = shown.with_columns(
        paid=pl.Series(
            [format_units(n, scale) for n, scale in shown.select("amount", "scale").iter_rows()], dtype=pl.String
        ),
        why=pl.Series(
            [why.get(account, "") for account in shown.select("payee", "currency").iter_rows()], dtype=pl.String
        ),
    )
    columns = {
        "payee": PageColumn("Payee"),
        "paid": PageColumn("Payable", "money"),
        "currency": PageColumn("Currency"),
        "why": PageColumn("Made of"),
    }
    if paid.height:
        yield PageTable.of(table, "Payables", columns, of=paid.height, file="payables.csv")


def made_of(rows: Ledger, paid: pl.DataFrame) -> dict[tuple[str, str], str]:
    """Say of the first payees what their amounts are made of: `earned 35.00, split to others -14.00`."""
    first = paid.head(LISTED)["payee"].unique().to_list()
    own = rows.frame.filter(pl.col("payee").cast(pl.String).is_in(first), pl.col("kind") != Kind.PAYABLE.value)
    sums = summed(own, *ACCOUNT, "kind").sort("kind")
    kinds = {kind.value: kind.words or kind.column.replace("_", " ") for kind in Kind}
    said: dict[tuple[str, str], list[str]] = {}
    for payee, code, scale, kind, amount in sums.iter_rows():
        if amount:
            said.setdefault((str(payee), str(code)), []).append(f"{kinds[kind]} {grouped(format_units(amount, scale))}")
    return {account: ", ".join(parts) for account, parts in said.items()}


def pools(run: FinishedRun, rows: Ledger) -> Iterator[PagePart]:
    """Show what each pool brought, and the accounts on which money waits."""
    rules = {pool["name"]: pool["rule"] for pool in run.manifest["books"]["facts"]["pools"]}
    earned = summed(rows.of_kinds({Kind.EARNED, Kind.MINIMUM_TOPUP}).frame, "pool", "currency", "scale").sort("pool")
    lines = [
        (str(pool), rules.get(pool), format_units(n, scale), str(code)) for pool, code, scale, n in earned.iter_rows()
    ]
    columns = (PageColumn("Pool"), PageColumn("Rule"), PageColumn("Divided", "money"), PageColumn("Currency"))
    yield PageTable("Pools", columns, lines)
    waiting = [(name, amount, code) for name, sums in suspense(rows).items() for code, amount in sums.items()]
    if waiting:
        heads = (PageColumn("Account"), PageColumn("Amount", "money"), PageColumn("Currency"))
        yield PageTable("Money that nobody can be paid yet, in suspense", heads, waiting)
