"""Progress on standard error: a bar where somebody looks, a line every ten seconds for logs, or nothing."""

from __future__ import annotations

import glob
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairpay.cli.terminal import is_terminal, tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fairpay.cli.invocation import Invocation

__all__ = ["Meter", "bytes_on_disk", "watching"]

EVERY = 10.0
"""Seconds between two lines of `--progress plain`."""
FRAMES = 8
"""How often a second the bar moves."""
MILLION = 1_000_000


@contextmanager
def watching(call: Invocation) -> Iterator[dict[str, Any]]:
    """Give a job whom to tell sentences and progress; clear the bar at the end, however it ends."""
    say = (lambda _: None) if call.silent else tell
    style = call.values["progress"]
    if style == "plain":
        meter = Meter(bytes_on_disk(call.logs), every=EVERY, write=tell)
        yield {"say": say, "progress": meter.add}
    elif style == "auto" and is_terminal(sys.stderr) and not call.silent:
        with bar(bytes_on_disk(call.logs)) as (add, above):
            yield {"say": above, "progress": add}
    else:
        yield {"say": say, "progress": None}


class Meter:
    """Counts what was read; may be told from several threads."""

    def __init__(self, total: int | None, *, every: float, write: Callable[[str], None]) -> None:
        """Take the bytes there are (None: unknown), and whom to tell how often."""
        self.total = total
        self.rows = 0
        self.bytes = 0
        self.every = every
        self.write = write
        self.lock = threading.Lock()
        self.started = self.told = time.monotonic()

    def add(self, rows: int, size: int) -> None:
        """Count a batch, and say so when it is time."""
        with self.lock:
            self.rows += rows
            self.bytes += size
            now = time.monotonic()
            due = now - self.told >= self.every
            if due:
                self.told = now
        if due:
            self.write(self.sentence(now))

    def sentence(self, now: float) -> str:
        """`12,300,000 rows, 4.1 M rows/s, 43 % read, 4 s left`."""
        spent = max(now - self.started, 1e-9)
        parts = [f"{self.rows:,} rows", f"{self.rows / spent / MILLION:.1f} M rows/s"]
        if self.total and self.bytes:
            done = min(1.0, self.bytes / self.total)
            parts += [f"{done:.0%} read".replace("%", " %"), f"{spent * (1 - done) / done:,.0f} s left"]
        return ", ".join(parts)


@contextmanager
def bar(total: int | None) -> Iterator[tuple[Callable[[int, int], None], Callable[[str], None]]]:
    """Show a bar that vanishes at the end; give what counts a batch, and what writes a sentence above the bar."""
    from rich.console import Console  # noqa: PLC0415 - Rich is loaded where something is shown
    from rich.progress import BarColumn, Progress, TextColumn  # noqa: PLC0415 - the same
    from rich.text import Text  # noqa: PLC0415 - the same

    from fairpay.cli.words import visible  # noqa: PLC0415 - the same

    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    meter = Meter(
        total, every=1 / FRAMES, write=lambda words: progress.update(task, completed=meter.bytes, words=words)
    )
    columns = (BarColumn(bar_width=24), TextColumn("{task.fields[words]}", markup=False))
    progress = Progress(*columns, console=console, transient=True, refresh_per_second=FRAMES)
    task = progress.add_task("", total=total, words="reading")
    with progress:
        yield meter.add, lambda sentence: console.print(Text(visible(sentence)), soft_wrap=True)


def bytes_on_disk(logs: Sequence[str]) -> int | None:
    """Add up the sizes of the logs, for the share that was read; None where any of them is not on this machine."""
    total = 0
    for log in logs:
        if "://" in log:
            return None
        paths = [Path(p) for p in glob.glob(log, recursive=True)] or [Path(log)]  # noqa: PTH207 - a pattern with its own root
        for path in paths:
            files = path.rglob("*") if path.is_dir() else [path]
            total += sum(file.stat().st_size for file in files if file.is_file())
    return total
