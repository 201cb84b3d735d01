"""Logs to measure on: made once by synth, kept in a cache directory."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl

from fairpay.synth.make import synth

__all__ = ["CACHE", "make_log", "rows_of"]

CACHE = Path(os.environ.get("FAIRPAY_BENCH_DIR") or Path(__file__).parents[2] / ".bench")
UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}
BYTES_A_ROW = {"parquet": 36, "csv": 55}
ROOM = 1.5
"""How much more than the file must be free: spilled partitions need some of it."""
ARTISTS = 300_000


def rows_of(size: str) -> int:
    """Read a size: 20M is 20,000,000 rows."""
    return int(size[:-1]) * UNITS[size[-1]] if size[-1] in UNITS else int(size)


def make_log(size: str, extension: str) -> Path | None:
    """Make a log of that size unless it is there; None, and a word why, where the disk has no room for it.

    One user for each 100 plays, 300,000 artists, ids of 22 characters, rows in order of time: the order in which a
    service writes them, and the hardest, as users and artists are mixed throughout.
    """
    path = CACHE / f"listens-{size}.{extension}"
    if path.exists():
        return path
    CACHE.mkdir(parents=True, exist_ok=True)
    if extension == "ndjson":
        made = make_log(size, "parquet")
        if made is not None:
            pl.read_parquet(made).write_ndjson(path)
        return path if made is not None else None
    rows = rows_of(size)
    needed, free = int(rows * BYTES_A_ROW[extension] * ROOM), shutil.disk_usage(CACHE).free
    if needed > free:
        print(f"{path.name} left out: it needs {needed / 1e9:.0f} GB, {free / 1e9:.0f} GB are free")  # noqa: T201 - a program
        return None
    print(f"making {path.name} ...", flush=True)  # noqa: T201 - a program
    columns = ("user_id", "artist_id", "ms_played")
    synth(path, rows=rows, artists=ARTISTS, order="time", columns=columns)
    return path
