"""The commands together. What each needs for its work is loaded when it runs, so that `--help` is quick."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Annotated

import typer

from fairpay import __version__
from fairpay.cli.adjust import adjust
from fairpay.cli.audit import audit
from fairpay.cli.check import check
from fairpay.cli.close import close
from fairpay.cli.compare import compare
from fairpay.cli.diff import diff
from fairpay.cli.init import init
from fairpay.cli.pay import pay
from fairpay.cli.rules import rules
from fairpay.cli.suspects import suspects
from fairpay.cli.synth import synth
from fairpay.cli.terminal import emit
from fairpay.cli.verify import verify
from fairpay.cli.warm import warm
from fairpay.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["app"]

EPILOG = "Each option may also be set as FAIRPAY_<OPTION> or in a file given by --config; the command line wins."

app = typer.Typer(
    name="fairpay",
    add_completion=False,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def in_lines(command: Callable[..., None]) -> str:
    """Return a command's manual with each paragraph on one line: Typer keeps the line breaks of the source."""
    paragraphs = (inspect.getdoc(command) or "").split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


READING = (compare, pay, check, audit, suspects, close, adjust)
for command in (*READING, rules, init, diff, verify, synth, warm):
    epilog = EPILOG if command in READING else None
    app.command(help=in_lines(command), epilog=epilog)(command)
NAMES = [str(made.callback.__name__) for made in app.registered_commands if made.callback]


def print_version(value: bool) -> None:  # noqa: FBT001 - called by Typer
    """Print the version and stop."""
    if value:
        emit(f"fairpay {__version__}\n")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def fairpay(
    ctx: typer.Context,
    *,
    version: Annotated[  # noqa: ARG001 - its callback has seen it
        bool, typer.Option("--version", help="Print the version.", callback=print_version, is_eager=True)
    ] = False,
) -> None:
    """Divide subscription money among artists, exactly, under any payout rule, and see who gains and who loses."""
    if ctx.invoked_subcommand is None:
        message = "no command given"
        raise UsageError(message, advice=f"Commands: {', '.join(NAMES)}. See fairpay --help.")
