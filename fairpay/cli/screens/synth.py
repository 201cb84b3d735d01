"""The page of `fairpay synth --like`: the made-up month held against the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairpay.cli.screens.parts import figures, labelled, paragraph
from fairpay.reports.summary import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import RenderableType

    from fairpay.synth.likeness import Likeness
    from fairpay.synth.make import Written
    from fairpay.synth.survey import Figure

__all__ = ["as_json", "screen"]

DIGITS = 6


def screen(likeness: Likeness) -> Iterator[RenderableType]:
    """Yield the page from top to bottom."""
    rows = []
    for name, real, made, away in likeness.figures:
        distance = f"{away:+.1%}".replace("%", " %") if isinstance(real, int) and away is not None else written(away)
        rows.append([name, written(real), written(made), distance])
    yield figures("Figure", "Log", "Made up", "Distance", rows=rows)
    yield ""
    for check in likeness.checks:
        yield labelled(check.name.capitalize(), f"{'holds' if check.ok else 'DOES NOT HOLD'}: {check.detail}")
    yield ""
    yield paragraph(
        "Every id is made up, and no set of artists is some listener's own: nobody's listening can be looked up in it. "
        "What was taken from the log rests on ten listeners or more, but for how many listeners artists have. "
        "It is no differential privacy: totals are nearly exact, so that whoever knows all listeners but one can tell "
        "that there was one more, and about how much all of them listened. This page has exact figures of the log: "
        "share the files, not the page."
    )


def written(value: Figure) -> str:
    """Write a whole number with thousands apart, another with three digits."""
    return "" if value is None else f"{value:,}" if isinstance(value, int) else f"{float(value):.3f}"


def as_json(made: Written) -> dict[str, Any]:
    """Return what `--json` prints."""
    found = made.likeness
    lines = [] if found is None else found.figures
    names = ("name", "log", "made_up", "distance")
    return {
        "schema_version": SCHEMA_VERSION,
        "plays": made.rows,
        "users": made.users,
        "artists": made.artists,
        "files": [str(file) for file in made.files],
        "figures": [dict(zip(names, (name, *map(number, values)), strict=True)) for name, *values in lines],
        "checks": [] if found is None else [{"name": c.name, "ok": c.ok, "detail": c.detail} for c in found.checks],
    }


def number(value: Figure) -> float | int | None:
    """Make a figure a number of JSON, with 6 digits where it is no whole one."""
    return value if value is None or isinstance(value, int) else round(float(value), DIGITS)
