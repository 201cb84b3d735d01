"""What an option is.

A group of options is a `TypedDict` whose keys carry an `Option`: so type checkers, the command line, config files,
variables and the reference page all read one declaration.
"""

from __future__ import annotations

import difflib
import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Protocol, Required, TypeAlias, Union, get_args, get_origin, get_type_hints

from fairpay.errors import UsageError

__all__ = [
    "Amount",
    "Logs",
    "Option",
    "Table",
    "defaults",
    "directory_of",
    "is_spark",
    "is_table",
    "nearest",
    "options_of",
]


class ArrowTable(Protocol):
    """Anything that exports Arrow: frames of Polars and pandas, tables of PyArrow, relations of DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Export the rows."""


class LazyTable(Protocol):
    """A lazy frame of Polars."""

    def collect_batches(self) -> Any:  # noqa: ANN401 - Polars names no type for it
        """Run the query."""


PathText: TypeAlias = str | os.PathLike[str]
Table: TypeAlias = PathText | ArrowTable | LazyTable
"""A file, or a table in memory."""
Logs: TypeAlias = Table | Iterable[PathText]
"""Paths, globs, directories or addresses; or a table in memory."""
Amount: TypeAlias = str | int
"""Money or another exact number: text, so that nothing passes through a float."""


@dataclass(frozen=True, slots=True)
class Option:
    """One option; `name` and `kind` are filled in from the key it stands at."""

    help: str
    panel: str | None = None
    """The heading it stands under in `--help` and in the reference; None: Options."""
    _: KW_ONLY
    default: Any = None
    metavar: str | None = None
    """What the value is called; None: made of its type."""
    flag: str = ""
    """Empty: made of the name; `--no-NAME` for what is on by default."""
    short: str = ""
    least: int | None = None
    repeated: bool = False
    """Whether it may be typed several times, and is a list in a config file."""
    typed: Callable[[Any], Any] | None = None
    """Makes a Python value of what is typed; None: it is that already."""
    recorded: str = ""
    """Its name in manifests; empty: the same."""
    shows: bool = False
    """Whether it prints something and ends: no variable and no config key may set it."""
    name: str = ""
    kind: Any = None
    """The type of its Python keyword."""

    @property
    def types(self) -> tuple[Any, ...]:
        """The members of its type, without None."""
        return flattened(self.kind)

    @property
    def listed(self) -> bool:
        """Whether it is a list; one text is a list of one."""
        return any(get_origin(kind) is Sequence for kind in self.types)

    @property
    def choices(self) -> tuple[str, ...]:
        """All values there are, where they are a few words."""
        return tuple(word for kind in self.types if get_origin(kind) is Literal for word in get_args(kind))

    @property
    def described(self) -> str:
        """Its help; of one that makes a list, that it may come several times."""
        return f"{self.help} May be given several times." if self.repeated and self.listed else self.help

    @property
    def negative(self) -> bool:
        """Whether typing it means False."""
        return self.default is True

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "FAIRPAY_" + self.key.replace("-", "_").upper()

    @property
    def key(self) -> str:
        """Its key in a config file."""
        return self.flag.removeprefix("--")

    def value_of(self, typed: Any) -> Any:  # noqa: ANN401 - an option of any type
        """Make the Python value of what was typed."""
        if self.negative:
            return not typed
        if typed is None or (self.repeated and not typed):
            return self.default
        return typed if self.typed is None else self.typed(typed)

    def check(self, value: Any) -> None:  # noqa: ANN401 - as above
        """Refuse what it cannot be. Numbers and dates within text are judged where they are read.

        Raises:
            UsageError: a value that is none of the choices, too small, or of a wrong type.

        """
        if value is None:
            return
        if self.choices and value not in self.choices:
            message = f"{self.flag} {value}: there is no such choice"
            raise UsageError(message, advice=f"Choose from {', '.join(self.choices)}.")
        wanted = next((said for kind, said in TYPES.items() if self.types == (kind,)), None)
        if wanted is not None and not (isinstance(value, self.types[0]) and (wanted[1] or not isinstance(value, bool))):
            message = f"{self.name} is a {type(value).__name__}: give {wanted[0]}"
            raise UsageError(message)
        if self.least is not None and value < self.least:
            message = f"{self.flag} {value}: give {self.least} or more"
            raise UsageError(message)
        path = os.PathLike in {get_origin(kind) for kind in self.types}
        if path and not isinstance(value, str | os.PathLike) and not (ArrowTable in self.types and is_table(value)):
            message = f"{self.name} is a {type(value).__name__}: give the path of a file"
            raise UsageError(message)


TYPES = {bool: ("True or False", True), int: ("a whole number", False)}
"""Types that are checked as such -> what to give, and whether a bool is one."""


@functools.cache
def flattened(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - an annotation
    """Take unions apart."""
    if get_origin(kind) in {Union, UnionType, Required}:
        return tuple(one for part in get_args(kind) for one in flattened(part))
    return () if kind is NoneType else (kind,)


@functools.cache
def options_of(*groups: type) -> Mapping[str, Option]:
    """Return the options of groups by name; a key without an `Option` can be set from Python only."""
    found: dict[str, Option] = {}
    for group in groups:
        for name, hint in get_type_hints(group, include_extras=True).items():
            if get_origin(hint) is Annotated:
                kind, option = get_args(hint)
                made = replace(option, name=name, kind=kind)
                word = name.replace("_", "-")
                flag = option.flag or ("--no-" if option.default is True else "--") + word
                found[name] = replace(made, flag=flag, recorded=option.recorded or name)
    return found


@functools.cache
def keywords(group: type) -> tuple[str, ...]:
    """Return every keyword of a group."""
    return tuple(get_type_hints(group))


def defaults(group: type) -> dict[str, Any]:
    """Return every keyword of a group with its default; those that only Python has are None."""
    declared = options_of(group)
    return {name: declared[name].default if name in declared else None for name in keywords(group)}


def directory_of(value: object, name: str) -> Path:
    """Return the directory of a run as a path.

    Raises:
        UsageError: it is no path.

    """
    if not isinstance(value, str | os.PathLike):
        message = f"{name} is a {type(value).__name__}: give the directory of a run"
        raise UsageError(message)
    return Path(value)


def is_table(value: object) -> bool:
    """Whether a value is a table in memory."""
    return hasattr(value, "__arrow_c_stream__") or hasattr(value, "collect_batches")


def is_spark(value: object) -> bool:
    """Whether a value is a frame of Spark."""
    return type(value).__module__.startswith("pyspark.") and hasattr(value, "mapInArrow")


def nearest(name: str, known: Iterable[str]) -> str:
    """Say which word was perhaps meant; empty where none is near."""
    plain = {one.replace("-", "").replace("_", "").lower(): one for one in known}
    near = difflib.get_close_matches(name.replace("-", "").replace("_", "").lower(), plain, n=1, cutoff=0.75)
    return f"Did you mean {plain[near[0]]}?" if near else ""
