"""What a page is made of: a headline, sections, and in them paragraphs, facts, pictures and tables.

Nothing here knows of HTML, and all text is taken as text: names may hold anything.

    Page(
        title="market-centric -> user-centric · October 2026 · EUR",
        headline="196.93 EUR (19.3 %) changes hands: 87 artists gain, 63 lose",
        sections=(
            Section("Who gains", (
                "Artists whose listeners play little else gain.",
                Figure("Change by artist", alt="Glass Radio gains most, 12.73 EUR.", chart=chart),
                PageTable.of(
                    frame,
                    "Largest gains",
                    {"name": PageColumn("Artist"), "change": PageColumn("Change", "change"), "why": PageColumn("Why")},
                    file="comparison.csv",
                ),
            )),
        ),
    )
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Literal, Protocol, Self, TypeAlias

from fairpay.reports.words import percent, times, visible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import polars as pl

__all__ = [
    "FIRST_ROWS",
    "Figure",
    "Kind",
    "Labels",
    "Page",
    "PageColumn",
    "PagePart",
    "PageTable",
    "Section",
    "more_in",
]

FIRST_ROWS = 20
"""Rows of a table that are shown where there are many."""
Kind: TypeAlias = Literal["text", "code", "money", "change", "count", "share", "percent", "times", "number", "figure"]
UNKNOWN = "-"


def signed(value: Any, form: Callable[[Decimal], str]) -> str:  # noqa: ANN401 - any number
    """Write a number that is a change: above zero with a plus."""
    number = Decimal(value)
    return ("+" if number > 0 else "") + form(number)


KINDS: Mapping[str, Callable[[Any], str]] = {
    "text": lambda value: visible(str(value)),
    "code": lambda value: visible(str(value)),
    "money": lambda value: f"{Decimal(value):,}",
    "change": lambda value: signed(value, lambda number: f"{number:,}"),
    "count": lambda value: f"{value:,}",
    "share": lambda value: percent(Fraction(value)),
    "percent": lambda value: percent(Fraction(value) / 100, sign=True),
    "times": lambda value: times(float(value)),
    "number": lambda value: f"{float(value):.3f}",
    "figure": str,
}
"""How a value of each kind is written. `money` and `change` are decimals, or their text, in major units and keep their
digits; `share` is a part of 1; `percent` a change in per cent; `times` a multiple of the average; `number` has no
unit; `figure` is written already; `code` a hash or a name of a file. What is None is not known: `-`."""
WORDS = frozenset({"text", "code"})


@dataclass(frozen=True, slots=True)
class PageColumn:
    """A column of a table on a page."""

    title: str
    kind: Kind = "text"

    @property
    def numeric(self) -> bool:
        """Whether it stands to the right."""
        return self.kind not in WORDS

    def text(self, value: object) -> str:
        """Write a cell."""
        return UNKNOWN if value is None else KINDS[self.kind](value)


@dataclass(frozen=True, slots=True)
class PageTable:
    """A table: the first column names its rows."""

    caption: str
    columns: Sequence[PageColumn]
    rows: Sequence[Sequence[object]]
    """Values, one for each column."""
    _: KW_ONLY
    note: str = ""
    """A sentence below it: how many more there are, and in which file."""

    @classmethod
    def of(  # noqa: PLR0913 - what a table is made of
        cls,
        frame: pl.DataFrame,
        caption: str,
        columns: Mapping[str, PageColumn],
        *,
        file: str,
        first: int = FIRST_ROWS,
        of: int = 0,
    ) -> Self:
        """Take the first rows of a frame, and say how many more are in which file.

        Args:
            frame: with these columns.
            caption: what it shows.
            columns: which columns of the frame, in this order, and what each is.
            file: where all rows are.
            first: how many are shown.
            of: how many there are, where the frame holds no more than are shown.

        """
        rows = frame.select(*columns).head(first).rows()
        return cls(caption, tuple(columns.values()), rows, note=more_in(file, max(frame.height, of) - len(rows)))

    @property
    def lines(self) -> list[list[tuple[PageColumn, str]]]:
        """Every row as its columns and their text."""
        pairs = [zip(self.columns, row, strict=True) for row in self.rows]
        return [[(column, column.text(value)) for column, value in pair] for pair in pairs]


def more_in(file: str, count: int) -> str:
    """Say that so many rows more are in a file; nothing of none."""
    return f"{count:,} more {'row is' if count == 1 else 'rows are'} in {file}." if count > 0 else ""


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels and what there is to say of each, as on a screen: `Pool`, `1,022.68 EUR: 70 % of 1,460.97 paid`."""

    rows: Sequence[tuple[str, str]]


class Drawable(Protocol):
    """A chart of Altair's."""

    def to_dict(self) -> dict[str, Any]:
        """Return its specification in Vega-Lite."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture."""

    caption: str
    """What it shows, in a line above it."""
    _: KW_ONLY
    alt: str
    """What one sees in it, in words, for who cannot look."""
    chart: Drawable
    """A chart of one view, or of layers of one; see `fairpay.reports.pages.pictures`."""


PagePart: TypeAlias = "str | Labels | Figure | PageTable"
"""A text is a paragraph."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it; pictures that follow each other stand side by side where there is room."""

    title: str
    parts: Sequence[PagePart]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A page, from top to bottom."""

    title: str
    """What it is of: rules, period, currency."""
    headline: str
    """What a reader takes away, in a sentence."""
    sections: Sequence[Section]
