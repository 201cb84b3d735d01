"""`fairpay audit`."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present, view_of
from fairpay.cli.progress import watching
from fairpay.cli.screens.parts import AS_USUAL, View, about, back, figures, paragraph, title
from fairpay.fraud.audit.report import limits, played, scenario_of, summary
from fairpay.fraud.audit.scenario import find_scenario, scenario_names, scenario_text
from fairpay.fraud.jobs import audit
from fairpay.money.currency import format_units, round_half_even
from fairpay.reports.figures import BOUNDS
from fairpay.reports.words import amount, percent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from fractions import Fraction

    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.fraud.audit.months import Attack
    from fairpay.fraud.audit.replay import AuditFinding
    from fairpay.fraud.audit.report import Audit, RuleAudit
    from fairpay.reports.outcome import Outcome

__all__ = ["list_scenarios", "run", "screen", "show_scenario"]


def list_scenarios(_: bool) -> str:  # noqa: FBT001 - the option's value
    """List the scenarios that come with fairpay."""
    names = scenario_names()
    width = max(map(len, names)) + 2
    told = (textwrap.fill(f"{name:<{width}}{find_scenario(name).title}", 80, subsequent_indent=" " * width)
            for name in names)  # fmt: skip
    return "".join(f"{lines}\n" for lines in told)


def show_scenario(name: str) -> str:
    """Return a scenario's TOML."""
    return scenario_text(name)


def run(call: Invocation) -> None:
    """Audit rules, and show what they invite."""
    with watching(call) as watch:
        found = audit(call.logs, **call.options, **watch)
    present(call, found, lambda: screen(found.outcome, found.findings, view_of(call, found)))


FINE = 2
"""Digits beyond the minor unit that one listener's worth is shown with."""


def screen(outcome: Outcome, audit: Audit, view: View = AS_USUAL) -> Iterator[RenderableType]:
    """Yield the page from top to bottom; a list that was asked for stands in the place of those of the scenarios."""
    yield title("What fake accounts would earn", outcome)
    yield ""
    yield from about(outcome)
    yield ""
    for note in (*outcome.notes, *audit.notes):
        yield paragraph(f"{note.rstrip('.')}.", style="yellow")
    if outcome.notes or audit.notes:
        yield ""
    yield from verdicts(audit)
    if view.listing:
        yield view.listing
        yield ""
    for place, attack in enumerate(audit.attacks):
        if not view.listing:
            yield from one_scenario(outcome, audit, place, attack, view)
    yield paragraph(
        "Per share: income divided by an equal share of the pool for these fees. "
        "Pays from: plays a month at which an account earns back its fee (-: not searched for)."
    )
    yield ""
    yield from map(paragraph, limits(summary(outcome, audit)))
    yield ""
    yield from listeners(outcome, audit)
    yield ""
    yield from worth(outcome, audit)


def verdicts(audit: Audit) -> Iterator[RenderableType]:
    """One line for each rule, worst first, with the reason beside it."""
    yield paragraph("What fakes get for each 1.00 that the accounts playing them pay, worst rule first:", style="bold")
    yield ""
    rows = [(found.rule.label, back(found.worst), limit(found), found.why.brief) for found in audit.rules]
    yield figures("Rule", "Highest tested", "Upper limit", "Why", rows=rows, words=(0, 3))
    yield ""


def limit(found: RuleAudit) -> str:
    """Say the most by formula."""
    if found.most is not None:
        return back(found.most)
    return "no limit" if found.known else "not known"


def one_scenario(outcome: Outcome, audit: Audit, place: int, attack: Attack, view: View) -> Iterator[RenderableType]:
    """What one scenario costs and brings, rule by rule."""
    currency, scenario = outcome.currency, attack.scenario
    yield paragraph(f"{scenario.name}: {scenario.title}", style="bold")
    yield paragraph(played(scenario_of(outcome, attack), currency.code))
    yield ""
    rows = []
    for found in audit.rules[: view.most(len(audit.rules))]:
        finding = found.findings[place]
        income, profit = amount(finding.income, currency), amount(finding.profit, currency, sign=True)
        times = f"{back(finding.of_share)}x"
        rows.append((found.rule.label, income, profit, times, pays_from(finding), loser(outcome, finding)))
    yield figures("Rule", "Income", "Profit", "Per share", "Pays from", "Loses most", rows=rows, words=(0, 5))
    yield ""


def pays_from(finding: AuditFinding) -> str:
    """Say at how many plays an account earns its fee."""
    if not finding.searched:
        return "-"
    return "never" if finding.break_even is None else f"{finding.break_even:,}"


def loser(outcome: Outcome, finding: AuditFinding) -> str:
    """Name the tier that loses most, and what."""
    most = max(finding.lost)
    if most <= 0:
        return "nobody"
    return f"{BOUNDS[finding.lost.index(most)][0]} {amount(-most, outcome.currency)}"


def listeners(outcome: Outcome, audit: Audit) -> Iterator[RenderableType]:
    """Show who steers the pool, and how much of subscribers' own money goes to artists they never played."""
    rows = []
    for found in audit.rules:
        shares = [percent(share) for share in found.steered]
        rows.append((found.rule.label, *shares, limit(found), amount(found.stray, outcome.currency)))
    fee = amount(audit.median_fee, outcome.currency)
    yield paragraph("Who decides where the pool goes, and where subscribers' own money goes:", style="bold")
    yield ""
    yield figures("Rule", "Top 1 %", "Top 10 %", "One listener", "Not played", rows=rows)
    yield ""
    yield paragraph(
        "Top 1 %, top 10 %: the part of the pool that the heaviest listeners, one at least, decide. One listener: the "
        f"most that one can move for each 1.00 paid. Not played: of a subscriber's {fee}, what goes to artists that "
        "subscriber never played; both are medians."
    )
    if audit.mcdonald is not None:
        ratio = back(audit.mcdonald)
        yield paragraph(
            f"Heavy listeners' artists are played {ratio} times as much as light listeners' (the McDonald ratio; "
            "above 1 a common pot takes from small artists)."
        )


def worth(outcome: Outcome, audit: Audit) -> Iterator[RenderableType]:
    """Show what a listener and 100 plays are worth, tier by tier."""
    tiers = [worth.tier for worth in audit.rules[0].worth]
    digits = outcome.currency.digits + FINE

    def cell(value: Fraction | None) -> str:
        return "-" if value is None else format_units(round_half_even(value * 10**FINE), digits)

    code = outcome.currency.code
    for what, field in (
        (f"Value of one more listener to the middle artist of each tier, {code}:", "listener"),
        (f"Value of 100 extra plays by an existing listener, {code}:", "plays"),
    ):
        yield paragraph(what, style="bold")
        yield ""
        rows = [(found.rule.label, *(cell(getattr(step, field)) for step in found.worth)) for found in audit.rules]
        yield figures("Rule", *tiers, rows=rows)
        yield ""
