"""Names of artists as a terminal has room for them, and why an artist gains or loses."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.text import Text

from fairpay.cli.screens.parts import GAP, INDENT
from fairpay.cli.terminal import on_terminal, page_width
from fairpay.reports.tables import fan_intensity, why
from fairpay.reports.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairpay.reports.outcome import Outcome
    from fairpay.rules.core.rule import Rule

__all__ = ["fitted", "folded", "named", "reasons", "shortened"]

LONGEST = 2000
"""Characters of a name that a page shows."""
LEAST = 16
"""Cells a name gets at least."""


def named(
    outcome: Outcome, artists: Sequence[int], beside: Sequence[Sequence[str | Text]], *, headers: Sequence[str]
) -> list[Text]:
    """Return the artists' names, where they are known, else their ids, fitted to what stands beside them.

    On a terminal a longer name is cut; where nobody looks it is folded, so that nothing is lost and 80 columns do.
    """
    columns = [[headers[place], *(row[place] for row in beside)] for place in range(len(headers))]
    taken = sum(GAP + max(cell_len(str(cell)) for cell in column) for column in columns)
    room = max(LEAST, page_width() - len(INDENT) - taken)
    return [fitted(Text(name_of(outcome, artist)), room) for artist in artists]


def name_of(outcome: Outcome, artist: int) -> str:
    """Return an artist's name where it is known, else the id."""
    identity = outcome.artist[artist].as_py()
    return shortened(outcome.names.get(identity, identity))


def shortened(name: str) -> str:
    """Show a name, or the beginning of a very long one."""
    if len(name) > LONGEST:  # whole it is in the files; folding a name of megabytes takes minutes
        return f"{visible(name[:LONGEST])}... ({len(name):,} characters)"
    return visible(name)


def fitted(name: Text, room: int) -> Text:
    """Cut a name to fit a terminal, or fold it."""
    if on_terminal():
        name.truncate(room, overflow="ellipsis")
        return name
    return folded(name.plain, room)


def folded(text: str, room: int) -> Text:
    """Fold a text to lines of at most `room` cells."""
    lines = Text(text).divide(folds(text, room))
    for line in lines:
        line.rstrip()
    return Text("\n").join(lines)


def folds(text: str, room: int) -> list[int]:
    """Return where a text is cut into lines of at most `room` cells: after a space, or within a word that is longer.

    Wide characters take two cells; spaces at the end of a line take none.
    """
    found, width, after_space = [], 0, 0
    for place, character in enumerate(text):
        if width + cell_len(character) > room and character != " ":
            found.append(after_space or place)
            width, after_space = cell_len(text[found[-1] : place]), 0
        width += cell_len(character)
        if character == " ":
            after_space = place + 1
    return found


def reasons(outcome: Outcome, first: Rule, second: Rule, *, equal_fees: bool) -> Callable[[int], str]:
    """Return what gives an artist's reason in words, see `fairpay.reports.tables.why`."""
    intensity, words = fan_intensity(outcome), why(first, second, equal_fees=equal_fees)

    def of(artist: int) -> str:
        value = None if math.isnan(intensity[artist]) else float(intensity[artist])
        return words(value, int(outcome.listeners[artist]), int(outcome.plays[artist]))

    return of
