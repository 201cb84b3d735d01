"""`fairpay compare` on screen: two rules side by side, or one line for each of many."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
from rich.text import Text

from fairpay.cli.screens.names import named, reasons
from fairpay.cli.screens.parts import AS_USUAL, View, about, figures, paragraph, penalised, placed, remarks, title
from fairpay.cli.screens.pay import best_paid
from fairpay.reports.figures import COARSE, bands, largest_gains, largest_losses, shift, tiers
from fairpay.reports.summary import stray_money
from fairpay.reports.tables import by_payout
from fairpay.reports.words import amount, counted, percent
from fairpay.rules.core.promise import Promise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType

    from fairpay.kernels.arrays import Ints
    from fairpay.reports.outcome import Outcome, Payout

__all__ = ["many_rules", "screen"]

SHOWN = 10
PAIR = 2
HUNDRED = 100
"""Of fewer listeners the top 1 % is one."""
PROPORTIONAL = (
    "With one listener nothing can change hands: every rule here pays artists in proportion to what counts of that "
    "listener's plays."
)
ALIKE = "With this one listener nothing changes hands: the rules here pay every artist what the first one pays."
SEVERAL = "Give the logs of several listeners to see what the rules change."
GAIN, LOSS = "green", "red"


def screen(outcome: Outcome, view: View = AS_USUAL, *, equal_fees: bool) -> Iterator[RenderableType]:
    """Yield the page from top to bottom; `equal_fees` says whether every listener paid the same."""
    others = outcome.payouts[2:]
    names = [payout.rule.label for payout in outcome.payouts]
    yield title(" -> ".join(names) if not others else f"{names[0]} -> {len(names) - 1} other rules", outcome)
    yield ""
    yield from about(outcome)
    yield ""
    yield from remarks(outcome)
    if cannot_differ(outcome):
        yield from one_listener(outcome, view)
    else:
        yield from many_rules(outcome, view) if others else two_rules(outcome, view, equal_fees=equal_fees)
    if outcome.groups:
        from fairpay.cli.screens.groups import by_group  # noqa: PLC0415 - only where groups are asked for

        yield from by_group(outcome, view, equal_fees=equal_fees)
    yield from penalised(outcome)
    yield ""
    yield placed(outcome)


def cannot_differ(outcome: Outcome) -> bool:
    """Whether there is one listener, and the rules pay the same because of it."""
    first, *others = (payout.allocation.paid.tolist() for payout in outcome.payouts)
    return outcome.listening.users == 1 and all(paid == first for paid in others)


def one_listener(outcome: Outcome, view: View) -> Iterator[RenderableType]:
    """Say what one listener's log cannot show, and list the artists."""
    proportional = all(Promise.PROPORTIONAL in payout.rule.keeps() for payout in outcome.payouts)
    yield paragraph(f"{PROPORTIONAL if proportional else ALIKE} {SEVERAL}", style="bold")
    yield ""
    yield view.listing or best_paid(outcome, view)


def two_rules(outcome: Outcome, view: View, *, equal_fees: bool) -> Iterator[RenderableType]:
    """Yield what moves between two rules."""
    first, second = outcome.payouts
    yield paragraph(changing_hands(outcome, first, second), style="bold")
    yield ""
    yield tier_table(outcome, first, second)
    yield ""
    yield from much(outcome, first, second)
    why = reasons(outcome, first.rule, second.rule, equal_fees=equal_fees)
    yield view.listing or extremes(outcome, first, second, view.most(SHOWN), why=why)
    if said := [*bias(outcome, first, second)]:
        yield ""
        yield from said


def changing_hands(outcome: Outcome, first: Payout, second: Payout) -> str:
    """`812.44 EUR (11.6 %) changes hands: 1,655 artists gain, 655 lose`."""
    change = shift(first.allocation.paid, second.allocation.paid, withheld=first.allocation.withheld)
    moved = f"{amount(change.moved, outcome.currency)} {outcome.currency.code} ({percent(change.share)})"
    same = f", {counted(change.unchanged, 'gets', 'get')} the same" if change.unchanged else ""
    if outcome.merged is not None:
        gainers = counted(change.gainers, "row gains", "rows gain")
        return f"At least {moved} changes hands: {gainers}, {change.losers:,} lose"
    gainers = counted(change.gainers, "artist gains", "artists gain")
    return f"{moved} changes hands: {gainers}, {change.losers:,} {'loses' if change.losers == 1 else 'lose'}{same}"


