"""What a run ends in: a page, a table or JSON where it went well; else words on standard error, and an exit status.

The one place where what goes wrong is told.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import typer
from typer.exceptions import TyperException

from fairpay.cli.signals import INTERRUPTED
from fairpay.cli.terminal import ReaderLeftError, emit, show, tell
from fairpay.errors import FairpayError, OutputError, UsageError
from fairpay.reports.words import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    import pyarrow as pa
    from rich.console import RenderableType

    from fairpay.cli.invocation import Invocation
    from fairpay.cli.screens.parts import View

__all__ = ["Speech", "present", "present_data", "refuse_narrow_space", "status_of", "view_of"]

PUBLISHED = {"done": "Written to {}", "already": "Already done, verified: {}"}


class Presentable(Protocol):
    """A result of a run."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """What `--json` prints."""

    @property
    def parts(self) -> Iterator[pa.Table]:
        """What `--csv` prints, and `--sort` goes by."""

    @property
    def published(self) -> str:
        """Whether it was written."""


def present(
    call: Invocation, result: Presentable, screen: Callable[[], Iterable[RenderableType]], *, unwritten: str = ""
) -> None:
    """Print the result as a page, its table as CSV, or JSON; say where it was written, or how it would be."""
    try:
        present_data(call, lambda: result.summary, screen, lambda: result.parts)
    finally:  # also where a column to sort by is not there, or nobody reads any more: written it is
        if result.published and not call.silent:
            tell(PUBLISHED[result.published].format(call.values["output"]))
    if unwritten and not result.published and not call.silent:
        tell(f"Nothing was written: {unwritten}")


def present_data(
    call: Invocation,
    data: Callable[[], Mapping[str, Any]],
    screen: Callable[[], Iterable[RenderableType]],
    table: Callable[[], Iterable[pa.Table]] = tuple,
) -> None:
    """Print one JSON object, a table as CSV, or a page; or nothing."""
    if call.json:
        emit(json.dumps(data(), indent=2) + "\n")
    elif call.values.get("csv"):
        from fairpay.reports.tables import chosen  # noqa: PLC0415 - where a table is printed
        from fairpay.runs.outputs import csv_bytes  # noqa: PLC0415 - as above

        rows = chosen(table(), sort=call.values["sort"], top=call.values["top"])
        for part, _ in csv_bytes(rows, excel=call.values.get("excel", False)):
            emit(part)
    elif not call.silent:
        show(*screen())


def view_of(call: Invocation, result: Presentable) -> View:
    """Return how many rows the lists of the page have, and the list that was asked for."""
    from fairpay.cli.screens.parts import View  # noqa: PLC0415 - where a page is shown

    if call.values["sort"] is None:
        return View(call.values["top"])
    from fairpay.cli.screens.listing import listing  # noqa: PLC0415 - where one is asked for

    return View(call.values["top"], listing(result.parts, sort=call.values["sort"], top=call.values["top"]))


@dataclass
class Speech:
    """How errors are told; a command settles it once it knows all its options."""

    json: bool
    """As one JSON object."""


OUT_OF_MEMORY = "there is not enough memory: {}"
LESS = (
    "Give more (ulimit -v, the container's limit), or --memory SIZE and fewer --threads. Nothing half-written is left."
)
ROOM, ROOM_PER_CORE = 2 << 30, 128 << 20
"""Bytes of addresses that the libraries take up before a row is read: they end the process where they get fewer."""
NARROW = "the address space is limited to {:,.1f} GB, and {:,.1f} GB are needed to begin on {} cores"
WIDER = "Raise it (ulimit -v), or limit memory with the container or --memory instead. Nothing was done."
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What writing to standard output fails with when there is no room behind it; errors of files name their file."""


def status_of(run: Callable[[Speech], int], speech: Speech) -> int:
    """Run the program and return its exit status; what a user can put right becomes words.

    A fault of fairpay itself passes through, with its traceback.
    """
    try:
        status = run(speech)
        if status == INTERRUPTED:  # what Typer makes of Ctrl-C
            raise KeyboardInterrupt
        emit("")
    except (ReaderLeftError, BrokenPipeError):
        return stop_writing()
    except FairpayError as problem:
        leave_full_output()
        return report(problem, as_json=speech.json)
    except MemoryError as problem:
        return report(
            OutputError(OUT_OF_MEMORY.format(problem or "no more was to be had"), advice=LESS), as_json=speech.json
        )
    except OSError as problem:
        if not leave_full_output() and (problem.filename is not None or problem.errno not in FULL):
            raise
        message = f"standard output could not be written: {problem.strerror}"
        return report(OutputError(message), as_json=speech.json)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except TyperException as problem:
        return report(usage_error(problem), as_json=speech.json)
    return status


def refuse_narrow_space() -> None:
    """Refuse a limit on the address space (`ulimit -v`) under which the libraries cannot even be loaded.

    Raises:
        OutputError: naming the limit and what is needed.

    """
    if sys.platform == "win32":
        return
    import resource  # noqa: PLC0415 - not on every platform

    limit, cores = resource.getrlimit(resource.RLIMIT_AS)[0], os.cpu_count() or 1
    needed = ROOM + cores * ROOM_PER_CORE
    if limit != resource.RLIM_INFINITY and limit < needed:
        raise OutputError(NARROW.format(limit / 1e9, needed / 1e9, cores), advice=WIDER)


def leave_full_output() -> bool:
    """Where the disk behind standard output is full, write no more: the interpreter would try at its end, and fail."""
    try:
        sys.stdout.flush()
    except OSError:
        stop_writing()
        return True
    return False


def stop_writing() -> int:
    """Nobody reads any more (`| head`): the work is done, and the interpreter shall not complain at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return 0


PLAINLY = {
    "Input should be a valid integer, unable to parse string as an integer": "it takes a whole number",
    "Input should be greater than or equal to": "it is never below",
}
"""What Pydantic says of a value, and what is meant."""


def usage_error(problem: TyperException) -> UsageError:
    """Say what Typer found in fairpay's words."""
    context = getattr(problem, "ctx", None)
    command = context.command_path if context else "fairpay"
    message = problem.format_message().replace("Value error, ", "").rstrip(".")
    for said, plain in PLAINLY.items():
        message = message.replace(said, plain)
    return UsageError(message, advice=f"See {command} --help.")


def report(problem: FairpayError, *, as_json: bool) -> int:
    """Print an error on standard error, as words or as one JSON object, and return its status."""
    tell_json(problem) if as_json else tell_words(problem)
    return problem.status


def tell_words(problem: FairpayError) -> None:
    """Print the message, the table of problems and what to do."""
    tell(f"fairpay: {problem.message}")
    counts = [f"{p.count:,}" for p in problem.problems]
    reasons = [visible(p.reason) for p in problem.problems]
    width, reach = (max(map(len, column), default=0) for column in (counts, reasons))
    for count, reason, p in zip(counts, reasons, problem.problems, strict=True):
        tell(f"  {count:>{width}}  {reason:<{reach}}  {p.where}".rstrip())
    if problem.advice:
        tell(problem.advice)


def tell_json(problem: FairpayError) -> None:
    """Print one line of JSON."""
    problems = [{"count": p.count, "reason": p.reason, "where": p.where} for p in problem.problems]
    error = {
        "status": problem.status,
        "kind": type(problem).__name__,
        "message": problem.message,
        "problems": problems,
        "advice": problem.advice,
    }
    sys.stderr.write(json.dumps({"error": error}) + "\n")
    sys.stderr.flush()
