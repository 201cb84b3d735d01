"""The commands together, made from their declarations; the module of a command is loaded when it runs."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from fairpay import __version__
from fairpay.cli.invocation import collect, refuse_misspelt
from fairpay.cli.terminal import emit, tell
from fairpay.errors import UsageError
from fairpay.settings.commands import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairpay.cli.invocation import Invocation
    from fairpay.reports.tables import Shown
    from fairpay.settings.commands import Argument, Command
    from fairpay.settings.option import Option

__all__ = ["app"]

FOUND = "fairpay.toml"
EPILOG = "Each option may also be set as FAIRPAY_<OPTION> or in a file given by --config; the command line wins."


def plain(params: list[Any]) -> list[Any]:
    """Take the type of a value from flags, which have none."""
    for one in params:
        if getattr(one, "is_flag", False):
            one.metavar = ""
    return params


class PlainCommand(TyperCommand):
    """A command whose help shows flags as what they are."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - of Typer's own
        """Return the parameters."""
        return plain(super().get_params(ctx))


class PlainGroup(TyperGroup):
    """The program, likewise."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - the same
        """Return the parameters."""
        return plain(super().get_params(ctx))


app = typer.Typer(
    name="fairpay",
    cls=PlainGroup,
    pretty_exceptions_enable=False,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)


def add(name: str, command: Command) -> None:
    """Give the program one command."""

    def called(ctx: typer.Context, **_: object) -> None:
        refuse_misspelt()
        call = collect(ctx, name)
        if call.found and not call.silent:
            tell(f"Options that are not typed are those of {call.found} in this folder")
        run_with_page(importlib.import_module(f"fairpay.cli.{name}").run, call)

    context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context)
    arguments = [keyword(one.name, *argument(one)) for one in command.arguments]
    options = [keyword(key, *option(name, command, one)) for key, one in command.declared.items()]
    called.__signature__ = inspect.Signature([context, *arguments, *options])  # type: ignore[attr-defined] # it is there
    called.__annotations__ = {}
    app.command(name, cls=PlainCommand, help=command.help, epilog=EPILOG if command.settable else None)(called)


def run_with_page(run: Callable[[Invocation], Shown], call: Invocation) -> None:
    """Run a command; where a page of what it comes to is asked for, refuse before the work what could not be written.

    Raises:
        UsageError: a page is asked for, and a library for it is not installed.
        OutputError: another file is in its place.

    """
    path = call.values.get("report")
    if path is None:
        run(call)
        return
    from fairpay.views.jobs import prepare, report  # noqa: PLC0415 - loaded where a page is asked for

    prepare(Path(path))
    result = run(call)
    written = report(call.values.get("output") or result, output=path)
    if not call.silent:
        tell(f"Page written to {written}")


def keyword(name: str, annotation: Any, default: Any) -> inspect.Parameter:  # noqa: ANN401 - of any type
    """Make a parameter as Typer reads it."""
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def argument(one: Argument) -> tuple[Any, Any]:
    """Say what Typer is to take without a flag, and its default."""
    kind: Any = list[str] if one.many else str
    if not one.required and one.default is None:
        kind |= None
    described = typer.Argument(metavar=one.metavar, help=one.help, show_default=one.default is not None)
    return Annotated[kind, described], inspect.Parameter.empty if one.required else one.default


def option(name: str, command: Command, one: Option) -> tuple[Any, Any]:
    """Say what Typer is to take for an option, and its default."""
    kind: Any = Literal[one.choices] if one.choices else next((t for t in (bool, int) if one.types == (t,)), str)
    default = False if one.negative else one.default
    if one.repeated:
        kind, default = list[str], None
    elif one.typed is not None:
        default = None
    described: Any = typer.Option(
        *filter(None, (one.flag, one.short)),
        help=one.described,
        rich_help_panel=one.panel if command.settable else None,
        metavar=one.metavar,
        min=0 if one.least == 0 else None,
        envvar=one.variable if command.settable and not one.shows else None,
        show_envvar=False,
        is_eager=one.shows or one.name == "config",
        callback=load if one.name == "config" else show(name, one.name) if one.shows else None,
    )
    return Annotated[kind if default is not None else kind | None, described], default


def show(command: str, name: str) -> Callable[[Any], None]:
    """Make what answers an option that prints something: the function of its name in the module of the command."""

    def shown(value: Any) -> None:  # noqa: ANN401 - called by Typer
        if value:
            emit(getattr(importlib.import_module(f"fairpay.cli.{command}"), name)(value))
            raise typer.Exit

    return shown


def load(ctx: typer.Context, value: str | None) -> str | None:
    """Make a config file's values the defaults of the command; called by Typer before other options are read.

    Where none is named it is `fairpay.toml` of the current folder, if there is one.
    """
    if value is None and Path(FOUND).is_file():
        value = FOUND
    if value is not None and not ctx.resilient_parsing:
        from fairpay.settings.config import read_config  # noqa: PLC0415 - Pydantic is loaded where there is a file

        ctx.default_map = read_config(value, str(ctx.info_name))
    return value


for each, declared in COMMANDS.items():
    add(each, declared)


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
        raise UsageError(message, advice=f"Commands: {', '.join(COMMANDS)}. See fairpay --help.")
