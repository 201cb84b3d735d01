"""The command line: parse, call the Python function, print, exit. Typer and Rich live here only."""

from __future__ import annotations

import gc
import sys

from fairpay.cli.signals import ending_at_signals

__all__ = ["main"]

OBJECTS = 500_000
"""Python looks for rings of unused objects whenever this many more objects have been made than let go. Imports make
190,000 that stay and would be looked through a hundred times; a run makes hardly any more, however large the log is."""


def main(arguments: list[str] | None = None) -> int:
    """Run `fairpay` with these arguments, by default the process's, and return its exit status."""
    if arguments is None:
        gc.set_threshold(OBJECTS)
    given = sys.argv[1:] if arguments is None else arguments
    status = ending_at_signals(lambda: loaded(given), last=arguments is None)
    if arguments is None:
        gc.freeze()  # Python's own end would look for rings three times in all that goes with the process anyway
    return status


def loaded(given: list[str]) -> int:
    """Load the command line and run it: signals are looked after already."""
    from fairpay.cli.outcomes import Speech, refuse_narrow_space, status_of  # noqa: PLC0415 - importing `fairpay.cli` costs nothing
    from fairpay.cli.terminal import CLOSED, stand_in_for_closed, tolerate_any_text  # noqa: PLC0415 - the same
    from fairpay.errors import OutputError  # noqa: PLC0415 - the same
    from fairpay.settings.speech import FLAGS  # noqa: PLC0415 - the same

    def run(speech: Speech) -> int:
        from typer.main import get_command  # noqa: PLC0415 - the same

        from fairpay.cli.app import app  # noqa: PLC0415 - the same

        tolerate_any_text()
        if not {"--version", "--help"} & set(given):
            refuse_narrow_space()
        if closed and not {"--quiet", "--version", "--help"} & set(given):
            raise OutputError(CLOSED, advice="Give it a place, such as >/dev/null, or use --quiet. Nothing was done.")
        return get_command(app).main(given, prog_name="fairpay", standalone_mode=False, obj=speech) or 0

    closed = stand_in_for_closed()
    speaker = FLAGS.set(True)
    try:
        return status_of(run, Speech(json="--json" in given))
    finally:
        FLAGS.reset(speaker)
