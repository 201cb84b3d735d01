"""`fairpay warm`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa

from fairpay.cli.terminal import tell
from fairpay.kernels._jit import cache_folder
from fairpay.pipeline.jobs import compare
from fairpay.reports.words import visible
from fairpay.rules import rule_classes
from fairpay.synth.make import synth

if TYPE_CHECKING:
    from fairpay.cli.invocation import Invocation

__all__ = ["run"]

ROWS, USERS, ARTISTS = 60_000, 20_000, 8_000
"""So many that the log is read as a large one, and that not all ids of a row group stand in its dictionary."""

TEXTS = {
    "quoted.csv": 'user,artist,plays\n"u","a",1\n',
    "lines.jsonl": '{"user":"u","artist":"a\\u00e9","plays":1}\n' * 60_000,
}
"""Logs read by kernels of their own."""


def run(_: Invocation) -> None:
    """Compile all kernels, and say how far it is."""
    numbers = pa.table({"user": [1, 1, 2], "artist": [7, 8, 8], "plays": [3, 2, 1]})
    with TemporaryDirectory(prefix="fairpay-warm-") as folder:
        place = Path(folder)
        step("every rule")
        compare(numbers, rules=list(rule_classes()), fee="9.99", royalty_rate="70%")
        for name in ("month.parquet", "month.csv"):
            step(f"reading {name.partition('.')[2]}")
            log = place / name
            synth(log, rows=ROWS, users=USERS, artists=ARTISTS, columns=["user_id", "artist_id", "ms_played"])
            compare(log, fee="9.99", royalty_rate="70%")
        step("months like a log")
        synth(place / "small.csv", rows=2_000, users=50)
        synth(place / "like.csv", like=place / "small.csv")
        step("other forms of text")
        for name, text in TEXTS.items():
            (place / name).write_text(text, encoding="utf-8")
            compare(place / name, fee="9.99", royalty_rate="70%")
    saved = cache_folder()
    tell("Compiled; nothing can be saved." if saved is None else f"Compiled code saved in {visible(str(saved))}.")


def step(what: str) -> None:
    """Say what is compiled next."""
    tell(f"Compiling: {what}")
