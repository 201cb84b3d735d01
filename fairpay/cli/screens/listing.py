"""A list of the rows of any table, by a column that was asked for: each cell as its kind is read."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from rich.cells import cell_len
from rich.console import Group
from rich.text import Text

from fairpay.cli.screens.names import fitted, shortened
from fairpay.cli.screens.parts import GAP, INDENT, figures, paragraph
from fairpay.cli.terminal import page_width
from fairpay.reports.tables import ColumnKind, chosen, in_digits, kinds_of
from fairpay.reports.words import percent

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from rich.console import RenderableType

__all__ = ["cell", "listed", "listing"]

SHOWN = 10
AMOUNTS = {ColumnKind.MONEY, ColumnKind.DIFFERENCE}
LEAST, SENTENCE = 16, 26
"""Cells a key or a sentence gets at least, where it has that many."""
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


def listed(
    rows: pa.Table,
    *,
    first: Sequence[str] = (),
    must: Collection[str] = (),
    titles: Mapping[str, str] = MappingProxyType({}),
) -> RenderableType:
    """Lay rows out: keys, the columns named first, then money and counts while there is room; sentences last.

    Of those named first all are shown, or at least those that `must` be. The key that is named, or the last one, gets
    the room that is left, and then the sentences.
    """
    kinds = kinds_of(rows.schema)
    names = [name for name, kind in kinds.items() if kind == ColumnKind.NAME]
    keys = [name for name, kind in kinds.items() if kind == ColumnKind.KEY]
    said = [name for name, kind in kinds.items() if kind == ColumnKind.WORDS]
    main = keys[-1] if not names else [*kinds][[*kinds].index(names[0]) - 1]
    first = [name for name in first if name not in {*keys, *names, *said}]
    numbers = [name for name, kind in kinds.items() if kind not in TEXTS]
    wanted = [*dict.fromkeys([*first, *sorted(numbers, key=lambda name: kinds[name] not in MONEY)])]
    cells = {name: [cell(kinds[name], value) for value in values(rows, name)] for name in [*keys, *wanted, *said]}
    if names:  # what a key is called, where it is known
        known = rows[names[0]].to_pylist()
        cells[main] = [shortened(name) if name else key for name, key in zip(known, cells[main], strict=True)]
    width = {n: GAP + max(cell_len(one) for one in (titles.get(n, n), *column)) for n, column in cells.items()}
    room = page_width() - len(INDENT) + GAP - sum(width[k] for k in keys if k != main)
    words = max((width[name] for name in said), default=0)
    needed = [name for name in first if name in must or not must]
    space = room - min(width[main], LEAST + GAP)
    needed = fit(first, width, space - min(words, LEAST + GAP), needed)  # before sentences have room to spread
    fitting = fit(wanted, width, space - min(words, SENTENCE), needed)
    room -= sum(width[name] for name in fitting)
    key = min(width[main] - GAP, max(LEAST, room - min(words, SENTENCE) - GAP))
    shown = [*keys, *fitting, *said]
    lines = [
        [fitted(Text(one), key) if name == main else Text(one) for name, one in zip(shown, line, strict=True)]
        for line in zip(*(cells[name] for name in shown), strict=True)
    ]
    heads = [titles.get(name, name) for name in shown]
    return figures(*heads, rows=lines, words=[n for n, name in enumerate(shown) if kinds[name] in TEXTS])


def fit(columns: Sequence[str], width: Mapping[str, int], room: int, must: Collection[str]) -> list[str]:
    """Return the columns that fit side by side, in their order, and whatever the room those that must be there."""
    found = {*must}
    for name in columns:
        if sum(width[one] for one in {*found, name}) <= room:
            found.add(name)
    return [name for name in columns if name in found]


def values(rows: pa.Table, name: str) -> list[Any]:
    """The values of a column; amounts with the digits of each row's currency."""
    column = rows[name]
    paid = kinds_of(rows.schema)[name] in AMOUNTS and pa.types.is_decimal(column.type)
    if not paid or "currency" not in rows.column_names:
        return list(column.to_pylist())
    frame = pl.DataFrame(rows.select([name, "currency"]))
    texts = frame.select(in_digits(pl.col(name), column.type.scale, frame["currency"].unique()))[name]
    return [None if text is None else Decimal(text) for text in texts]


def cell(kind: ColumnKind, value: Any) -> str:  # noqa: ANN401 - of any column
    """Write a value as its kind is read."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return shortened(value) if kind in TEXTS else WRITTEN.get(kind, "{:,}".format)(value)


WRITTEN: dict[ColumnKind, Callable[[Any], str]] = {
    ColumnKind.DIFFERENCE: lambda value: f"{value:+,}" if value else f"{value:,}",
    ColumnKind.SHARE: lambda value: percent(Fraction(value)),
    ColumnKind.PERCENT: lambda value: percent(Fraction(value) / 100, sign=True),
    ColumnKind.SECONDS: lambda value: f"{round(value):,}",
    ColumnKind.RATIO: "{:,.2f}".format,
}
"""How kinds of numbers are written; money and counts as they are."""
