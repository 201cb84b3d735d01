"""The generated parts of `.github/REFERENCE.md`: `python tests/support/reference.py` writes them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import polars as pl

import fairpay
from fairpay.pipeline.partfile import SECTIONS
from fairpay.settings.commands import COMMANDS, Argument
from fairpay.settings.option import Option, options_of

PAGE = Path(__file__).parents[2] / ".github" / "REFERENCE.md"


def options() -> str:
    """Every command with its arguments, then every option once, with the commands that take it."""
    lines = ["| command | does |", "|---|---|"]
    for name, command in COMMANDS.items():
        named = [f"fairpay {name}", *map(word, command.arguments), *(["[OPTIONS]"] if command.declared else [])]
        lines.append(f"| `{' '.join(named)}` | {command.help.split(chr(10))[0]} |")
    taken: dict[tuple[str, ...], list[Option]] = {}
    every = [one for command in COMMANDS.values() for one in command.declared.values()]
    for one in dict.fromkeys(every):
        taken.setdefault(tuple(n for n, command in COMMANDS.items() if one in command.declared.values()), []).append(
            one
        )
    for names, rows in sorted(taken.items(), key=lambda part: -len(part[0])):
        heading = ", ".join(f"`{name}`" for name in names)
        lines += ["", f"### {heading}", "", "| option | in Python | means | default |", "|---|---|---|---|"]
        lines += [row(one, names) for one in rows]
    return "\n".join(lines) + "\n"


def word(argument: Argument) -> str:
    """Write an argument as in a line of usage."""
    plain = argument.metavar.strip("[]").removesuffix("...") + ("..." if argument.many else "")
    return plain if argument.required else f"[{plain}]"


def row(option: Option, commands: tuple[str, ...]) -> str:
    """Write one option."""
    python = any(option.name in options_of(COMMANDS[name].options) for name in commands)
    value = option.metavar or "\\|".join(option.choices) or ("N" if option.types == (int,) else "")
    flags = ", ".join(f"`{flag}`" for flag in (option.flag, option.short) if flag)
    shown = f"`{option.default}`" if option.default and option.default is not True else ""
    typed = f"{flags[:-1]} {value.replace('|', chr(92) + '|') if option.metavar else value}`".replace(" `", "`")
    keyword = f"`{option.name}{'=False' if option.negative else ''}`" if python else ""
    return f"| {typed} | {keyword} | {option.described} | {shown} |"


def summary() -> str:
    """Name every key of summary.json, in order."""
    plays = pl.DataFrame({"user": ["u", "v", "w"] * 9, "artist": ["A", "B", "C"] * 9, "plays": [1500, 2, 3] * 9})
    decided = pl.DataFrame({"kind": ["user"], "subject": ["w"], "decision": ["hold"], "by": ["Ann"]})
    found = fairpay.compare(plays, fee="9.99", decisions=decided, policy="deezer-artist-centric", measure="plays")
    return f"{keys(found.summary | {'warnings': WARNED})}\n"


WARNED = [{"code": "", "count": 0, "examples": [], "advice": ""}]
NAMES_OF_RULES = {"if_kept", "held"}


def keys(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Write the keys of an object, those of objects in it in braces, of lists in brackets."""
    inner = [f"{key} {{rule: amount}}" if key in NAMES_OF_RULES and isinstance(one, dict) else key + nested(one)
             for key, one in value.items()]  # fmt: skip
    return ", ".join(inner)


def nested(value: Any) -> str:  # noqa: ANN401 - any JSON
    """Write what lies within a value."""
    if isinstance(value, dict):
        return f" {{{keys(value)}}}" if value else ""
    return f" [{keys(value[0])}]" if isinstance(value, list) and value and isinstance(value[0], dict) else ""


def sections() -> str:
    """Say what the rows of a part's file hold."""
    rows = ["| section | a row is |", "|---|---|", *(f"| `{name}` | {said} |" for name, said in SECTIONS.items())]
    return "\n".join(rows) + "\n"


def written(page: str) -> str:
    """Return the page with its generated parts as the code says."""
    for mark, made in (("options", options()), ("summary", summary()), ("sections", sections())):
        block = f"<!-- {mark} -->\n{made}<!-- /{mark} -->"
        page = re.sub(rf"<!-- {mark} -->\n.*?<!-- /{mark} -->", lambda _, text=block: text, page, flags=re.DOTALL)  # type: ignore[misc] # bound now
    return page


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
