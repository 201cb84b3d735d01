"""The command line: parse, call the Python function, print, exit. Typer and Rich live here only."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> int:
    """Run `fairpay` with these arguments and return its exit status; without any, with the process's, and end it."""
    from fairpay.cli.process import begin, leave  # noqa: PLC0415 - importing `fairpay.cli` costs nothing

    if arguments is None:
        begin()
    from fairpay.cli.failures import Speech, status_of  # noqa: PLC0415 - the same
    from fairpay.cli.terminal import CLOSED, stand_in_for_closed  # noqa: PLC0415 - the same
    from fairpay.errors import OutputError  # noqa: PLC0415 - the same
    from fairpay.settings.speech import FLAGS  # noqa: PLC0415 - the same

    given = sys.argv[1:] if arguments is None else arguments

    def run(speech: Speech) -> int:
        from typer.main import get_command  # noqa: PLC0415 - the same

        from fairpay.cli.app import app  # noqa: PLC0415 - the same
        from fairpay.cli.terminal import tolerate_any_text  # noqa: PLC0415 - the same

        tolerate_any_text()
        if closed and not {"--quiet", "--version", "--help"} & set(given):
            raise OutputError(CLOSED, advice="Give it a place, such as >/dev/null, or use --quiet. Nothing was done.")
        return get_command(app).main(given, prog_name="fairpay", standalone_mode=False, obj=speech) or 0

    closed = stand_in_for_closed()
    speaker = FLAGS.set(True)
    try:
        status = status_of(run, Speech(json="--json" in given))
    finally:
        FLAGS.reset(speaker)
    if arguments is None:
        leave(status)
    return status
