"""`fairpay suspects`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.cli.outcomes import present, view_of
from fairpay.cli.progress import watching
from fairpay.cli.screens.parts import INDENT, paragraph
from fairpay.cli.screens.suspects import screen
from fairpay.fraud.jobs import suspects
from fairpay.fraud.signals import artist_signals, group_signals, user_signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.cli.invocation import Invocation
    from fairpay.fraud.signals import GroupSignal, Signal

__all__ = ["list_signals", "run"]


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
