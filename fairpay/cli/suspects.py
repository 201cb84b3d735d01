"""`fairpay suspects`."""

from __future__ import annotations

from fractions import Fraction
from itertools import accumulate
from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present, view_of
from fairpay.cli.progress import watching
from fairpay.cli.screens.parts import AS_USUAL, INDENT, View, about, figures, paragraph, remarks, title
from fairpay.fraud.jobs import suspects
from fairpay.fraud.signals import artist_signals, group_signals, user_signals
from fairpay.reports.words import amount, counted, joined, percent, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.fraud.detect.findings import Finding, Near
    from fairpay.fraud.detect.run import Searched
    from fairpay.fraud.signals import GroupSignal, Signal
    from fairpay.reports.outcome import Outcome

__all__ = ["list_signals", "run", "screen"]


def list_signals(_: bool) -> str:  # noqa: FBT001 - the option's value
    """List what is looked at, with sources and innocent explanations."""
    kinds: dict[str, Sequence[Signal | GroupSignal]] = {
        "accounts": user_signals(),
        "groups": group_signals(),
        "artists": artist_signals(),
    }
    lines: list[str] = []
    for kind, signals in kinds.items():
        lines.append(kind)
        for one in signals:
            lines.append(paragraph(f"{one.name}: {one.summary()}").plain)
            more = (f"may be innocent: {one.innocent}", f"source: {one.source}")
            lines += [paragraph(words, indent=2 * INDENT).plain for words in more]
    return "\n".join(lines) + "\n"


def run(call: Invocation) -> None:
    """Look for suspects, and show them."""
    with watching(call) as watch:
        found = suspects(call.logs, **call.options, **watch)
    hint = "-o DIR writes every finding, and a review file to fill in." if found.found else ""
    present(call, found, lambda: screen(found, view_of(call, found)), unwritten=hint)


SHOWN = 15
LONGEST = 26
MOST_OF_IT = Fraction(8, 10)


def screen(searched: Searched, view: View = AS_USUAL) -> Iterator[RenderableType]:
    """Yield the page from top to bottom."""
    outcome = searched.outcome
    heads = [one for one in searched.found if one.kind != "user" or not one.group]
    yield title("Suspects", outcome)
    yield ""
    yield from about(outcome)
    yield ""
    yield from remarks(outcome)
    if heads:
        yield paragraph(f"{counts(searched.found, heads)}. A finding is a reason to look, not a verdict.", style="bold")
        yield from urgent(heads)
        yield ""
    else:
        yield from nobody(searched)
    if view.listing:
        yield view.listing
        yield ""
    for kind, words in (("account", ("group", "user")), ("artist", ("artist",))):
        chosen = [one for one in heads if one.kind in words and not view.listing]
        if chosen:
            yield listed(outcome, kind, chosen, view.most(SHOWN))
            yield ""
    idle = {signal["name"]: signal["why_not"] for signal in searched.summary["signals"] if not signal["ran"]}
    for reason in dict.fromkeys(idle.values()):
        names = joined([name for name, why in idle.items() if why == reason])
        yield paragraph(f"Not checked: {names}, because {reason}.")


def nobody(searched: Searched) -> Iterator[RenderableType]:
    """Say that nothing was found, and who comes nearest to the levels from which a look is worth it."""
    near = " These come nearest:" if searched.near else ""
    yield paragraph(f"No account and no artist is worth a look by these signals.{near}", style="bold")
    yield ""
    if searched.near:
        names = searched.outcome.names
        rows = [
            [short(names.get(one.subject, one.subject)), percent(Fraction(one.reached)), missed(one)]
            for one in searched.near
        ]
        yield figures("Nearest", "Reached", "What is measured, and from where on it counts", rows=rows, words=(0, 2))
        yield ""


def missed(one: Near) -> str:
    """Say which level was missed: `plays 97 times a day (300 and a second reason)`."""
    second = "" if one.missed[0].alone else " with a second reason"
    return "; ".join(
        f"{m.signal.words(m.value)} ({'up to' if m.signal.low else 'from'} {m.signal.figure(m.level)}{second})"
        for m in one.missed
    )


def counts(found: Sequence[Finding], heads: Sequence[Finding]) -> str:
    """Say how many groups, accounts and artists are worth a look."""
    groups = sum(one.kind == "group" for one in heads)
    inside = sum(one.kind == "user" and bool(one.group) for one in found)
    single, artists = (sum(one.kind == kind for one in heads) for kind in ("user", "artist"))
    parts = {
        f"{counted(groups, 'group')} of {counted(inside, 'account')}": groups,
        counted(single, "single account"): single,
        counted(artists, "artist"): artists,
    }
    return f"{joined([part for part, number in parts.items() if number])} to look at"


def urgent(heads: Sequence[Finding]) -> Iterator[RenderableType]:
    """Say how many decisions about accounts come to most of the money, and that one about a group is one."""
    money = [one.money[0] or 0 for one in heads if one.kind != "artist" and one.money]
    most = sum(money) * MOST_OF_IT
    first = 1 + sum(1 for so_far in accumulate(money) if so_far < most)
    if first < len(money):
        yield paragraph(
            f"The first {first:,} of {len(money):,} decisions about accounts are about 80 % of the money; "
            "one about a group holds for all its accounts."
        )


def listed(outcome: Outcome, kind: str, found: Sequence[Finding], most: int) -> RenderableType:
    """List the first findings of a kind with the money they move under each of the first two rules."""
    rules = outcome.payouts[:2]
    rows = [
        [
            short(outcome.names.get(one.subject, one.subject) if one.kind == "artist" else one.subject),
            *("-" if units is None else amount(units, outcome.currency) for units in one.money[:2]),
            visible("; ".join(one.reasons)),
        ]
        for one in found[:most]
    ]
    left = len(found) - len(rows)
    if left:
        rows.append([f"and {left:,} more", *("" for _ in rules), ""])
    headers = [payout.rule.heading or payout.rule.label for payout in rules]
    return figures(kind.capitalize(), *headers, "Why", rows=rows, words=(0, 1 + len(rules)))


def short(text: str) -> str:
    """Cut an id to what fits beside figures."""
    shown = visible(text)
    return shown if len(shown) <= LONGEST else shown[: LONGEST - 3] + "..."
