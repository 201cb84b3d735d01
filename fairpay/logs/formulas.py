"""Text that a spreadsheet would run as a formula, and the apostrophe that keeps it text."""

from __future__ import annotations

import polars as pl

__all__ = ["bare", "defused"]

RISKY = r"^'*[=+\-@\t\r]"
"""What a spreadsheet runs, with as many apostrophes before it as it may have of its own."""
STARTS = ("=", "+", "-", "@", "\t", "\r")


def defused(frame: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before every text that a spreadsheet would run, or that looks as if one stood there already."""
    texts = [name for name, kind in frame.schema.items() if kind == pl.String]
    guarded = [
        pl.when(pl.col(name).str.contains(RISKY)).then(pl.lit("'") + pl.col(name)).otherwise(pl.col(name)).alias(name)
        for name in texts
    ]
    return frame.with_columns(guarded)


def bare(text: str) -> str:
    """Take that apostrophe off again."""
    return text[1:] if text.startswith("'") and text.lstrip("'").startswith(STARTS) else text
