"""The page's body where three or more rules are compared: one line for each rule, however many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.screens.names import named
from fairpay.cli.screens.parts import figures, paragraph
from fairpay.cli.words import amount, percent
from fairpay.reports.figures import largest_gains, largest_losses, shift, tiers
from fairpay.reports.payouts import by_payout
from fairpay.reports.summary import stray_money

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from fairpay.reports.outcome import Outcome, Payout

__all__ = ["many_rules"]


def many_rules(outcome: Outcome) -> Iterator[RenderableType]:
    """Yield what changes hands from the first rule to each other rule, by rule, tier and artist."""
    first, *others = outcome.payouts
    yield paragraph(f"Against {first.rule.label}:", style="bold")
    yield ""
    yield moved(outcome, first, others)
    yield ""
    yield by_tier(outcome, first, others)
    yield ""
    yield extremes(outcome, first, others)
    yield ""
    yield steering(outcome)


def moved(outcome: Outcome, first: Payout, others: Sequence[Payout]) -> RenderableType:
    """One line for each rule: how much changes hands, and how many gain and lose."""
    rows = []
    for other in others:
        change = shift(first.allocation.paid, other.allocation.paid)
        units = amount(change.moved, outcome.currency)
        rows.append((other.rule.label, units, percent(change.share), f"{change.gainers:,}", f"{change.losers:,}"))
    return figures("Rule", "Changes hands", "Share", "Gain", "Lose", rows=rows)


def by_tier(outcome: Outcome, first: Payout, others: Sequence[Payout]) -> RenderableType:
    """One line for each rule: what each tier of artists gains or loses."""
    order, before = by_payout(outcome), first.allocation.paid
    found = [tiers(order, before, other.allocation.paid) for other in others]
    there = [place for place, tier in enumerate(found[0]) if tier.artists]
    rows = [("artists", *(f"{found[0][place].artists:,}" for place in there))]
    for other, changed in zip(others, found, strict=True):
        rows.append((other.rule.label, *(percent(changed[place].change, sign=True) for place in there)))
    return figures("Tier", *(found[0][place].name for place in there), rows=rows)


def extremes(outcome: Outcome, first: Payout, others: Sequence[Payout]) -> RenderableType:
    """One line for each rule: who gains most, and who loses most."""
    before = first.allocation.paid
    found: list[tuple[int, tuple[str, ...]]] = []
    for other in others:
        after = other.allocation.paid
        for verb, largest in (("gains", largest_gains), ("loses", largest_losses)):
            for artist in largest(before, after, count=1):
                change = amount(int(after[artist] - before[artist]), outcome.currency, sign=True)
                found.append((artist, (other.rule.label, verb, change)))
    headers = ("Rule", "Most", "Change")
    names = named(outcome, [artist for artist, _ in found], [cells for _, cells in found], headers=headers)
    rows: list[tuple[str | Text, ...]] = [(*cells, name) for (_, cells), name in zip(found, names, strict=True)]
    return figures(*headers, "Artist", rows=rows, words=(0, 1, 3))


def steering(outcome: Outcome) -> RenderableType:
    """One line for each rule: who steers the pool, and how much of their own money goes to artists not played."""
    rows = []
    for payout in outcome.payouts:
        stray = stray_money(outcome, payout)
        text = "-" if stray is None else amount(stray, outcome.currency)
        rows.append((payout.rule.label, percent(payout.steered_by_top_1_percent), text))
    fee = amount(outcome.median_fee, outcome.currency)
    return figures("Rule", "Decided by the top 1 %", f"Of the median {fee}, to artists not played", rows=rows)
