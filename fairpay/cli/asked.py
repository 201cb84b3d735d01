"""What was asked on the command line: every option with its value and where it came from."""

from __future__ import annotations

import csv
import functools
import inspect
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_type_hints

import typer

from fairpay.errors import UsageError
from fairpay.settings.options import meant

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Asked", "takes"]

STATEMENTS = ("pool", "fee", "subscribers")
"""At most one of these states the money."""
PREFIX = "FAIRPAY_"
OWN_VARIABLES = {"FAIRPAY_CACHE_DIR"}
"""Variables that are no options."""
TALK = ("json", "quiet", "progress")
"""Options of the command line that the Python door does not have."""
ORIGINS = {"COMMANDLINE": "flag", "ENVIRONMENT": "variable", "DEFAULT_MAP": "config", "DEFAULT": "default"}
"""Where a value comes from, the strongest first."""


@dataclass(frozen=True)
class Asked:
    """The options of one call."""

    values: Mapping[str, Any]
    """By the names of the command line's parameters."""
    origins: Mapping[str, tuple[Any, str]]
    """By the names of the Python door: value and `flag`, `variable FAIRPAY_...`, `config` or `default`."""

    @property
    def options(self) -> dict[str, Any]:
        """The options as the Python door takes them."""
        return {name: value for name, value in at_the_door(self.values).items() if name not in (*TALK, "rule")}

    def recording(self, *, rule: list[str]) -> dict[str, Any]:
        """The options with their origins, for the manifest; `rule` is what the command made of `--rule`."""
        where = self.origins["rule"][1]
        return {**self.options, "origins": {**self.origins, "rule": (rule, where)}}

    @property
    def json(self) -> bool:
        """Whether one JSON object is wanted."""
        return bool(self.values["json"])

    @property
    def silent(self) -> bool:
        """Whether words on standard error are unwanted: with `--quiet`, and with `--json`, where errors are JSON."""
        return bool(self.values["quiet"] or self.values["json"])


def takes(*groups: type) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of some groups (see `fairpay.cli.options`); it gets them as `asked`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = [p for p in inspect.signature(command, eval_str=True).parameters.values() if p.name != "asked"]
        shared = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=getattr(group, name), annotation=hint)
            for group in groups
            for name, hint in get_type_hints(group, include_extras=True).items()
        ]

        @functools.wraps(command)
        def called(ctx: typer.Context, **given: Any) -> None:  # noqa: ANN401 - any option
            refuse_misspelt(ctx)
            asked = collect(ctx)
            command(**{p.name: given[p.name] for p in own}, asked=asked)

        context = inspect.Parameter("ctx", inspect.Parameter.POSITIONAL_ONLY, annotation=typer.Context)
        ordered = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in own]
        called.__signature__ = inspect.Signature([context, *ordered, *shared])  # type: ignore[attr-defined] # it is there
        called.__annotations__ = {}
        return called

    return decorate


def refuse_misspelt(ctx: typer.Context) -> None:
    """Refuse a variable that is nearly one of fairpay's: what it says would be ignored.

    Raises:
        UsageError: naming it and the nearest.

    """
    commands = ctx.find_root().command.commands.values()  # type: ignore[attr-defined] # the root is a group
    params = (param for command in commands for param in command.params)
    known = {str(param.envvar) for param in params if getattr(param, "envvar", None)} | OWN_VARIABLES
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            near = meant(name.removeprefix(PREFIX), (one.removeprefix(PREFIX) for one in known))
            if near:
                message = f"the variable {name} means nothing to fairpay"
                raise UsageError(message, advice=near.replace("mean ", f"mean {PREFIX}"))


def collect(ctx: typer.Context) -> Asked:
    """Keep every option with its origin, once it is clear which statement of the money holds.

    Raises:
        UsageError: the money is stated twice in the same place.

    """
    options = [p for p in ctx.command.params if p.param_type_name == "option" and p.name not in {"help", "config"}]
    values = {str(p.name): ctx.params[str(p.name)] for p in options}
    if ctx.obj is not None and "json" in values:
        ctx.obj.json = values["json"]
    sources = {str(p.name): source(ctx, str(p.name)) for p in options}
    for name in overruled(values, sources):
        values[name], sources[name] = None, "DEFAULT"
    variables = {str(p.name): str(p.envvar) for p in options}
    origins = {name: origin(where, variables[name]) for name, where in sources.items()}
    door = {"no_quote": "quote", "no_header": "header"}
    plain = at_the_door(values) | {"columns": values.get("columns")}
    recorded = {door.get(name, name): where for name, where in origins.items()}
    return Asked(values, {name: (plain[name], where) for name, where in recorded.items()})


def source(ctx: typer.Context, name: str) -> str:
    """Say where Typer took a value from."""
    found = ctx.get_parameter_source(name)
    return "DEFAULT" if found is None else found.name


def origin(where: str, variable: str) -> str:
    """Say it in words, with the variable's name."""
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


def at_the_door(values: Mapping[str, Any]) -> dict[str, Any]:
    """Translate what flags say into what the Python door takes."""
    made = dict(values)
    for flag, name in (("no_quote", "quote"), ("no_header", "header")):
        if flag in made:
            made[name] = not made.pop(flag)
    if made.get("columns") is not None:
        made["columns"] = columns(made["columns"])
    if made.get("separator") == r"\t":
        made["separator"] = "\t"
    return made


def columns(text: str) -> dict[str, str]:
    """Read `user=U,artist=A`; a column whose name holds a comma is quoted: `user=U,"artist=Name, first"`.

    Raises:
        UsageError: a part that names no role, or a role named twice.

    """
    from fairpay.logs.schema import ROLES  # noqa: PLC0415 - only where columns are named

    found: dict[str, str] = {}
    for part in next(csv.reader([text]), []):
        role, equals, column = part.partition("=")
        role = role.strip()
        if role not in ROLES or not equals or not column or role in found:
            message = f"--columns: {part!r} does not say which column is what"
            advice = f"Write ROLE=COLUMN once for each role; the roles are {', '.join(ROLES)}."
            raise UsageError(message, advice=advice)
        found[role] = column
    return found
