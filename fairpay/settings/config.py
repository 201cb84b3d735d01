"""The config file: options by their flags' names, at the top for all commands, in `[pay]` and the like for one.

A file may say `fee = "9.99"`, `columns = { user = "user_id" }`, and under `[pay]` `output = "out"`. Pydantic checks it.
"""

from __future__ import annotations

import csv
import functools
import io
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, create_model

from fairpay.errors import InputError, UsageError
from fairpay.settings.commands import COMMANDS
from fairpay.settings.option import Option, nearest

__all__ = ["keys_of", "read_config"]

EXAMPLE = 'Write lines such as  fee = "9.99".'


def as_text(value: Any) -> Any:  # noqa: ANN401 - any TOML value
    """Write numbers, days and tables as they would be typed.

    Raises:
        ValueError: there is a NUL in it, which nobody could type.

    """
    if "\0" in str(value):
        message = "it holds a NUL"
        raise ValueError(message)
    if isinstance(value, dict):
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([f"{key}={column}" for key, column in value.items()])
        return line.getvalue()
    return value if isinstance(value, bool | list) else str(value)


def as_list(value: Any) -> Any:  # noqa: ANN401 - the same
    """Take one value for a list of it."""
    return value if isinstance(value, list) else [value]


Text: TypeAlias = Annotated[str, BeforeValidator(as_text)]


def keys_of(command: str) -> dict[str, Option]:
    """Return what may stand in a config file for a command, by key."""
    if not COMMANDS[command].settable:
        return {}
    return {one.key: one for one in COMMANDS[command].declared.values() if one.name != "config" and not one.shows}


@functools.cache
def model_of(command: str) -> type[BaseModel]:
    """Make the model of a command's table: every key with its type, and no other."""
    # a field is found by its alias; with an underscore no name is one that models have already
    fields: Any = {
        f"{one.name}_": (type_of(one) | None, Field(None, alias=key)) for key, one in keys_of(command).items()
    }
    return create_model(command, __config__=ConfigDict(extra="forbid"), **fields)


def type_of(option: Option) -> Any:  # noqa: ANN401 - an annotation
    """Say what a file may hold for an option; text that has a form is judged with that of the command line."""
    if option.repeated:
        return Annotated[list[Text], BeforeValidator(as_list)]
    if option.choices:
        return Literal[option.choices]
    return next((kind for kind in (bool, int) if option.types == (kind,)), Text)


def read_config(file: str, command: str) -> dict[str, Any]:
    """Return what a file says for a command, by the names of options.

    Raises:
        InputError: the file cannot be read, or is not TOML.
        UsageError: it has a key that no command has, or a value that its option cannot have.

    """
    table = parse(Path(file))
    tables = {name for name in COMMANDS if keys_of(name)}
    sections = {name: table.pop(name) for name in tables if isinstance(table.get(name), dict)}
    every = {key for name in tables for key in keys_of(name)}
    refuse_unknown(file, set(table) - every, every, tables)
    for name, section in sections.items():
        checked(f"{file} [{name}]", name, section)
    mine = keys_of(command)
    return checked(file, command, {k: v for k, v in table.items() if k in mine} | sections.get(command, {}))


def checked(where: str, command: str, table: dict[str, Any]) -> dict[str, Any]:
    """Check one table.

    Raises:
        UsageError: naming every key that is not right.

    """
    known = keys_of(command)
    refuse_unknown(where, set(table) - set(known), set(known), set())
    try:
        found = model_of(command).model_validate(table)
    except ValidationError as error:
        wrong = "; ".join(f"{one['loc'][0]}: {one['msg'].removeprefix('Value error, ')}" for one in error.errors())
        message = f"{where}: {wrong}"
        raise UsageError(message, advice=f"See fairpay {command} --help.") from None
    return {known[key].name: value for key, value in found.model_dump(by_alias=True, exclude_unset=True).items()}


def parse(path: Path) -> dict[str, Any]:
    """Read TOML; numbers with a point stay text, so that no amount passes through a float."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"), parse_float=str)
    except OSError as problem:
        message = f"{path}: {problem.strerror}"
        raise InputError(message, advice="--config takes a TOML file.") from problem
    except RecursionError as problem:
        message = f"{path} is nested too deeply"
        raise InputError(message, advice=EXAMPLE) from problem
    except ValueError as problem:  # no TOML, no UTF-8, a number of thousands of digits
        message = f"{path} is not TOML: {problem}"
        raise InputError(message, advice=EXAMPLE) from problem


def refuse_unknown(where: str, unknown: set[str], known: set[str], tables: set[str]) -> None:
    """Stop at keys that mean nothing, naming all of them and what there is.

    Raises:
        UsageError: there is one.

    """
    if unknown:
        message = f"{where}: unknown {'key' if len(unknown) == 1 else 'keys'} {', '.join(sorted(unknown))}"
        near = [nearest(key, known) for key in sorted(unknown)]
        named = f"Tables: {', '.join(f'[{name}]' for name in COMMANDS if name in tables)}." if tables else ""
        parts = [*near, f"Allowed: {', '.join(sorted(known))}.", named]
        raise UsageError(message, advice=" ".join(filter(None, parts)))
