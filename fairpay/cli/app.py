"""The commands together, made from their declarations, and what was asked of one: each option and where it came from.

The module of a command is loaded when it runs.
"""

from __future__ import annotations

import importlib
import inspect
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer.core import TyperCommand, TyperGroup

from fairpay import __version__
from fairpay.cli.terminal import emit, tell
from fairpay.errors import UsageError
from fairpay.settings.commands import COMMANDS
from fairpay.settings.option import nearest, options_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fairpay.reports.tables import Shown
    from fairpay.settings.commands import Argument, Command
    from fairpay.settings.option import Option

__all__ = ["Invocation", "app"]

FOUND = "fairpay.toml"
EPILOG = "Each option may also be set as FAIRPAY_<OPTION> or in a file given by --config; the command line wins."


STATEMENTS = ("pool", "fee", "subscribers")
"""At most one of these states the money."""
PREFIX = "FAIRPAY_"
OWN_VARIABLES = {"FAIRPAY_CACHE_DIR"}
"""Variables that are no options."""
ORIGINS = {"COMMANDLINE": "flag", "ENVIRONMENT": "variable", "DEFAULT_MAP": "config", "DEFAULT": "default"}
"""Where a value comes from, the strongest first."""


@dataclass(frozen=True)
class Invocation:
    """One call."""

    command: str
    arguments: Mapping[str, Any]
    """What was named without flags."""
    values: Mapping[str, Any]
    """Option -> value, as Python functions take it."""
    origins: Mapping[str, tuple[Any, str]]
    """The same by the names of manifests: value and `flag`, `variable FAIRPAY_...`, `config` or `default`."""
    found: str = ""
    """The config file that was found, where none was named."""

    @property
    def options(self) -> dict[str, Any]:
        """The keywords of the Python function, with their origins, for the manifest."""
        known = options_of(COMMANDS[self.command].options)
        return {**{name: self.values[name] for name in known}, "origins": self.origins}

    @property
    def logs(self) -> list[str]:
        """The logs, wherever they were named."""
        named = (self.arguments.get("logs"), self.values.get("log"), self.values.get("like"))
        return [log for logs in named for log in logs or []]

    @property
    def json(self) -> bool:
        """Whether one JSON object is wanted."""
        return bool(self.values.get("json"))

    @property
    def silent(self) -> bool:
        """Whether words on standard error are unwanted: with `--quiet`, and with `--json`, where errors are JSON."""
        return bool(self.values.get("quiet") or self.json)


def refuse_misspelt() -> None:
    """Refuse a variable that is nearly one of fairpay's: what it says would be ignored.

    Raises:
        UsageError: naming it and the nearest.

    """
    settable = (command.declared.values() for command in COMMANDS.values() if command.settable)
    known = {option.variable for options in settable for option in options if not option.shows} | OWN_VARIABLES
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = nearest(name.removeprefix(PREFIX), (one.removeprefix(PREFIX) for one in known))
            if near:
                message = f"the variable {name} means nothing to fairpay"
                raise UsageError(message, advice=near.replace("mean ", f"mean {PREFIX}"))


def collect(ctx: typer.Context, command: str) -> Invocation:
    """Keep every option with its origin, once it is clear which statement of the money holds.

    Raises:
        UsageError: the money is stated twice in the same place, or a value has not the form of its option.

    """
    declared = {name: one for name, one in COMMANDS[command].declared.items() if name != "config" and not one.shows}
    typed = {name: ctx.params[name] for name in declared}
    if ctx.obj is not None and "json" in typed:
        ctx.obj.json = typed["json"]
    sources = {name: source(ctx, name) for name in declared}
    found = ctx.params.get("config") or "" if source(ctx, "config") == "DEFAULT" else ""
    for name in overruled(typed, sources):
        typed[name], sources[name] = None, "DEFAULT"
    values = {name: one.value_of(typed[name]) for name, one in declared.items()}
    refuse_conflicts(values, sources)
    origins = {
        one.recorded: (
            typed[name] if isinstance(values[name], dict) else values[name],  # recorded as it was typed
            origin(sources[name], one.variable, found),
        )
        for name, one in declared.items()
    }
    arguments = {one.name: ctx.params[one.name] for one in COMMANDS[command].arguments}
    return Invocation(command, arguments, values, origins, found)


def refuse_conflicts(values: Mapping[str, Any], sources: Mapping[str, str]) -> None:
    """Refuse what cannot be done together, before anything is read.

    Raises:
        UsageError: standard output is to hold two things, or nothing is to be written for Excel.

    """
    if values.get("csv") and values.get("json"):
        message = "--csv and --json both print to standard output"
        raise UsageError(message, advice="Keep one of them; -o DIR writes both.")
    if (
        values.get("excel")
        and values.get("csv") is False
        and not values["output"]
        and sources["excel"] == "COMMANDLINE"
    ):
        message = "--excel has nothing to write"
        raise UsageError(message, advice="Add -o DIR for a workbook, or --csv for CSV that Excel opens.")


def source(ctx: typer.Context, name: str) -> str:
    """Say where Typer took a value from."""
    found = ctx.get_parameter_source(name)
    return "DEFAULT" if found is None else found.name


def origin(where: str, variable: str, found: str) -> str:
    """Say it in words, with the variable's name, and that of a config file that was found."""
    if where == "DEFAULT_MAP" and found:
        return f"config {found}"
    return f"variable {variable}" if where == "ENVIRONMENT" else ORIGINS[where]


def overruled(values: Mapping[str, Any], sources: Mapping[str, str]) -> list[str]:
    """Return the statements of money that a stronger one sets aside: `--pool` beats a fee in the config file."""
    given = [name for name in STATEMENTS if values.get(name) is not None]
    strengths = list(ORIGINS)
    given.sort(key=lambda name: strengths.index(sources[name]))
    strongest = [name for name in given if sources[name] == sources[given[0]]]
    if len(strongest) > 1:
        message = f"money is stated {len(strongest)} times: {' and '.join(f'--{name}' for name in strongest)}"
        raise UsageError(message, advice="Keep one of --pool, --fee and --subscribers.")
    return given[1:]


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
