"""`fairpay warm`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pyarrow as pa

from fairpay.cli.terminal import tell
from fairpay.cli.words import visible
from fairpay.kernels._jit import cache_folder
from fairpay.pipeline.jobs import compare
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
    """Compile all kernels."""
    numbers = pa.table({"user": [1, 1, 2], "artist": [7, 8, 8], "plays": [3, 2, 1]})
    compare(numbers, rules=list(rule_classes()), fee="9.99", royalty_rate="70%")
    with TemporaryDirectory(prefix="fairpay-warm-") as folder:
        for name in ("month.parquet", "month.csv"):
            log = Path(folder) / name
            synth(log, rows=ROWS, users=USERS, artists=ARTISTS, columns=["user_id", "artist_id", "ms_played"])
            compare(log, fee="9.99", royalty_rate="70%")
        synth(Path(folder) / "small.csv", rows=2_000, users=50)
        synth(Path(folder) / "like.csv", like=Path(folder) / "small.csv")
        for name, text in TEXTS.items():
            log = Path(folder) / name
            log.write_text(text, encoding="utf-8")
            compare(log, fee="9.99", royalty_rate="70%")
    saved = cache_folder()
    tell("Compiled; nothing can be saved." if saved is None else f"Compiled code saved in {visible(str(saved))}.")
