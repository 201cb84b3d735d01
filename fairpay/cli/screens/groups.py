"""Groups on screen: what each label gets, or the listeners of each plan steer, the ten largest of each column."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.cli.screens.names import named, reasons
from fairpay.cli.screens.parts import GAP, INDENT, WIDTH, figures, paragraph
from fairpay.reports.figures import shift
from fairpay.reports.groups import best_paid, groupings
from fairpay.reports.outcome import MonthOutcomes
from fairpay.reports.tables import by_payout
from fairpay.reports.words import amount, joined, percent, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from fairpay.cli.screens.parts import View
    from fairpay.reports.groups import Grouping
    from fairpay.reports.outcome import Outcome

__all__ = ["by_group"]

SHOWN = 10
LONG = 40
PAIR = 2
FEW = 3
"""Rules that a page has room for beside each other; of more, the first is shown."""
STEERED = "An amount is what of the pool the listeners of a group steer."


def by_group(outcome: Outcome, view: View, *, equal_fees: bool = False) -> Iterator[RenderableType]:
    """Yield for each column that was asked for the largest groups, and what became of which most."""
    for months in outcome.groups:
        if isinstance(months, MonthOutcomes):
            yield ""
            yield month_rows(months, outcome)
            rules = [payout.rule.label for payout in outcome.payouts]
            told = joined(rules if len(rules) == PAIR else rules[:1])
            yield paragraph(f"Top 10: the part of the pool that the ten artists paid most get, under {told}.")
    for grouping in groupings(outcome):
        order, shown = by_payout(grouping.lines), view.most(SHOWN)
        yield ""
        yield table(grouping, [int(group) for group in order[:shown]])
        if grouping.artists is None:
            yield paragraph(STEERED)
        if len(order) > shown:
            yield paragraph(f"These are the {shown:,} largest of {len(order):,}; -o DIR writes all of them.")
        yield from most(grouping.lines, equal_fees=equal_fees)


def table(grouping: Grouping, shown: Sequence[int]) -> RenderableType:
    """Show the groups: how large they are, what each rule gives them, and what changes or their share."""
    lines, money = grouping.lines, grouping.lines.currency
    paid = [payout.allocation.paid for payout in lines.payouts]
    pool = lines.money.pool
    paid = paid if len(paid) <= FEW else paid[:1]
    headers = ["Listeners"] if grouping.artists is None else ["Artists", "Listeners"]
    headers += [payout.rule.label for payout in lines.payouts[: len(paid)]]
    headers += {1: ["Share"], PAIR: ["Change"]}.get(len(paid), [])
    cells = []
    for group in shown:
        told = [f"{int(lines.listeners[group]):,}" if lines.listeners[group] else "-"]
        told[:0] = [] if grouping.artists is None else [f"{int(grouping.artists[group]):,}"]
        before, *after = (int(column[group]) for column in paid)
        told += [amount(units, money) for units in (before, *after)]
        if len(paid) == 1:
            told.append(percent(Fraction(before, pool) if pool else None))
        elif len(paid) == PAIR:
            change = Fraction(after[0] - before, before) if before else None
            told.append(percent(change, sign=True, unknown="new" if any(after) else "-"))
        cells.append(told)
    names = named(lines, shown, cells, headers=headers)
    rows: list[tuple[str | Text, ...]] = [(name, *told) for name, told in zip(names, cells, strict=True)]
    return figures(visible(f"By {grouping.column}"), *headers, rows=rows)


def month_rows(months: MonthOutcomes, outcome: Outcome) -> RenderableType:
    """Show the months side by side and their sum: plays, the pool, what changes hands, what the best paid get.

    Where amounts are too long for the page, what changes hands is told as a part of the pool only.
    """
    pair = len(outcome.payouts) == PAIR
    rows = [["Month", "Plays", "Listeners", "Pool", *(["Moved", "", "Top 10", ""] if pair else ["Top 10"])]]
    for name, one in (*zip(months.names, months.outcomes, strict=True), ("all", outcome)):
        told = [name, f"{one.listening.plays:,}", f"{one.listening.users:,}", amount(one.money.pool, one.currency)]
        if pair:
            moved = shift(
                *(payout.allocation.paid for payout in one.payouts), withheld=one.payouts[0].allocation.withheld
            )
            told += [amount(moved.moved, one.currency), percent(moved.share)]
        best = [best_paid(one, place) for place in range(PAIR if pair else 1)]
        told += [percent(Fraction(units, one.money.pool) if one.money.pool else None) for units in best]
        rows.append(told)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    if pair and len(INDENT) + sum(widths) + GAP * (len(widths) - 1) > WIDTH:
        rows = [[*row[:4], row[5] or row[4], *row[6:]] for row in rows]
    return figures(*rows[0], rows=rows[1:])


def brief(name: str) -> str:
    """Show a name in a sentence; of a long one, which the table has whole, the beginning."""
    return visible(name if len(name) <= LONG else f"{name[:LONG]}...")


def most(lines: Outcome, *, equal_fees: bool) -> Iterator[RenderableType]:
    """Say which group gains most, which loses most, and why, in the words that artists have; of many rules in brief."""
    first, *others = lines.payouts
    for other in others:
        change = other.allocation.paid - first.allocation.paid
        why = reasons(lines, first.rule, other.rule, equal_fees=equal_fees)
        moved = shift(first.allocation.paid, other.allocation.paid, withheld=first.allocation.withheld)
        hands = f"{amount(moved.moved, lines.currency)} ({percent(moved.share)}) changes hands between groups"
        told = []
        for verb, place in (("gains", int(change.argmax())), ("loses", int(change.argmin()))):
            if change[place]:
                units = amount(int(change[place]), lines.currency, sign=True)
                told.append(f"{brief(lines.artist[place].as_py())} {verb} most, {units}: {why(place)}")
        if len(others) == 1:
            yield from (paragraph(f"{sentence}.") for sentence in (*told, hands))
        else:
            short = "; ".join(sentence.rpartition(": ")[0] for sentence in told)
            yield paragraph(f"{other.rule.label}: {hands}{'; ' * bool(told)}{short}.")
