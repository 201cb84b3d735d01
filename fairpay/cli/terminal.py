"""Where words go: data to standard output, everything else to standard error; colour only where somebody looks."""

from __future__ import annotations

import io
import os
import shutil
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from fairpay.errors import OutputError
from fairpay.reports.words import visible

if TYPE_CHECKING:
    from typing import TextIO

    from rich.console import RenderableType

__all__ = [
    "CLOSED",
    "ReaderLeftError",
    "emit",
    "is_terminal",
    "on_terminal",
    "page_width",
    "show",
    "stand_in_for_closed",
    "tell",
    "tolerate_any_text",
]

CLOSED = "standard output is closed: there is nowhere to show anything"
WIDE = 10_000
PAGE = 80
"""Columns of a page that is not looked at. Only a table whose numbers and words need more than that is wider."""
MOST = 110
"""A wider terminal is not filled: eyes lose the line."""
LEAST = 60


class ReaderLeftError(Exception):
    """Nobody reads standard output any more. Not an OSError: Typer would end the process on a broken pipe itself."""


def is_terminal(stream: TextIO) -> bool:
    """Whether somebody looks at this stream."""
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def stand_in_for_closed() -> bool:
    """Where standard output or error is closed (`>&-`), let what is written there go nowhere.

    The descriptors are taken up too, so that no file of the run gets the number of a standard stream.

    Returns:
        Whether standard output was closed: nobody can be shown anything then.

    """
    closed = sys.stdout is None
    if sys.stdout is None:
        sys.stdout = nowhere(1)
    if sys.stderr is None:
        sys.stderr = nowhere(2)
    return closed


def nowhere(descriptor: int) -> TextIO:
    """Open a stream whose text is dropped, on a descriptor of its own."""
    made = os.open(os.devnull, os.O_WRONLY)
    if made != descriptor:
        os.dup2(made, descriptor)
        os.close(made)
    return open(descriptor, "w", encoding="utf-8", closefd=False)


def tolerate_any_text() -> None:
    """Write a character the locale cannot show as an escape instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def emit(data: str | bytes) -> None:
    """Write data to standard output; bytes as they are, whatever the encoding of the terminal.

    Raises:
        OutputError: it cannot be written (disk full).
        ReaderLeftError: nobody reads any more.

    """
    try:
        if isinstance(data, bytes):
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        else:
            sys.stdout.write(data)
        sys.stdout.flush()
    except BrokenPipeError as problem:
        raise ReaderLeftError from problem
    except OSError as problem:
        message = f"standard output could not be written: {problem.strerror}"
        raise OutputError(message) from problem


def tell(sentence: str) -> None:
    """Write a sentence for the reader to standard error; where that is impossible, do without."""
    with suppress(OSError):
        sys.stderr.write(visible(sentence) + "\n")
        sys.stderr.flush()


def on_terminal() -> bool:
    """Whether somebody looks at standard output."""
    return is_terminal(sys.stdout)


def page_width() -> int:
    """Return the width of the page on standard output: the terminal's, within reason; without one, PAGE."""
    if not on_terminal():
        return PAGE
    return min(MOST, max(LEAST, shutil.get_terminal_size().columns))


def show(*parts: RenderableType) -> None:
    """Print a page on standard output: in colour where a terminal shows it, else plain and whole."""
    from rich.console import Console  # noqa: PLC0415 - Rich is loaded where something is shown
    from rich.measure import Measurement  # noqa: PLC0415 - the same

    page = io.StringIO()
    console = Console(
        file=page,
        width=page_width() if on_terminal() else WIDE,
        markup=False,
        emoji=False,
        highlight=False,
        force_terminal=on_terminal(),
        legacy_windows=False,
    )
    for part in parts:
        needed = 0 if on_terminal() else Measurement.get(console, console.options, part).minimum
        console.print(part, soft_wrap=isinstance(part, str), width=max(page_width(), needed))
    emit("\n".join(line.rstrip(" ") for line in page.getvalue().split("\n")))