def much(outcome: Outcome, first: Payout, second: Payout) -> Iterator[RenderableType]:
    """Say how many artists gain and lose much of what they had; of merged lines nobody is told."""
    changed = bands(first.allocation.paid, second.allocation.paid)
    if outcome.merged is None and changed.paid:
        gain, lose = (percent(Fraction(count, changed.paid)) for count in (changed.gain_much, changed.lose_much))
        who = counted(changed.paid, "artist", "artists")
        under = amount(COARSE, outcome.currency)
        few = f" Most are paid under {under}, where rounding decides: a larger --pool shows more."
        more = few if 2 * changed.coarse > changed.paid else ""
        yield paragraph(f"Of {who} paid, {gain} gain 40 % or more, {lose} lose as much.{more}")
        yield ""


def tier_table(outcome: Outcome, first: Payout, second: Payout) -> RenderableType:
    """Show what each tier of artists gets together."""
    before, after = first.allocation.paid, second.allocation.paid
    rows = [
        (
            tier.name,
            f"{tier.artists:,}",
            amount(tier.before, outcome.currency),
            amount(tier.after, outcome.currency),
            percent(tier.change, sign=True),
        )
        for tier in tiers(by_payout(outcome), before, after, outcome.merged)
        if tier.artists
    ]
    return figures("Tier", "Artists", first.rule.label, second.rule.label, "Change", rows=rows)


def extremes(
    outcome: Outcome, first: Payout, second: Payout, most: int, *, why: Callable[[int], str]
) -> RenderableType:
    """Show who gains most and who loses most, with the reason beside the amount."""
    before, after = first.allocation.paid, second.allocation.paid
    headers = ("Change", "", "Why")

    def beside(artist: int, style: str) -> tuple[str | Text, ...]:
        old, new = int(before[artist]), int(after[artist])
        share = percent(Fraction(new - old, old) if old else None, sign=True, unknown="new")
        return Text(amount(new - old, outcome.currency, sign=True), style=style), share, why(artist)

    alone = by_themselves(outcome, before), by_themselves(outcome, after)
    gains, losses = (find(*alone, count=most) for find in (largest_gains, largest_losses))
    if not gains:
        return paragraph("Every artist gets the same under both rules.")
    cells = [*(beside(artist, GAIN) for artist in gains), *(beside(artist, LOSS) for artist in losses)]
    names = named(outcome, [*gains, *losses], cells, headers=headers)
    rows = [(name, *cell) for name, cell in zip(names, cells, strict=True)]
    rows[len(gains) : len(gains)] = [("",) * 4, (Text("Loses most", style="bold"), "", "", "")]
    return figures("Gains most", *headers, rows=rows, words=(0, 3))


def by_themselves(outcome: Outcome, paid: Ints) -> Ints:
    """Take the amounts of lines of several artists out: nobody gains or loses them alone."""
    return paid if outcome.merged is None else np.where(outcome.merged.artists > 1, 0, paid)


def bias(outcome: Outcome, first: Payout, second: Payout) -> Iterator[RenderableType]:
    """Say who steers the pool, and how much of a subscriber's own money goes to artists never played."""
    steered = [percent(p.steered_by_top_1_percent) for p in (first, second) if p.steered_by_top_1_percent is not None]
    if len(steered) == PAIR:
        who = "top 1 % of listeners decide" if outcome.listening.users >= HUNDRED else "heaviest listener decides"
        yield paragraph(f"The {who} {steered[0]} of the pool ({first.rule.label}), {steered[1]} ({second.rule.label}).")
    stray = [amount(units, outcome.currency) for p in (first, second) if (units := stray_money(outcome, p)) is not None]
    if len(stray) == PAIR and outcome.median_fee is not None:
        fee = amount(outcome.median_fee, outcome.currency)
        yield paragraph(
            f"Of a subscriber's {fee}, {stray[0]} goes to artists that subscriber never played "
            f"({first.rule.label}), {stray[1]} ({second.rule.label}); all three are medians."
        )


