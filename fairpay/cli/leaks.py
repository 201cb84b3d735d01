"""`fairpay leaks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.cli.outcomes import present_data
from fairpay.cli.screens.parts import figures, paragraph
from fairpay.reports.words import counted, joined
from fairpay.sharing.leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.sharing.leaks import Leaks

__all__ = ["as_json", "run", "screen"]


def run(call: Invocation) -> None:
    """Look at a report or a part, and say what it tells of single listeners."""
    found = leaks(call.arguments["path"])
    present_data(call, lambda: as_json(found), lambda: screen(found))


NOBODY = "No artist has fewer than three listeners: no artist's {} is that of one listener."
CHARGED = (
    "penalties.csv says of {} what excluded plays would have earned: of one account's plays, what that account does."
)
DECIDED = "summary.json says of {}, known by a hash, how much was played and what that would be paid if it were kept."
TOLD = {"listening": "how much that listener played it", "fee": "what that listener paid the artist"}
REPORT = "`fairpay compare --k 5` publishes artists under five listeners only in merged lines."
PART = "Give it only to somebody whom all parties trust; `fairpay merge --k 5` merges artists in what is published."


def screen(found: Leaks) -> Iterator[RenderableType]:
    """Yield the page from top to bottom."""
    if any(one.artists for one in found.revealed):
        yield from table(found)
    else:
        yield paragraph(NOBODY.format("payout" if found.charged else "figure"), style="bold")
    for said, count, whom in ((CHARGED, found.charged, "artist"), (DECIDED, found.decided, "account")):
        if count:
            yield ""
            yield paragraph(said.format(counted(count, whom)))
    for column, (one, two) in found.groups.items():
        if one or two:
            yield ""
            said = f"{counted(one, 'group has', 'groups have')} one listener, whose plays and fee are the group's"
            yield paragraph(f"By {column}: {said}; {counted(two, 'has', 'have')} two, who can tell each other's.")
    if found.alone:
        yield ""
        whose = "whose own fee and plays stand in the part, without a name"
        yield paragraph(f"It has {counted(found.alone, 'listener')} {whose}.")
    if found.alone is not None or any(one.artists for one in found.revealed) or any(map(any, found.groups.values())):
        yield ""
        yield paragraph(REPORT if found.alone is None else PART)


def table(found: Leaks) -> Iterator[RenderableType]:
    """Show how many artists have one listener and two, their figures, and what these tell."""
    unit = "" if found.currency is None else f", {found.currency}"
    rows = [
        (f"{one.listeners}", f"{one.artists:,} of {found.artists:,}", *(f"{amount:,}" for amount in one.amounts))
        for one in found.revealed
    ]
    yield figures("Listeners", "Artists", *(f"{name}{unit}" for name in found.columns), rows=rows)
    yield ""
    kinds = {what: [name for name, tells in found.columns.items() if tells == what] for what in TOLD}
    told = joined([f"{TOLD[what]} ({', '.join(names)})" for what, names in kinds.items() if names])
    yield paragraph(f"Who knows the one listener of an artist reads in its figures {told}.")
    yield paragraph("Of an artist with two listeners each can read it about the other.")


def as_json(found: Leaks) -> dict[str, Any]:
    """Return the same for scripts."""
    return {
        "schema_version": 1,
        "artists": found.artists,
        "currency": found.currency,
        "tells": dict(found.columns),
        "revealed": [
            {
                "listeners": one.listeners,
                "artists": one.artists,
                "amounts": dict(zip(found.columns, map(str, one.amounts), strict=True)),
            }
            for one in found.revealed
        ],
        "listeners_alone": found.alone,
        **({"charged": found.charged} if found.charged else {}),
        **({"decided": found.decided} if found.decided else {}),
        **({"groups": {column: list(counts) for column, counts in found.groups.items()}} if found.groups else {}),
    }
