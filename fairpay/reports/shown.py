"""How a result shows itself in a notebook."""

from __future__ import annotations

import polars as pl

__all__ = ["Shown"]


class Shown:
    """A result with a table: a frame of Polars, which a notebook shows as Polars does."""

    __slots__ = ()

    @property
    def table(self) -> pl.DataFrame:
        """The table; a result that has it in Arrow need not state it."""
        return pl.DataFrame(self.arrow)  # type: ignore[attr-defined] # see above

    def _repr_html_(self) -> str:
        """Show the table."""
        html: str = self.table._repr_html_()
        return html
