"""The page of `fairpay pay`."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.cli.screens.names import named
from fairpay.cli.screens.parts import AS_USUAL, View, about, figures, paragraph, penalised, placed, remarks, title
from fairpay.reports.figures import top_share
from fairpay.reports.tables import by_payout
from fairpay.reports.words import amount, counted, percent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from fairpay.reports.outcome import Outcome

__all__ = ["screen"]

SHOWN = 10


def screen(outcome: Outcome, view: View = AS_USUAL) -> Iterator[RenderableType]:
    """Yield the page from top to bottom."""
    yield title(outcome.payouts[0].rule.label, outcome)
    yield ""
    yield from about(outcome, royalty=True)
    yield ""
    yield from remarks(outcome)
    yield paragraph(paid_artists(outcome), style="bold")
    yield ""
    yield view.listing or best_paid(outcome, view)
    if outcome.groups:
        from fairpay.cli.screens.groups import by_group  # noqa: PLC0415 - only where groups are asked for

        yield from by_group(outcome, view)
    yield from penalised(outcome)
    yield ""
    yield placed(outcome)


def paid_artists(outcome: Outcome) -> str:
    """`1,655 of 2,310 artists are paid; the best paid 1 % of artists get 40.1 % of the pool, ...`."""
    paid = outcome.payouts[0].allocation.paid
    count = int((paid > 0).sum())
    first, tenth = (percent(top_share(paid, part)) for part in (1, 10))
    are = "is" if count == 1 else "are"
    if not outcome.money.pool:
        return f"{count:,} of {counted(len(paid), 'artist')} {are} paid: there is no money in the pool"
    whole = "the pool" if outcome.payouts[0].allocation.kept_back is None else "what is paid"
    best = f"the best paid 1 % of artists get {first} of {whole}, the best paid 10 % get {tenth}"
    return f"{count:,} of {counted(len(paid), 'artist')} {are} paid; {best}"


def best_paid(outcome: Outcome, view: View) -> RenderableType:
    """Show the artists who are paid most."""
    allocation = outcome.payouts[0].allocation
    headers = ("Payout", "Share", "Listeners", "Plays")
    best = [int(artist) for artist in by_payout(outcome)[: view.most(SHOWN)]]
    cells = []
    for artist in best:
        units = int(allocation.paid[artist])
        share = percent(Fraction(units, allocation.pool) if allocation.pool else None)
        listeners, plays = int(outcome.listeners[artist]), int(outcome.plays[artist])
        cells.append((amount(units, outcome.currency), share, f"{listeners:,}" if listeners else "-", f"{plays:,}"))
    names = named(outcome, best, cells, headers=headers)
    return figures("Paid most", *headers, rows=[(name, *cell) for name, cell in zip(names, cells, strict=True)])
