"""The one place where what goes wrong becomes words on standard error and an exit status."""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import TYPE_CHECKING, NoReturn

import typer
from typer.exceptions import TyperException

from fairpay.cli.terminal import tell
from fairpay.cli.words import visible
from fairpay.errors import FairpayError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

__all__ = ["INTERRUPTED", "TERMINATED", "status_of"]

INTERRUPTED = 130
TERMINATED = 143


class Terminated(BaseException):
    """SIGTERM has come: everything is cleaned up on the way out, as for Ctrl-C."""


def status_of(run: Callable[[], int], *, as_json: bool) -> int:
    """Run the program and return its exit status. A fault of fairpay itself passes through, with its traceback."""
    signal.signal(signal.SIGTERM, terminate)
    try:
        status = run()
        sys.stdout.flush()
    except BrokenPipeError:
        return stop_writing()
    except FairpayError as problem:
        return report(problem, as_json=as_json)
    except TyperException as problem:
        return report(usage_error(problem), as_json=as_json)
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    except Terminated:
        status = TERMINATED
    if status in {INTERRUPTED, TERMINATED}:
        tell("fairpay: interrupted; nothing half-written is left")
    return status


def terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Leave the way Ctrl-C does; a second SIGTERM does not disturb the cleaning up."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Terminated


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
