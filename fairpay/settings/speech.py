"""How options are called: messages are written with flags (`--force`), and said in Python's words (`force=True`)."""

from __future__ import annotations

import functools
import re
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from fairpay.errors import FairpayError
from fairpay.settings.commands import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fairpay.settings.option import Option

__all__ = ["FLAGS", "in_python", "job"]

P = ParamSpec("P")
R = TypeVar("R")

FLAGS: ContextVar[bool] = ContextVar("FLAGS", default=False)
"""Whether the command line speaks, and options are called by their flags."""

FLAG = re.compile(r"(?<![\w-])(--[a-z][a-z-]*[a-z]|-o\b)(?:([ =])([^\s`]+))?")
VALUE = re.compile(r"[A-Z][A-Z|_]*|\d[\w.%/:-]*|[a-z]+-?\d[\w-]*|'[^']*'")
"""A word behind a flag that is its value: FILE, 70%, latin-1, ';'."""
PAIR = re.compile(r"[a-z]+=[^,\s]+(?:,[a-z]+=[^,\s]+)*")
"""`user=1,artist=2`."""
COMMAND = re.compile(rf"`fairpay ({'|'.join(name for name in COMMANDS if name not in {'rules', 'warm'})})`")
"""Commands that are functions too."""


@functools.cache
def by_flag() -> Mapping[str, Option]:
    """Return the options of Python's functions by flag."""
    options = [one for command in COMMANDS.values() for one in command.declared.values()]
    return {flag: one for one in reversed(options) for flag in (one.flag, one.short) if flag}


def in_python(text: str) -> str:
    """Name options as keywords: `Give --subscribers FILE` is `Give subscribers=FILE`."""
    return COMMAND.sub(r"`fairpay.\1`", FLAG.sub(keyword, text))


def keyword(found: re.Match[str]) -> str:
    """Say one flag, with its value where one follows, as a keyword."""
    option = by_flag().get(found[1])
    if option is None:
        return found[0]
    rest = "".join(found.groups(default="")[1:])
    if bool in option.types:
        return f"{option.name}={not option.negative}{rest}"
    word = found[3] or ""
    value = word.rstrip(".,;:")
    after = word[len(value) :]
    if option.name == "columns" and PAIR.fullmatch(value):
        pairs = (pair.split("=", 1) for pair in value.split(","))
        return f"columns={{{', '.join(f'{role!r}: {column!r}' for role, column in pairs)}}}{after}".replace("'", '"')
    if option.choices and value in option.choices:
        return f'{option.name}="{value}"{after}'
    if value and VALUE.fullmatch(value):
        said = value if value.isupper() or "|" in value or option.types == (int,) else f'"{value.strip(chr(39))}"'
        return f"{option.name}={said}{after}"
    return option.name + rest


def job(work: Callable[P, R]) -> Callable[P, R]:
    """Let a function that Python users call speak Python, unless the command line speaks."""

    @functools.wraps(work)
    def called(*arguments: P.args, **options: P.kwargs) -> R:
        if FLAGS.get():
            return work(*arguments, **options)
        say: Any = options.get("say")
        if callable(say):
            options["say"] = lambda sentence: say(in_python(sentence))
        try:
            return work(*arguments, **options)
        except FairpayError as problem:
            speak_python(problem)
            raise

    return called


def speak_python(problem: FairpayError) -> None:
    """Put an error into Python's words; what is wrong in detail and what to do are shown below it in a traceback."""
    problem.message, problem.advice = in_python(problem.message), in_python(problem.advice)
    problem.args = (problem.message,)
    for one in problem.problems:
        problem.add_note(f"  {one.count:,}  {one.reason}  {one.where}".rstrip())
    if problem.advice:
        problem.add_note(problem.advice)