def many_rules(outcome: Outcome, view: View = AS_USUAL) -> Iterator[RenderableType]:
    """Yield what changes hands from the first rule to each other rule, by rule, tier and artist."""
    first, *others = outcome.payouts
    yield paragraph(f"Against {first.rule.label}:", style="bold")
    yield ""
    yield moved(outcome, first, others)
    yield ""
    yield by_tier(outcome, first, others)
    yield ""
    yield view.listing or extremes_of_each(outcome, first, others, view.most(1))
    if any(payout.steered_by_top_1_percent is not None for payout in outcome.payouts):
        yield ""
        yield steering(outcome)


def moved(outcome: Outcome, first: Payout, others: Sequence[Payout]) -> RenderableType:
    """One line for each rule: how much changes hands, and how many gain and lose."""
    rows = []
    for other in others:
        change = shift(first.allocation.paid, other.allocation.paid, withheld=first.allocation.withheld)
        units = amount(change.moved, outcome.currency)
        rows.append((other.rule.label, units, percent(change.share), f"{change.gainers:,}", f"{change.losers:,}"))
    return figures("Rule", "Changes hands", "Share", "Gain", "Lose", rows=rows)


def by_tier(outcome: Outcome, first: Payout, others: Sequence[Payout]) -> RenderableType:
    """One line for each rule: what each tier of artists gains or loses."""
    order, before = by_payout(outcome), first.allocation.paid
    found = [tiers(order, before, other.allocation.paid, outcome.merged) for other in others]
    there = [place for place, tier in enumerate(found[0]) if tier.artists]
    rows = [("artists", *(f"{found[0][place].artists:,}" for place in there))]
    for other, changed in zip(others, found, strict=True):
        rows.append((other.rule.label, *(percent(changed[place].change, sign=True) for place in there)))
    return figures("Tier", *(found[0][place].name for place in there), rows=rows)


def extremes_of_each(outcome: Outcome, first: Payout, others: Sequence[Payout], most: int) -> RenderableType:
    """One line for each rule: who gains most, and who loses most."""
    before = first.allocation.paid
    found: list[tuple[int, tuple[str, ...]]] = []
    for other in others:
        after = other.allocation.paid
        for verb, largest in (("gains", largest_gains), ("loses", largest_losses)):
            for artist in largest(by_themselves(outcome, before), by_themselves(outcome, after), count=most):
                change = amount(int(after[artist] - before[artist]), outcome.currency, sign=True)
                found.append((artist, (other.rule.label, verb, change)))
    headers = ("Rule", "Most", "Change")
    names = named(outcome, [artist for artist, _ in found], [cells for _, cells in found], headers=headers)
    rows: list[tuple[str | Text, ...]] = [(*cells, name) for (_, cells), name in zip(found, names, strict=True)]
    return figures(*headers, "Artist", rows=rows, words=(0, 1, 3))


def steering(outcome: Outcome) -> RenderableType:
    """One line for each rule: who steers the pool, and how much of their own money goes to artists not played."""
    rows, who = [], "top 1 %" if outcome.listening.users >= HUNDRED else "heaviest listener"
    for payout in outcome.payouts:
        stray = stray_money(outcome, payout)
        text = "-" if stray is None else amount(stray, outcome.currency)
        rows.append((payout.rule.label, percent(payout.steered_by_top_1_percent), text))
    if outcome.median_fee is None:
        return figures("Rule", f"Decided by the {who}", rows=[row[:2] for row in rows])
    fee = amount(outcome.median_fee, outcome.currency)
    return figures("Rule", f"Decided by the {who}", f"Of the median {fee}, to artists not played", rows=rows)
