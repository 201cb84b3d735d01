"""The one place where what goes wrong becomes words on standard error and an exit status."""

from __future__ import annotations

import _thread
import errno
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import typer
from typer.exceptions import TyperException

from fairpay.cli.process import end_before_begun
from fairpay.cli.terminal import ReaderLeftError, emit, tell
from fairpay.cli.words import visible
from fairpay.errors import FairpayError, OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["INTERRUPTED", "TERMINATED", "Speech", "status_of"]

INTERRUPTED = 130
TERMINATED = 143
HUNG_UP = 129
GRACE_SECONDS = 15
"""How long cleaning up may take after a signal."""


class Terminated(BaseException):
    """SIGTERM has come: everything is cleaned up on the way out, as for Ctrl-C."""


@dataclass
class Speech:
    """How errors are told; a command settles it once it knows all its options."""

    json: bool
    """As one JSON object."""


OUT_OF_MEMORY = "there is not enough memory: {}"
LESS = (
    "Give more (ulimit -v, the container's limit), or --memory SIZE and fewer --threads. Nothing half-written is left."
)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What writing to standard output fails with when there is no room behind it; errors of files name their file."""


asked_to_end: list[int] = []
"""Statuses of the signals that have come."""


def status_of(run: Callable[[Speech], int], speech: Speech) -> int:
    """Run the program and return its exit status. A fault of fairpay itself passes through, with its traceback."""
    asked_to_end.clear()
    ending_signals = [signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {number: signal.getsignal(number) for number in (*ending_signals, signal.SIGINT)}
    for number in ending_signals:
        if before[number] != signal.SIG_IGN or number == signal.SIGTERM:  # nohup stays in force
            signal.signal(number, terminate)
    if before[signal.SIGINT] in {signal.default_int_handler, end_before_begun}:
        signal.signal(signal.SIGINT, interrupt)
    try:
        return ending(run, speech)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def ending(run: Callable[[Speech], int], speech: Speech) -> int:
    """Run the program, and turn however it ends into words and a status.

    Once a signal has come, any exception may be what an import or a library made of it: the signal is what counts.
    """
    try:
        status = told(run, speech)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except Terminated:
        status = asked_to_end[0]
    except Exception:
        if not asked_to_end:
            raise
        status = asked_to_end[0]
    if status in {INTERRUPTED, TERMINATED, HUNG_UP}:
        tell("fairpay: interrupted; nothing half-written is left")
    return status


def told(run: Callable[[Speech], int], speech: Speech) -> int:
    """Run the program, and turn what a user can put right into words and a status."""
    try:
        status = run(speech)
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
    except TyperException as problem:
        return report(usage_error(problem), as_json=speech.json)
    return status


def terminate(number: int, _frame: FrameType | None) -> NoReturn:
    """Leave the way Ctrl-C does; a second such signal does not disturb the cleaning up."""
    signal.signal(number, signal.SIG_IGN)
    asked_to_end.append(128 + number)
    _thread.start_new_thread(end_for_sure, (128 + number,))
    raise Terminated


def interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Raise what Ctrl-C raises, and see that the program ends."""
    asked_to_end.append(INTERRUPTED)
    _thread.start_new_thread(end_for_sure, (INTERRUPTED,))
    raise KeyboardInterrupt


def end_for_sure(status: int) -> None:
    """End the process if it has not ended by itself after a while.

    An exception from a signal handler can land where Python swallows it (a callback of a weak reference, and imports
    have many), and can even keep the lock of imports from being released. What is left behind then is what a kill
    leaves: no half-written run, and temporary files that the next run removes.
    """
    time.sleep(GRACE_SECONDS)
    os.write(2, b"fairpay: interrupted; what is left of temporary files goes at the next run\n")
    os._exit(status)


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


def usage_error(problem: TyperException) -> UsageError:
    """Say what Typer found in fairpay's words."""
    context = getattr(problem, "ctx", None)
    command = context.command_path if context else "fairpay"
    message = problem.format_message().replace("Value error, ", "").rstrip(".")
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
