"""What was asked on the command line: every option with its value and where it came from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairpay.errors import UsageError
from fairpay.settings.commands import COMMANDS
from fairpay.settings.option import nearest, options_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import typer

__all__ = ["Invocation", "collect", "refuse_misspelt"]

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
