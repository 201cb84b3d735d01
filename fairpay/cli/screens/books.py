"""The pages of `fairpay close`, `adjust` and `diff`."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.text import Text

from fairpay.cli.screens.parts import figures, labelled
from fairpay.cli.screens.verify import screen as controlled
from fairpay.cli.words import counted, visible
from fairpay.ledger.model import Kind
from fairpay.ledger.statements import suspense, totals
from fairpay.money.currency import format_units

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from fairpay.ledger.close import Adjusted, Closed
    from fairpay.ledger.diff import Difference

__all__ = ["adjusted_screen", "closed_screen", "diff_screen"]

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
            moved = "released from" if amount.startswith("-") else "put to"
            yield labelled("Suspense", f"{grouped(amount.lstrip('-'))} {currency} {moved} {name}")
    for key, count in month.facts.listening.without_pool.items():
        yield labelled("No pool", f"{key}: {counted(count, 'row')}")
    yield from conditions(month)
    if suspense(month.rows) or month.facts.listening.without_pool or month.facts.policies or month.facts.decisions:
        yield ""
    yield from controlled(month.controls)
    if month.manifest_sha256:
        yield Text(visible(f"{books}/{month.period}, manifest sha256 {month.manifest_sha256}"))


def conditions(month: Closed) -> Iterator[RenderableType]:
    """Yield each policy with its pools, and the decisions by what was decided."""
    pools = Counter(one.policy for one in month.facts.policies)
    for policy, count in sorted(pools.items()):
        yield labelled("Policy", f"{visible(policy)}: {counted(count, 'pool')}, see policies.csv")
    decided = Counter(one.decision for one in month.facts.decisions)
    if decided:
        yield labelled("Decisions", ", ".join(f"{count:,} {one}" for one, count in sorted(decided.items())))


def adjusted_screen(adjusted: Adjusted) -> Iterator[RenderableType]:
    """Yield what an adjustment moves, and every control."""
    where = f"{adjusted.ref_period} adjusted in {adjusted.period}"
    yield Text(f"{where} · {BOOKED[adjusted.status]} · run {adjusted.run_id}", style="bold")
    yield ""
    rows = [
        (
            Text(clipped(row.payee)),
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


def diff_screen(difference: Difference, *, limit: int) -> Iterator[RenderableType]:
    """Yield why two runs differ, and for whom."""
    yield Text("Why", style="bold")
    for why in difference.why:
        yield labelled(why.what, f"{why.name}: {why.before or '(none)'} -> {why.after or '(none)'}")
    if not difference.why:
        yield "  The same inputs, rules, options and version."
    yield ""
    shown = difference.table[:limit] if limit else difference.table
    rows = [
        (
            Text(clipped(payee)),
            Text(visible(figure)),
            *(Text(grouped(format_units(n, scale))) for n in (before, after, after - before)),
            Text(currency),
        )
        for payee, currency, scale, figure, before, after in shown.iter_rows()
    ]
    if rows:
        yield figures("Payee", "", "Before", "After", "Change", "", rows=rows, words=(0, 1, 5))
        yield ""
    moved, more = difference.table.height, difference.table.height - len(rows)
    end = f"{counted(moved, 'figure')} changed, {difference.unchanged:,} did not"
    yield Text(f"{end}; {more:,} not shown (--limit 0)." if more else f"{end}.", style="bold")


def grouped(amount: str) -> str:
    """`-1234.50` is `-1,234.50`."""
    whole, point, part = amount.lstrip("-").partition(".")
    return f"{'-' if amount.startswith('-') else ''}{int(whole):,}{point}{part}" if whole else ""


def clipped(name: str) -> str:
    """A name that is safe to print and no longer than a line."""
    safe = visible(name)
    return safe if len(safe) <= CLIP else safe[: CLIP - 1] + "…"
