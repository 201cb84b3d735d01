"""Progress on standard error: a bar where somebody looks, a line every ten seconds for logs, or nothing."""

from __future__ import annotations

import glob
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairpay.cli.terminal import is_terminal, tell
from fairpay.kernels._jit import told_of_compiling

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fairpay.cli.invocation import Invocation

__all__ = ["LogRows", "Meter", "rows_on_disk", "watching"]

EVERY = 10.0
"""Seconds between two lines of `--progress plain`."""
FILES = 1000
"""More files are not looked at before they are read."""
PARQUET, LINES = ".parquet", (".csv", ".tsv", ".jsonl", ".ndjson")
HEAD = 1 << 18
FRAMES = 8
"""How often a second the bar moves."""
MILLION = 1_000_000


@contextmanager
def watching(call: Invocation) -> Iterator[dict[str, Any]]:
    """Give a job whom to tell sentences and progress; clear the bar at the end, however it ends."""
    say = (lambda _: None) if call.silent else tell
    style = call.values["progress"]
    if style == "plain":
        meter = Meter(rows_on_disk(call.logs), every=EVERY, write=tell)
        with told_of_compiling(meter.compiling):
            yield {"say": say, "progress": meter.add}
    elif style == "auto" and is_terminal(sys.stderr) and not call.silent:
        with bar(rows_on_disk(call.logs)) as (meter, above), told_of_compiling(meter.compiling):
            yield {"say": above, "progress": meter.add}
    else:
        yield {"say": say, "progress": None}


@dataclass(frozen=True)
class LogRows:
    """How many rows there are to read."""

    count: int
    exact: bool
    """Whether the files say so; else it is judged by how long the first lines are."""


class Meter:
    """Counts what was read; may be told from several threads."""

    def __init__(self, total: LogRows | None, *, every: float, write: Callable[[str], None]) -> None:
        """Take the rows there are (None: unknown), and whom to tell how often."""
        self.total = total
        self.rows = 0
        self.compiles = False
        self.every = every
        self.write = write
        self.lock = threading.Lock()
        self.started = self.told = time.monotonic()

    def add(self, rows: int, _: int) -> None:
        """Count a batch, and say so when it is time."""
        with self.lock:
            self.rows += rows
            now = time.monotonic()
            due = now - self.told >= self.every
            if due:
                self.told = now
        if due:
            self.write(self.sentence(now))

    def compiling(self) -> None:
        """Say, once, that this run compiles: it takes longer than those after it."""
        with self.lock:
            before, self.compiles = self.compiles, True
        if not before:
            self.write(self.sentence(time.monotonic()))

    def sentence(self, now: float) -> str:
        """`12,300,000 rows, 4.1 M rows/s, 43 % read, 4 s left`; in a run that compiles no rate and no time left."""
        spent = max(now - self.started, 1e-9)
        done = self.done()
        parts = [f"{self.rows:,} rows"] if self.rows or not self.compiles else []
        if self.compiles:
            parts.insert(0, "first run: compiling")
        elif done != 1:
            parts.append(f"{self.rows / spent / MILLION:.1f} M rows/s")
        if done == 1:
            parts.append("all read, dividing the money")
        elif done:
            parts.append(f"{done:.0%} read".replace("%", " %"))
            if not self.compiles:
                parts.append(f"{spent * (1 - done) / done:,.0f} s left")
        return ", ".join(parts)

    def done(self) -> float:
        """Return the part that was read; 0 where that is not known, and 1 only where it is known to be all."""
        if self.total is None or not self.total.count:
            return 0.0
        part = self.rows / self.total.count
        return min(1.0, part) if self.total.exact else min(0.99, part)


@contextmanager
def bar(total: LogRows | None) -> Iterator[tuple[Meter, Callable[[str], None]]]:
    """Show a bar that vanishes at the end; give what counts, and what writes a sentence above the bar."""
    from rich.console import Console  # noqa: PLC0415 - Rich is loaded where something is shown
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    from fairpay.reports.words import visible  # noqa: PLC0415 - the same

    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    meter = Meter(total, every=1 / FRAMES, write=lambda words: progress.update(task, completed=meter.rows, words=words))
    columns = (BarColumn(bar_width=24), TextColumn("{task.fields[words]}", markup=False))
    progress = Progress(*columns, console=console, transient=True, refresh_per_second=FRAMES)
    task = progress.add_task("", total=None if total is None else total.count, words="reading")
    with progress:
        yield meter, lambda sentence: console.print(Text(visible(sentence)), soft_wrap=True)


def rows_on_disk(logs: Sequence[str]) -> LogRows | None:
    """Count the rows of the logs, by what Parquet files say and by the length of the first lines of text.

    None where any of them is neither, is not on this machine, or there are too many to look at.
    """
    files: list[Path] = []
    for log in logs:
        if "://" in log:
            return None
        for path in [Path(p) for p in glob.glob(log, recursive=True)] or [Path(log)]:  # noqa: PTH207 - a pattern with its own root
            files += sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    kinds = {file.suffix.lower() for file in files}
    if not files or len(files) > FILES or not kinds <= {PARQUET, *LINES}:
        return None
    try:
        return LogRows(sum(map(rows_of, files)), exact=kinds == {PARQUET})
    except (OSError, ValueError):  # reading says what is wrong
        return None


def rows_of(file: Path) -> int:
    """Return the rows of a file: those its footer names, or as many as there are lines like the first ones.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no Parquet file.

    """
    if file.suffix.lower() == PARQUET:
        import pyarrow.parquet as pq  # noqa: PLC0415 - loaded where there is such a file

        return int(pq.read_metadata(file).num_rows)
    with file.open("rb") as opened:
        head = opened.read(HEAD)
    return file.stat().st_size * head.count(b"\n") // max(1, len(head))
