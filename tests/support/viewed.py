"""Months whose runs are looked at as pages: artists of any name, and accounts that loop a track."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from fairpay.cli import main

NAMES = {
    "a": "<script>alert(1)</script>",
    "b": "{{7*7}}",
    "c": "x" * 300,
    "d": "مرحبا بالعالم",
    "e": "😀 音楽",
    "f": "two\nlines\x07",
    "g": "Quiet & Co",
}
"""What artists may be called."""


def plays() -> pl.DataFrame:
    """Seven artists; who plays `a` plays ten times as much as who plays `g`."""
    rows = [(f"u{user}", artist, 10 - place + user) for user in range(9) for place, artist in enumerate(NAMES)]
    rows += [("night", "a", 300), ("fan", "g", 2)]
    return pl.DataFrame(rows, schema=["user", "artist", "plays"], orient="row")


def looped() -> pl.DataFrame:
    """Accounts that loop one track day and night among people who do not."""
    rows = [
        (f"u{user}", f"a{(user * 7 + step) % 30}", f"t{step}", 3600 * 9 * step)
        for user in range(60)
        for step in range(40)
    ]
    rows += [(f"bot{bot}", "loop", "t", 90 * step) for bot in range(3) for step in range(25_000)]
    frame = pl.DataFrame(rows, schema=["user", "artist", "track", "second"], orient="row")
    start = pl.datetime(2026, 10, 1)
    return frame.select(
        "user", "artist", "track", pl.lit(31).alias("seconds"), (start + pl.duration(seconds="second")).alias("ts")
    )


def july(books: Path) -> Path:
    """Close the first month of the worked quarter."""
    config = Path(__file__).parents[2] / "sample_data" / "quarter" / "2026-07.toml"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(config.parents[2])
        assert main(["close", "--config", str(config), "--books", str(books), "--quiet"]) == 0
    return books / "2026-07"
