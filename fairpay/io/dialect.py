"""How a text file is laid out: separator, quotes, comment lines, header."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.errors import UsageError
from fairpay.io.columns import recognised, refuse_duplicates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.settings import Reading

__all__ = ["Dialect", "find_dialect"]

SEPARATORS = ("\t", ",", ";", "|", " ")
WORDS = {"\t": "tab", ",": "comma", ";": "semicolon", "|": "bar", " ": "space"}
ESCAPES = {"\\t": "\t", "tab": "\t", "space": " "}
COMMENTS = ("#", "+ACM-")
HEADER_LINES = 40
"""The header is looked for in this many lines."""
EVIDENCE_LINES = 100


@dataclass(frozen=True, slots=True)
class Dialect:
    """The layout of one text file."""

    separator: str
    quote: bool
    skip: int
    """Lines before the first row."""
    names: list[str]
    """Column names; positions from 1 where there is no header."""
    notes: tuple[str, ...]
    """What was found out rather than told, in words."""


def find_dialect(head: str, reading: Reading, where: str) -> Dialect:
    """Find out how a file is laid out from its beginning (whole lines).

    Raises:
        InputError: two columns have one name.
        UsageError: the separator is not one character.

    """
    lines = [line.rstrip("\r") for line in head.removeprefix("\ufeff").split("\n")]
    separators = SEPARATORS if reading.separator is None else (told_separator(reading.separator),)
    if reading.header:
        at, separator = find_header(lines, separators, reading)
        names = [cell.strip() for cell in fields(lines[at], separator, quote=reading.quote)] if at < len(lines) else []
        if all(name.startswith("#") for name in names):  # Rockbox writes its header as a comment
            names = [name.removeprefix("#") for name in names]
        refuse_duplicates(names, where)
        skip = at + 1
    else:
        skip = 0
        filled = [line for line in lines[:EVIDENCE_LINES] if line.strip()]
        separator = widest(filled[0] if filled else "", separators)
        most = max((len(fields(line, separator, quote=reading.quote)) for line in filled), default=0)
        names = [str(i + 1) for i in range(most)]
    notes = [] if reading.separator is not None or separator == "," else [f"{where}: separated by {WORDS[separator]}"]
    quote = reading.quote and (separator not in "\t " or quoted(lines[max(skip - 1, 0) :], separator))
    if reading.quote and not quote and any('"' in line for line in lines):
        notes.append(f'{where}: " is taken as part of the text, not as quoting')
    return Dialect(separator, quote, skip, names, tuple(notes))


def told_separator(text: str) -> str:
    """Take the separator as it was told."""
    separator = ESCAPES.get(text, text)
    if len(separator) != 1 or not separator.isascii():
        message = f"--separator takes one character, not {text!r}"
        raise UsageError(message, advice=r"For example --separator ';' or --separator '\t'.")
    return separator


def fields(line: str, separator: str, *, quote: bool) -> list[str]:
    """Split one line."""
    if not line:
        return []
    if not quote:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator))
    except (csv.Error, StopIteration):
        return line.split(separator)


def find_header(lines: Sequence[str], separators: Sequence[str], reading: Reading) -> tuple[int, str]:
    """Return the header's line and the separator: the first line with known names, else the first at all."""
    first = None
    for at, line in enumerate(lines[:HEADER_LINES]):
        if not line.strip():
            continue
        splits = [fields(line, separator, quote=reading.quote) for separator in separators]
        scored = [(recognised(cells, reading), len(cells), -rank) for rank, cells in enumerate(splits)]
        score, width, rank = max(scored)
        separator = "," if width == 1 and "," in separators else separators[-rank]
        if score >= min(2, width) and not is_prose(line, separator):
            return at, separator
        if first is None and not line.startswith(COMMENTS):
            first = at, widest(line, separators)
    return first or (0, separators[0])


def is_prose(line: str, separator: str) -> bool:
    """Whether a line split at spaces is a sentence that happens to have a known word in it."""
    return separator == " " and line.startswith(COMMENTS)


def widest(line: str, separators: Sequence[str]) -> str:
    """Return the separator that makes the most fields; a space only where nothing else makes two."""
    counts = [len(line.split(separator)) if separator != " " else 1 for separator in separators]
    if max(counts) == 1 and " " in separators and " " in line.strip():
        return " "
    return separators[counts.index(max(counts))]


def quoted(lines: Sequence[str], separator: str) -> bool:
    """Whether `"` quotes in a file separated by tabs or spaces.

    It does if every field of the first line is quoted, or else if every field that begins with it is well quoted.
    """
    if all(well_quoted(cell) for cell in lines[0].split(separator)):
        return True
    starting = [cell for line in lines for cell in line.split(separator) if cell.startswith('"')]
    return bool(starting) and all(well_quoted(cell) for cell in starting)


def well_quoted(cell: str) -> bool:
    """Whether a field is quoted from end to end, with inner quotes doubled."""
    return len(cell) > 1 and cell.endswith('"') and '"' not in cell[1:-1].replace('""', "")
