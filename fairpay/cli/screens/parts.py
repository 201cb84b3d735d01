"""What the pages of several commands have in common: the title, where the money comes from, what was read."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fairpay.money.currency import format_units, round_half_even
from fairpay.money.integers import sum_exactly
from fairpay.reports.words import amount, by_rule, counted, duration, joined, month_of, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from fractions import Fraction

    from rich.console import RenderableType

    from fairpay.reports.outcome import ListeningTotals, Outcome

__all__ = [
    "AS_USUAL",
    "GAP",
    "INDENT",
    "WIDTH",
    "View",
    "about",
    "back",
    "figures",
    "labelled",
    "left_out",
    "listened",
    "paragraph",
    "penalised",
    "placed",
    "remarks",
    "title",
]

INDENT = "  "
WIDTH = 80
LABEL = 12
HEADING, WORD = 24, 24
"""Cells of a heading of numbers, which is folded beyond; of a word, beyond which it may be broken."""
GAP = 2
"""Cells between two columns."""


class View(NamedTuple):
    """What was asked of the lists of a page."""

    top: int | None = None
    """Rows of each; 0 is all, None what suits the page."""
    listing: RenderableType | None = None
    """A list in the place of those of the page."""

    def most(self, usual: int) -> int:
        """How many rows a list has at most."""
        return (self.top or sys.maxsize) if self.top is not None else usual


AS_USUAL = View()
MANY, HUNDREDTHS = 1000, 2
"""From how many times the fee on digits after the point are left out; how many there are below."""


def title(rules: str, outcome: Outcome) -> Text:
    """`market-centric -> user-centric · October 2026 · EUR`."""
    parts = [rules, month_of(outcome.listening.period), outcome.currency.code]
    return Text(visible(" · ".join(filter(None, parts))), style="bold")


def paragraph(text: str, *, style: str = "", indent: str = INDENT) -> Text:
    """Wrap a sentence at 80 columns, indented."""
    lines = textwrap.wrap(
        visible(text),
        width=WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return Text("\n".join(lines), style=style)


def about(outcome: Outcome, *, royalty: bool = False) -> Iterator[RenderableType]:
    """Say where the money comes from, what was read, and what was left out; with `royalty`, that all of it is paid."""
    money, currency = outcome.money, outcome.currency
    stated = "as stated" if money.stated == f"{currency.text(money.pool)} stated" else money.stated
    assumed = " (assumed: no money was stated)" if money.assumed else ""
    yield labelled("Pool", f"{amount(money.pool, currency)}   {stated}{assumed}")
    if royalty and money.rate == 1 and money.collected is None and not money.stated.endswith(" stated"):
        yield labelled("Royalty", "100 %: everything paid in is paid out (--royalty-rate sets another rate)")
    for name, units in () if money.collected is None else money.collected.aside:
        yield labelled("Set aside", f"{amount(units, currency)}   for {visible(name)}")
    if money.inactive:
        what = "held back" if money.held else "shared"
        people = counted(money.inactive, "subscriber")
        paid = "not told" if money.inactive_money is None else amount(money.inactive_money, currency)
        yield labelled("Inactive", f"{paid}   from {people} without counted plays, {what}")
    if money.unlisted:
        treated = {"free": "counted as paying nothing", "leave-out": "left out"}
        people = counted(money.unlisted, "listener")
        yield labelled("Unlisted", f"{people} without a subscription line, {treated[money.unlisted_policy]}")
    if any(payout.allocation.kept_back is not None for payout in outcome.payouts):
        sums = {payout.rule.label: payout.allocation.withheld for payout in outcome.payouts}
        told = by_rule(sums, lambda units: amount(units, currency))
        yield labelled("Withheld", f"{told}   for the platform, by the policy")
    yield labelled("Listening", listened(outcome.listening))
    yield from left_out(outcome.listening)


def penalised(outcome: Outcome) -> Iterator[RenderableType]:
    """Say what excluded plays would have earned under each rule, and what of it is charged."""
    found, currency = outcome.penalties, outcome.currency
    if found is None:
        return
    rows = [
        (
            payout.rule.label,
            amount(sum(line.earned[k] for line in found.lines), currency),
            amount(sum(line.charged[k] for line in found.lines), currency),
            f"{len({line.artist for line in found.lines if line.charged[k]}):,}",
        )
        for k, payout in enumerate(outcome.payouts)
    ]
    yield ""
    yield figures("Penalties", "Excluded plays", "Charged", "Artists", rows=rows)
    whom = "shared by all whom the pool pays, in proportion" if found.to == "pool" else "kept by the platform"
    yield paragraph(
        "What excluded plays would have earned, and what of it is charged, rounded for each artist: "
        f"{whom}, beside the amounts above."
    )


def listened(listening: ListeningTotals) -> str:
    """`98,214 plays · 5,412 h · 999 users · 2,310 artists`."""
    parts = [counted(listening.plays, "play")]
    if listening.ms is not None:
        parts.append(duration(listening.ms))
    return " · ".join([*parts, counted(listening.users, "user"), counted(listening.artists, "artist")])


def left_out(listening: ListeningTotals) -> Iterator[RenderableType]:
    """Say how many rows were left out, and for which reasons, the most frequent first."""
    dropped = sorted(listening.dropped.items(), key=lambda pair: (-pair[1], pair[0]))
    rows = counted(listening.rows - listening.used, "row")
    if len(dropped) == 1:
        yield labelled("Left out", f"{rows}, {dropped[0][0]}")
    elif dropped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in dropped)
        yield labelled("Left out", f"{rows}: {reasons}")


def labelled(label: str, text: str) -> Text:
    """Put a label before a sentence; further lines stand below the sentence."""
    return Text(
        textwrap.fill(
            visible(text),
            width=WIDTH,
            initial_indent=f"{INDENT}{label:<{LABEL}}",
            subsequent_indent=INDENT + " " * LABEL,
            break_on_hyphens=False,
            break_long_words=False,
        )
    )


def remarks(outcome: Outcome) -> Iterator[RenderableType]:
    """Say what a reader must know of the rules: what was solved, and what an experimental rule does not keep."""
    told = list(outcome.notes)
    for rule in (payout.rule for payout in outcome.payouts):
        if rule.experimental and not any(note.startswith(f"{rule.label} is experimental") for note in told):
            broken = joined([promise.value for promise in rule.broken()])
            told.append(f"{rule.label} is experimental, for study and not for paying; it breaks {broken}")
    for note in told:
        yield paragraph(f"{note.rstrip('.')}.", style="yellow")
    if told:
        yield ""


def figures(*headers: str, rows: Sequence[Sequence[str | Text]], words: Sequence[int] = (0,)) -> Padding:
    """Lay figures out in columns: those in `words` to the left, the others to the right.

    Where there is no room for all, words after the first column wrap, between words. Neither a number nor what stands
    first is ever cut; a heading of numbers is folded.
    """
    table = Table(box=None, show_edge=False, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for place, header in enumerate(headers):
        left, wraps = place in words, place in words and place > 0
        title = header if left else textwrap.fill(header, HEADING, break_long_words=False, break_on_hyphens=False)
        cells = [str(row[place]) for row in rows]
        pieces = (
            (piece for cell in cells for piece in cell.split()) if wraps else "\n".join([title, *cells]).split("\n")
        )
        longest = max(map(cell_len, pieces), default=0)
        table.add_column(
            title,
            justify="left" if left else "right",
            no_wrap=not wraps,
            overflow="fold",
            min_width=min(longest, WORD) if wraps else longest,
        )
    for row in rows:
        table.add_row(*row)
    return Padding.indent(table, len(INDENT))


def placed(outcome: Outcome) -> Text:
    """Say that nothing was made or lost, with the sums to show it."""
    currency = outcome.currency
    paid = {(sum_exactly(one.allocation.paid), one.allocation.withheld) for one in outcome.payouts}
    told = [amount(units, currency) + (f" + withheld {amount(more, currency)}" if more else "")
            for units, more in sorted(paid)]  # fmt: skip
    sums = " and ".join(told) if len(told) <= 2 else "+ withheld"  # noqa: PLR2004 - as by_rule
    under = ["", "", " under both rules"][len(outcome.payouts) :] or [f" under all {len(outcome.payouts)} rules"]
    unit = "cent" if currency.digits == 2 else "unit"  # noqa: PLR2004 - what two digits are called
    said = f"Every {unit} is accounted for: paid {sums} = pool {amount(outcome.money.pool, currency)}{under[0]}."
    return paragraph(said, indent="")


def back(value: Fraction) -> str:
    """Write a multiple of the fee: 0.70, 18.2 or 1,520."""
    if value >= MANY:
        return f"{round(value):,}"
    return format_units(round_half_even(value * 10**HUNDREDTHS), HUNDREDTHS)
