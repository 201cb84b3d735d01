"""The pages of `fairpay close` and `adjust`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl
from rich.text import Text

from fairpay.cli.screens.names import LEAST, fitted
from fairpay.cli.screens.parts import GAP, INDENT, WIDTH, figures, labelled
from fairpay.cli.screens.verify import screen as controlled
from fairpay.ledger.model import Kind
from fairpay.ledger.payees import UNALLOCATED
from fairpay.ledger.statements import suspense, totals
from fairpay.money.currency import format_units
from fairpay.reports.words import counted, visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from fairpay.cli.screens.parts import View
    from fairpay.ledger.close import Adjusted, Closed
    from fairpay.ledger.issue import Issued, Standings

__all__ = ["adjusted_screen", "balances_screen", "closed_screen", "statements_screen"]

ENDED = {"done": "closed", "already": "closed already, verified", "preview": "a preview, nothing written"}
BOOKED = {"done": "booked", "already": "booked already, verified", "preview": "a preview, nothing written"}
CLIP = 60


def closed_screen(month: Closed, books: str) -> Iterator[RenderableType]:
    """Yield the totals of a month, its pools and every control."""
    yield Text(f"{month.period} · {ENDED[month.status]} · run {month.run_id}", style="bold")
    yield ""
    found = totals(month.rows)
    rows = [
        (Text(kind.words), *(Text(grouped(found[currency].get(kind, ""))) for currency in found))
        for kind in Kind
        if kind.words and any(kind in found[currency] for currency in found)
    ]
    yield figures("", *found, rows=rows)
    yield ""
    if month.standing:
        codes = sorted({code for amounts in month.standing.values() for code in amounts})
        stands = [
            (name, *(grouped(amounts.get(code, "")) for code in codes)) for name, amounts in month.standing.items()
        ]
        yield figures("After the month", *codes, rows=stands)
        yield ""
    for name, amounts in suspense(month.rows).items():
        for currency, amount in amounts.items():
            moved = "released, was" if amount.startswith("-") else "set aside,"
            yield labelled("Suspense", f"{grouped(amount.lstrip('-'))} {currency} {moved} {name}")
    for key, count in month.facts.listening.without_pool.items():
        yield labelled("No pool", f"{key}: {counted(count, 'row')}")
    yield from conditions(month)
    if suspense(month.rows) or month.facts.listening.without_pool or month.facts.policies or month.facts.decisions:
        yield ""
    yield from controlled(month.controls)
    if month.manifest_sha256:
        yield Text(visible(f"{books}/{month.period}, manifest sha256 {month.manifest_sha256}"))
        yield Text(visible(f"Where each payee stands: fairpay balances --books {books}"))


def conditions(month: Closed) -> Iterator[RenderableType]:
    """Yield each policy with its pools, and the decisions by what was decided."""
    pools = Counter(one.policy for one in month.facts.policies)
    for policy, count in sorted(pools.items()):
        yield labelled("Policy", f"{visible(policy)}: {counted(count, 'pool')}, see policies.csv")
    decided = Counter(one.decision for one in month.facts.decisions)
    if decided:
        yield labelled("Decisions", ", ".join(f"{count:,} {one}" for one, count in sorted(decided.items())))
    if month.facts.penalties:
        whom = {"pool": "shared by all whom the pools pay", "platform": "kept by the platform"}[month.facts.penalty_to]
        artists = counted(len({one.source for one in month.facts.penalties}), "artist")
        yield labelled("Penalties", f"{artists}, see penalties.csv; {whom}")


def balances_screen(found: Standings, view: View) -> Iterator[RenderableType]:
    """Yield where each payee stands, and the sums in each currency."""
    yield Text(f"After {found.period} · {counted(found.arrow.num_rows, 'account')}", style="bold")
    yield ""
    if view.listing is not None:
        yield view.listing
        return
    rows = pl.DataFrame(found.written(top=view.most(20)))
    lines = pl.concat([rows, pl.DataFrame(found.sums.written())])
    headers = ["Suspense" if name == "in_suspense" else name.capitalize() for name in rows.columns[2:]]
    beside = [[currency, *(grouped(str(amount)) for amount in amounts)] for _, currency, *amounts in lines.iter_rows()]
    widths = [max(map(len, column)) for column in zip(["", *headers], *beside, strict=True)]
    room = max(LEAST, WIDTH - len(INDENT) - sum(GAP + width for width in widths))
    cells = [
        (fitted(Text(visible(called(payee))), room), *map(Text, rest))
        for payee, rest in zip(lines["payee"], beside, strict=True)
    ]
    yield figures("Payee", "", *headers, rows=cells, words=(0, 1)) if cells else "  Nothing stands on any account."
    more = found.arrow.num_rows - rows.height
    if more or found.pending:
        yield ""
    if more:
        yield Text(f"{counted(more, 'more account')}: --top 0 shows all, --csv too.", style="bold")
    if found.pending:
        yield Text(f"{counted(found.pending, 'adjustment')} booked in the open month not counted.")


def statements_screen(issued: Issued) -> Iterator[RenderableType]:
    """Yield how many statements there are, what they come to, and every control."""
    yield Text(f"{issued.period} · {counted(len(issued.statements), 'statement')}", style="bold")
    yield ""
    sums = issued.summary["payable"]
    yield labelled("Payable", " + ".join(f"{grouped(amount)} {currency}" for currency, amount in sums.items()))
    if issued.unnamed:
        first = clipped(issued.unnamed[0])
        others = f"{counted(len(issued.unnamed), 'payee')}, {first} among them"
        yield labelled("No address", others if len(issued.unnamed) > 1 else first)
    if issued.letters:
        yield labelled("Letters", issued.letters)
    yield ""
    yield from controlled(issued.controls)
    place = {"done": "Written to", "already": "Already there, verified:"}[issued.status]
    yield Text(visible(f"{place} {issued.directory}; index.csv says which file is whose"))


def adjusted_screen(adjusted: Adjusted) -> Iterator[RenderableType]:
    """Yield what an adjustment moves, and every control."""
    where = f"{adjusted.ref_period} adjusted in {adjusted.period}"
    yield Text(f"{where} · {BOOKED[adjusted.status]} · run {adjusted.run_id}", style="bold")
    yield ""
    rows = [
        (
            Text(clipped(called(row.payee))),
            Text(clipped(row.pool)),
            Text(grouped(format_units(row.amount, row.scale)), style="" if row.amount > 0 else "red"),
            Text(row.currency),
        )
        for row in adjusted.rows.largest(20)
    ]
    if rows:
        yield figures("Payee", "Pool", "Change", "", rows=rows, words=(0, 1, 3))
    more = len(adjusted.rows) - len(rows)
    if more or not rows:
        yield f"  and {more:,} more" if more else "  Nothing changes for anybody."
    yield ""
    yield from controlled(adjusted.controls)


def grouped(amount: str) -> str:
    """`-1234.50` is `-1,234.50`."""
    whole, point, part = amount.lstrip("-").partition(".")
    return f"{'-' if amount.startswith('-') else ''}{int(whole):,}{point}{part}" if whole else ""


def called(payee: str) -> str:
    """The account as a page calls it: what is unallocated is nobody's, so nothing follows the colon of its id."""
    return payee.removesuffix(":") if payee == UNALLOCATED else payee


def clipped(name: str) -> str:
    """A name that is safe to print and no longer than a line."""
    safe = visible(name)
    return safe if len(safe) <= CLIP else safe[: CLIP - 1] + "…"
