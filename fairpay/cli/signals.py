"""Ctrl-C, SIGTERM and SIGHUP: everything is cleaned up on the way out, and the program ends with one line.

Only what Python has loaded already is imported here, so that the handlers stand before anything heavy is loaded.
"""

from __future__ import annotations

import _thread
import atexit
import os
import signal
import sys
import time

TYPE_CHECKING = False  # as in `typing`, which takes time to load
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import NoReturn

__all__ = ["INTERRUPTED", "ending_at_signals"]

INTERRUPTED = 130
SIGNALS = (signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else []))
GRACE_SECONDS = 15
"""How long cleaning up may take after a signal."""
LINE = "fairpay: interrupted; nothing half-written is left\n"
LATE = b"fairpay: interrupted; what is left of temporary files goes at the next run\n"

asked_to_end: list[int] = []
"""Statuses of the signals that have come."""


class Ended(BaseException):
    """A signal has come: no error, so that nothing on the way out takes it for one."""


def ending_at_signals(run: Callable[[], int], *, last: bool) -> int:
    """Run something and return its status, or that of the signal that ended it.

    Once a signal has come, any exception may be what an import or a library made of it: the signal is what counts.

    Args:
        run: what is run.
        last: nothing comes after it but Python's own end, which a signal then ends without a traceback.

    """
    asked_to_end.clear()
    if last:  # what is registered first runs last
        atexit.register(end_as_signalled)
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:
        if before[number] in {signal.SIG_DFL, signal.default_int_handler} or number == signal.SIGTERM:  # nohup stays
            signal.signal(number, end)
        else:
            del before[number]
    try:
        return run()
    except BaseException as problem:
        if not asked_to_end and not isinstance(problem, KeyboardInterrupt):
            raise
        try:  # noqa: SIM105 - contextlib takes time to load
            sys.stderr.write(LINE)
        except (OSError, AttributeError):  # it is closed
            pass
        return asked_to_end[0] if asked_to_end else INTERRUPTED
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if last else handler or signal.SIG_DFL)


def end(number: int, _frame: FrameType | None) -> NoReturn:
    """Leave, cleaning up; a second such signal does not disturb that.

    An exception from a signal handler can land where Python swallows it (a callback of a weak reference, and imports
    have many), and can even keep the lock of imports from being released: a watch ends the program then, and leaves
    what a kill leaves: no half-written run, and temporary files that the next run removes.
    """
    signal.signal(number, signal.SIG_IGN)
    asked_to_end.append(128 + number)
    _thread.start_new_thread(end_for_sure, ())
    raise Ended


def end_as_signalled() -> None:
    """End as the signal would have ended the program, once everything is cleaned up: a shell sees 128 + its number.

    Python's own end is not waited for: threads of libraries that are still at work abort the process there.
    """
    if asked_to_end:
        number = asked_to_end[0] - 128
        for stream in (sys.stdout, sys.stderr):
            try:  # noqa: SIM105 - contextlib takes time to load
                stream.flush()
            except (OSError, ValueError, AttributeError):  # nobody reads, or it is closed
                pass
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)


def end_for_sure() -> None:
    """Kill the process if it has not ended by itself after a while."""
    time.sleep(GRACE_SECONDS)
    os.write(2, LATE)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
