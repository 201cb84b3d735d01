"""What is done only where the process is the program's own: it starts, works and ends without waiting for Python."""

from __future__ import annotations

import atexit
import gc
import os
import signal
import sys
import threading
from contextlib import suppress

__all__ = ["begin", "end_before_begun", "leave"]

OBJECTS = 500_000
"""Python looks for rings of unused objects whenever this many more objects have been made than let go. Imports make
190,000 that stay, and by default are looked through a hundred times; a run makes hardly any more, however large the log
is, and its large arrays are in no rings."""


def end_before_begun(number: int, _frame: object) -> None:
    """End at a signal that comes while the program is still being loaded: nothing was begun, nothing is left."""
    os.write(2, b"fairpay: interrupted; nothing was begun\n")
    os._exit(128 + number)


def begin() -> None:
    """End quietly at signals that come early, and look for unused objects seldom."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) in {signal.SIG_DFL, signal.default_int_handler}:
            signal.signal(number, end_before_begun)
    gc.set_threshold(OBJECTS)


def leave(status: int) -> None:
    """End the process at once, once everything that asked for it has been told.

    Python's own end comes to the same, and then takes apart every module one by one, for as long as a small run takes.
    Where somebody profiles or traces the program, or goes on in the interpreter, it is left to Python.
    """
    if sys.flags.inspect or sys.getprofile() is not None or sys.gettrace() is not None:
        return
    wait_for_threads, tell_others = getattr(threading, "_shutdown", None), getattr(atexit, "_run_exitfuncs", None)
    if wait_for_threads is None or tell_others is None:
        return
    wait_for_threads()  # what Python's own end begins with
    tell_others()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with suppress(OSError, ValueError):
                stream.flush()
    os._exit(status)
