"""Words of the command line that are what they have to be already, so that nothing need be loaded to read them.

Typer reads every value with Pydantic, which takes longer to load than the rest of the command line. Text that stands
for itself and choices written in full are as Typer would return them; everything else is left to Typer, and so is
every error.
"""

from __future__ import annotations

from typing import Any, Literal, get_args, get_origin

from typer.core import TyperCommand, TyperGroup

__all__ = ["PlainCommand", "PlainGroup"]


class PlainFirst:
    """Reads a parameter's values; it has the one method of Typer's own readers that Typer calls."""

    def __init__(self, descriptor: Any) -> None:  # noqa: ANN401 - Typer's description of a parameter
        """Remember what the parameter takes."""
        self.descriptor = descriptor

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:  # noqa: ANN401 - Typer's protocol
        """Return the value, read."""
        many = param.multiple or param.nargs == -1
        if value is None:
            return () if many else None
        kind = self.descriptor.annotation
        if many and kind == list[str] and isinstance(value, list | tuple) and all(map(is_plain, value)):
            return [*value]
        if not many and is_plain(value) and (kind is str or value in choices(kind)):
            return value
        from typer._coercion import build_runtime_param  # noqa: PLC0415 - it loads Pydantic

        return build_runtime_param(self.descriptor).coerce(value, param, ctx)


def choices(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - an annotation
    """Return the words of a `Literal`."""
    return get_args(kind) if get_origin(kind) is Literal else ()


def is_plain(value: object) -> bool:
    """Whether a value is text without bytes that were none."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


class PlainCommand(TyperCommand):
    """A command that takes plain values as they are."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - Typer's context
        """Return all parameters, `--help` among them, before values are read."""
        return [sparing(param) for param in super().get_params(ctx)]


class PlainGroup(TyperGroup):
    """The same for the program itself."""

    def get_params(self, ctx: Any) -> list[Any]:  # noqa: ANN401 - Typer's context
        """Return all parameters."""
        return [sparing(param) for param in super().get_params(ctx)]


def sparing(param: Any) -> Any:  # noqa: ANN401 - a parameter of Typer
    """Let a parameter take plain values as they are; where Typer is built differently, it reads them all."""
    descriptor = getattr(param, "type_descriptor", None)
    if descriptor is not None and getattr(param, "_runtime_param", descriptor) is None:
        param._runtime_param = PlainFirst(descriptor)  # noqa: SLF001 - Typer has no other door to it
    return param
