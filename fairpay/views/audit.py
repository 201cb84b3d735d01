"""The page of an audit: what fake accounts would earn under each rule, worst first, and who would pay for it."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from fairpay.fraud.audit.report import limits, played
from fairpay.reports.pages.page import Figure, Page, PageColumn, PageTable, Section
from fairpay.reports.pages.pictures import GAIN, LOSS
from fairpay.reports.words import joined
from fairpay.views import charts
from fairpay.views.parts import about, currency_of, ending, grouped, remarks, title

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fairpay.reports.pages.page import PagePart
    from fairpay.runs.verify import FinishedRun

__all__ = ["page"]

LIMITS = {"none": "no limit", "unknown": "not known"}


def page(run: FinishedRun) -> Page:
    """Make the page of a run of `audit`."""
    rules = run.summary["rules"]
    return Page(
        title=title("What fake accounts would earn", run),
        headline=headline(rules),
        sections=(
            Section("In short", (*remarks(run), about(run))),
            Section(
                "What fakes get for each 1.00 that the accounts playing them pay",
                [*verdicts(rules), *limits(run.summary)],
            ),
            *(
                Section(f"{scenario['name']}: {scenario['title']}", [*replayed(run, place, scenario)])
                for place, scenario in enumerate(run.summary["scenarios"])
            ),
            Section("Listeners and plays", [*listeners(run), *worth(run)]),
            *ending(run, [rule["name"] for rule in rules]),
        ),
    )


def headline(rules: list[Mapping[str, Any]]) -> str:
    """Say what a fake account gets back under the worst rule, and which rules it cannot earn from."""
    worst = max(rules, key=lambda rule: (rule["worst_per_fee"], rule["name"]))
    safe = sorted(rule["name"] for rule in rules if (rule["most_per_fee"] or 2.0) <= 1)
    most = f"Under {worst['name']} a fake account gets back up to {worst['worst_per_fee']:,.2f} for each 1.00 it pays"
    return f"{most}; under {joined(safe)} never more than it pays" if safe else most


def verdicts(rules: list[Mapping[str, Any]]) -> Iterator[PagePart]:
    """Show the most that was tested, and the upper limit, with the reason."""
    found = [(rule["name"], rule["worst_per_fee"]) for rule in rules]
    seen = ", ".join(f"{name} {value:,.2f}" for name, value in found)
    chart = charts.multiples(found, "comes back for each 1.00 paid")
    yield Figure("The most that was tested: right of the line a fake earns money", alt=f"{seen}.", chart=chart)
    rows = [(rule["name"], f"{rule['worst_per_fee']:.2f}", limit(rule), rule["why"]) for rule in rules]
    columns = (
        PageColumn("Rule"),
        PageColumn("Highest tested", "money"),
        PageColumn("Upper limit"),
        PageColumn("Why"),
    )
    yield PageTable("For each 1.00 of fees, worst rule first", columns, rows)


def limit(rule: Mapping[str, Any]) -> str:
    """Say the most by formula."""
    most = rule["most_per_fee"]
    return f"{most:,.2f}" if most is not None else LIMITS.get(rule["limit"], rule["limit"])


def replayed(run: FinishedRun, place: int, scenario: Mapping[str, Any]) -> Iterator[PagePart]:
    """Show what one scenario costs and brings, rule by rule."""
    code = currency_of(run)
    found = [(rule["name"], rule["scenarios"][place]) for rule in run.summary["rules"]]
    yield (f"{played(scenario, code)} Source: {scenario['source']}.")
    profits = [(name, float(one["profit"])) for name, one in found]
    seen = ", ".join(f"{name} {profit:+,.2f}" for name, profit in profits)
    picture = charts.bars(profits, code, above=LOSS, below=GAIN)
    yield Figure("What the fakes earn, less what they pay", alt=f"{seen} {code}.", chart=picture)
    rows = [
        (name, one["income"], one["profit"], one["times_share_of_fees"], pays_from(one), loser(one))
        for name, one in found
    ]
    columns = (
        PageColumn("Rule"),
        PageColumn("Income", "money"),
        PageColumn("Profit", "change"),
        PageColumn("Against an equal share", "times"),
        PageColumn("Pays from, plays a month"),
        PageColumn("Loses most"),
    )
    yield PageTable(f"Rule by rule, {code}", columns, rows)


def pays_from(one: Mapping[str, Any]) -> str:
    """Say at how many plays an account earns its fee."""
    if not one["break_even_searched"]:
        return "not searched"
    return "never" if one["break_even_plays"] is None else f"{one['break_even_plays']:,}"


def loser(one: Mapping[str, Any]) -> str:
    """Name the tier that loses most, and what."""
    tier, most = max(one["lost"].items(), key=lambda pair: Decimal(pair[1]))
    return f"{tier}: {grouped(most)}" if Decimal(most) > 0 else "nobody"


def listeners(run: FinishedRun) -> Iterator[PagePart]:
    """Show who decides where the pool goes."""
    rows = [
        (
            rule["name"],
            rule["steered_by_top_1_percent_of_listeners"],
            rule["steered_by_top_10_percent_of_listeners"],
            rule["stray_money_of_median_subscriber"],
        )
        for rule in run.summary["rules"]
    ]
    fee = run.summary["money"]["median_subscriber"]
    columns = (
        PageColumn("Rule"),
        PageColumn("Decided by the top 1 % of listeners", "share"),
        PageColumn("By the top 10 %", "share"),
        PageColumn(f"Of the median subscriber's money ({fee}) to artists not played", "money"),
    )
    yield PageTable("Who decides where the pool goes, without any fake", columns, rows)


def worth(run: FinishedRun) -> Iterator[PagePart]:
    """Show what a listener and 100 plays are worth, tier by tier."""
    code, rules = currency_of(run), run.summary["rules"]
    tiers = [step["tier"] for step in rules[0]["worth"]]
    for words, key in (
        ("One more listener, worth to the middle artist of each tier", "one_more_listener"),
        ("100 more plays by a listener who is there, worth to that artist", "plays_100_more"),
    ):
        rows = [(rule["name"], *(step[key] for step in rule["worth"])) for rule in rules]
        yield PageTable(f"{words}, {code}", (PageColumn("Rule"), *(PageColumn(tier, "money") for tier in tiers)), rows)
