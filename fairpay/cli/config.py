"""The config file: options by their flags' names, at the top for all commands, in `[pay]` and the like for one.

A file may say `fee = "9.99"`, `columns = { user = "user_id" }`, and under `[pay]` `output = "out"`.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer  # noqa: TC002 - Typer reads annotations when it runs

from fairpay.errors import InputError, UsageError
from fairpay.settings.options import meant

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["load"]

NOT_THERE = frozenset({"config", "help", "version"})
"""Options that make no sense in a config file."""


def load(ctx: typer.Context, value: str | None) -> str | None:
    """Make a config file's values the defaults of the command; called by Typer before other options are read.

    Raises:
        InputError: the file cannot be read, or is not TOML.
        UsageError: it has a key that no command has.

    """
    if value is None or ctx.resilient_parsing:
        return value
    table = parse(Path(value))
    commands = {name: flags(command) for name, command in ctx.find_root().command.commands.items()}  # type: ignore[attr-defined] # the root is a group
    sections = {name: table.pop(name) for name in list(table) if name in commands and isinstance(table[name], dict)}
    every = {flag for names in commands.values() for flag in names}
    refuse_unknown(value, table, every, commands)
    for name, section in sections.items():
        refuse_unknown(f"{value} [{name}]", section, set(commands[name]), {})
    mine = commands[str(ctx.info_name)]
    merged = {key: given for key, given in table.items() if key in mine} | sections.get(str(ctx.info_name), {})
    ctx.default_map = {mine[key]: as_option(given) for key, given in merged.items()}
    return value


def parse(path: Path) -> dict[str, Any]:
    """Read TOML; numbers with a point stay text, so that no amount passes through a float."""
    import tomllib  # noqa: PLC0415 - only with --config

    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=str)
    except OSError as problem:
        message = f"{path}: {problem.strerror}"
        raise InputError(message, advice="--config takes a TOML file.") from problem
    except RecursionError as problem:
        message = f"{path} is nested too deeply"
        raise InputError(message, advice='Write lines such as  fee = "9.99".') from problem
    except ValueError as problem:  # no TOML, no UTF-8, a number of thousands of digits
        message = f"{path} is not TOML: {problem}"
        raise InputError(message, advice='Write lines such as  fee = "9.99".') from problem


def flags(command: Any) -> dict[str, str]:  # noqa: ANN401 - a command of Typer
    """Map what may stand in a config file to parameter names: `min-seconds` to `min_seconds`, `from` to `since`."""
    options = [param for param in command.params if param.param_type_name == "option"]
    found = {flag[2:]: str(o.name) for o in options for flag in o.opts if flag.startswith("--")}
    return {flag: name for flag, name in found.items() if flag not in NOT_THERE}


def refuse_unknown(where: str, table: Mapping[str, Any], known: set[str], sections: Mapping[str, Any]) -> None:
    """Stop at keys that mean nothing, naming all of them and what there is."""
    unknown = sorted(set(table) - known)
    if unknown:
        message = f"{where}: unknown {'key' if len(unknown) == 1 else 'keys'} {', '.join(unknown)}"
        near = [meant(key, known) for key in unknown]
        tables = f" Tables: {', '.join(f'[{name}]' for name in sections)}." if sections else ""
        raise UsageError(
            message, advice=f"{' '.join(filter(None, near))} Allowed: {', '.join(sorted(known))}.{tables}".lstrip()
        )
    odd = sorted(key for key, value in table.items() if "\0" in str(value))
    if odd:
        message = f"{where}: {odd[0]} holds a NUL, which no value of an option can"
        raise UsageError(message)


def as_option(value: Any) -> Any:  # noqa: ANN401 - any TOML value
    """Turn a TOML value into what the same option would be on the command line."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list):
        return [str(one) for one in value]
    if isinstance(value, dict):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([f"{key}={column}" for key, column in value.items()])
        return line.getvalue()
    return str(value)
