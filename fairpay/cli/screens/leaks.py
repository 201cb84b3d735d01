"""The page of `fairpay leaks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.cli.screens.parts import figures, paragraph
from fairpay.cli.words import joined

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from fairpay.runs.leaks import Leaks

__all__ = ["as_json", "screen"]

NOBODY = "No artist has fewer than three listeners: no figure is that of one listener."
ADVICE = "`fairpay compare --k 5` publishes artists under five listeners only in merged lines."


def screen(found: Leaks) -> Iterator[RenderableType]:
    """Yield the page from top to bottom."""
    if not any(one.artists for one in found.revealed):
        yield paragraph(NOBODY, style="bold")
        return
    names = [name for name, _ in found.rules]
    rows = [
        (f"{one.listeners}", f"{one.artists:,} of {found.artists:,}", *(f"{amount:,}" for amount in one.amounts))
        for one in found.revealed
    ]
    yield figures("Listeners", "Artists", *(f"{name}, {found.currency}" for name in names), rows=rows)
    yield ""
    yield paragraph(f"Who knows the one listener of an artist reads in its figures {told(found)}.")
    yield paragraph("Of an artist with two listeners each can read it about the other.")
    yield ""
    yield paragraph(ADVICE)


def told(found: Leaks) -> str:
    """Say what amounts under each rule tell of a listener."""
    words = {True: "what that listener paid the artist", False: "how much that listener played it"}
    kinds = {words[own]: [name for name, other in found.rules if other == own] for own in (False, True)}
    return joined([f"{what} ({', '.join(names)})" for what, names in kinds.items() if names])


def as_json(found: Leaks) -> dict[str, Any]:
    """Return the same for scripts."""
    names = [name for name, _ in found.rules]
    return {
        "schema_version": 1,
        "artists": found.artists,
        "currency": found.currency,
        "rules": [{"name": name, "tells": "fee" if own else "listening"} for name, own in found.rules],
        "revealed": [
            {
                "listeners": one.listeners,
                "artists": one.artists,
                "amounts": dict(zip(names, map(str, one.amounts), strict=True)),
            }
            for one in found.revealed
        ],
    }
