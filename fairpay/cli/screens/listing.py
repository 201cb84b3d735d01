"""A list of the rows of any table, by a column that was asked for: each cell as its kind is read."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from rich.cells import cell_len
from rich.console import Group
from rich.text import Text

from fairpay.cli.screens.names import fitted, shortened
from fairpay.cli.screens.parts import GAP, INDENT, WIDTH, figures, paragraph
from fairpay.cli.terminal import on_terminal, page_width
from fairpay.cli.words import percent, visible
from fairpay.reports.tables import ColumnKind, chosen, kinds_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rich.console import RenderableType

__all__ = ["listed", "listing"]

SHOWN = 10
LEAST = 16
"""Cells a key or a sentence gets at least."""
TEXTS = {ColumnKind.KEY, ColumnKind.NAME, ColumnKind.TEXT, ColumnKind.WORDS, ColumnKind.CURRENCY}
MONEY = {ColumnKind.MONEY, ColumnKind.DIFFERENCE, ColumnKind.PERCENT, ColumnKind.SHARE}


def listing(parts: Iterable[pa.Table], *, sort: str, top: int | None) -> RenderableType:
    """List the first rows of a table by a column, with as many of the other columns as a page has room for.

    Raises:
        UsageError: the table has no such column.

    """
    whole = pa.concat_tables(parts)
    rows = pa.concat_tables(chosen([whole], sort=sort, top=SHOWN if top is None else top))
    column = sort if sort in whole.column_names else sort[1:]
    if not whole.num_rows:
        return paragraph("The table has no rows.")
    said = paragraph(f"By {column}, {rows.num_rows:,} of {whole.num_rows:,}:", style="bold")
    return Group(said, "", listed(rows, first=(column,)))


def listed(rows: pa.Table, *, first: Sequence[str] = (), words: bool = True) -> RenderableType:
    """Lay rows out: keys, the columns named first, then money and counts while there is room; sentences last."""
    kinds = kinds_of(rows.schema)
    names = [name for name, kind in kinds.items() if kind == ColumnKind.NAME]
    keys = [name for name, kind in kinds.items() if kind == ColumnKind.KEY]
    said = [name for name, kind in kinds.items() if kind == ColumnKind.WORDS and words]
    rest = sorted(
        (name for name, kind in kinds.items() if kind not in TEXTS), key=lambda name: kinds[name] not in MONEY
    )
    wanted = dict.fromkeys([*(name for name in first if name not in {*keys, *said}), *rest])
    cells = {name: [cell(kinds[name], value) for value in rows[name].to_pylist()] for name in [*keys, *wanted, *said]}
    if names:  # what a key is called, where it is known
        known = rows[names[0]].to_pylist()
        cells[keys[-1]] = [visible(name) if name else key for name, key in zip(known, cells[keys[-1]], strict=True)]
    width = {name: GAP + max(cell_len(one) for one in (name, *column)) for name, column in cells.items()}
    room = (page_width() if on_terminal() else WIDTH) - len(INDENT) + GAP - sum(width[name] for name in keys[:-1])
    room -= LEAST + GAP + (LEAST + GAP if said else 0)
    fitting = fit(list(wanted), width, room, least=len(first))
    left = room - sum(width[name] for name in fitting) + LEAST
    key = min(width[keys[-1]] - GAP, max(LEAST, left))
    shown = [*keys, *fitting, *said]
    lines = [
        [fitted(Text(one), key) if name == keys[-1] else Text(one) for name, one in zip(shown, line, strict=True)]
        for line in zip(*(cells[name] for name in shown), strict=True)
    ]
    return figures(*shown, rows=lines, words=[n for n, name in enumerate(shown) if kinds[name] in TEXTS])


def fit(columns: Sequence[str], width: Mapping[str, int], room: int, *, least: int) -> list[str]:
    """Return the columns that fit side by side, in their order; the first `least` are always there."""
    found: list[str] = []
    for place, name in enumerate(columns):
        if place < least or sum(width[one] for one in (*found, name)) <= room:
            found.append(name)
    return found


def cell(kind: ColumnKind, value: Any) -> str:  # noqa: ANN401 - of any column
    """Write a value as its kind is read."""
    if value is None:
        return "-"
    return shortened(value) if kind in TEXTS else WRITTEN.get(kind, "{:,}".format)(value)


WRITTEN: dict[ColumnKind, Callable[[Any], str]] = {
    ColumnKind.DIFFERENCE: "{:+,}".format,
    ColumnKind.SHARE: lambda value: percent(Fraction(value)),
    ColumnKind.PERCENT: lambda value: percent(Fraction(value) / 100, sign=True),
    ColumnKind.SECONDS: lambda value: f"{round(value):,}",
    ColumnKind.RATIO: "{:,.2f}".format,
}
"""How kinds of numbers are written; money and counts as they are."""
