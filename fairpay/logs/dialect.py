"""How a text file is laid out: separator, quotes, comment lines, header."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.errors import InputError, UsageError
from fairpay.logs.names import recognised, refuse_duplicates

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO

    from fairpay.settings.values import Reading

__all__ = ["UNQUOTED", "Dialect", "find_dialect", "is_well_quoted"]

SEPARATORS = ("\t", ",", ";", "|", "\x01", " ")
WORDS = {
    "\t": "tab",
    ",": "comma",
    ";": "semicolon",
    "|": "bar",
    " ": "space",
    "\x01": "the character 1, as Hive writes it",
}
ESCAPES = {"\\t": "\t", "tab": "\t", "space": " ", "\\x01": "\x01", "\\001": "\x01"}
UNQUOTED = "\t \x01"
"""Between these, quotes are mostly letters: whether they quote is looked for in the whole file."""
COMMENTS = ("#", "+ACM-")
HEADER_LINES = 40
"""The header is looked for in this many lines."""
EVIDENCE_LINES = 100
SAID = re.compile(r"\"?sep=(.)\"?", re.IGNORECASE)


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
    spaced: bool = False
    """Whether a space follows each separator, before the quote of a quoted field."""
    above: int = 0
    """Lines above the header that are no rows: a title, a comment."""


def find_dialect(head: str, reading: Reading, where: str) -> Dialect:
    """Find out how a file is laid out from its beginning (whole lines).

    Raises:
        InputError: two columns have one name.
        UsageError: the separator is not one character.

    """
    lines = [line.rstrip("\r") for line in head.removeprefix("\ufeff").split("\n")]
    said = SAID.fullmatch(lines[0])  # Excel: `sep=;`
    first = 1 if said else 0
    separators = SEPARATORS if reading.separator is None else (told_separator(reading.separator),)
    if said and reading.separator is None:
        separators = (said[1],)
    above, spaced = 0, False
    if reading.header:
        at, separator = find_header(lines, separators, reading, first)
        line = lines[at] if at < len(lines) else ""
        spaced = is_spaced(line, separator) and reading.quote
        names = [cell.strip() for cell in fields(line, separator, quote=reading.quote, spaced=spaced)]
        if all(name.startswith("#") for name in names):  # Rockbox writes its header as a comment
            names = [name.removeprefix("#") for name in names]
        refuse_duplicates(names, where)
        lines_above = [line for line in lines[first:at] if line.strip() and not line.startswith(COMMENTS)]
        above = len(lines_above)
        rows = sum(is_like_row(fields(line, separator, quote=reading.quote), len(names)) for line in lines_above)
        if rows:
            message = f"{where}: {rows} lines above the header, which is line {at + 1}, look like rows"
            raise InputError(message, advice="If the file was sorted, move the header to its first line.")
        skip = at + 1
    else:
        skip = first
        filled = [line for line in lines[first:EVIDENCE_LINES] if line.strip()]
        separator = widest(filled[0] if filled else "", separators)
        most = max((len(fields(line, separator, quote=reading.quote)) for line in filled), default=0)
        names = [str(i + 1) for i in range(most)]
    notes = [] if reading.separator is not None or separator == "," else [f"{where}: separated by {WORDS[separator]}"]
    if above:
        notes.append(f"{where}: {above} lines above the header are no rows")
    return Dialect(separator, reading.quote, skip, names, tuple(notes), spaced, above)


def is_like_row(cells: Sequence[str], width: int) -> bool:
    filled = sum(bool(cell.strip()) for cell in cells)
    return len(cells) == width and filled > 1 and 2 * filled > width


def is_spaced(line: str, separator: str) -> bool:
    """Whether a space follows every separator of a header line, as some programs write it."""
    cells = line.split(separator)
    return separator not in UNQUOTED and len(cells) > 1 and all(cell.startswith(" ") for cell in cells[1:])


def told_separator(text: str) -> str:
    separator = ESCAPES.get(text, text)
    if len(separator) != 1 or not separator.isascii():
        message = f"--separator takes one character, not {text!r}"
        raise UsageError(message, advice=r"For example --separator ';' or --separator '\t'.")
    return separator


def fields(line: str, separator: str, *, quote: bool, spaced: bool = False) -> list[str]:
    if not line:
        return []
    if not quote:
        return line.split(separator)
    try:
        return next(csv.reader([line], delimiter=separator, skipinitialspace=spaced))
    except (csv.Error, StopIteration):
        return line.split(separator)


def find_header(lines: Sequence[str], separators: Sequence[str], reading: Reading, start: int = 0) -> tuple[int, str]:
    """Return the header's line and the separator: the first line with known names, else the first at all."""
    first = None
    for at, line in enumerate(lines[:HEADER_LINES]):
        if at < start or not line.strip():
            continue
        splits = [fields(line, separator, quote=reading.quote) for separator in separators]
        score, width, rank = max((recognised(cells, reading), len(cells), -rank) for rank, cells in enumerate(splits))
        separator = "," if width == 1 and "," in separators else separators[-rank]
        prose = separator == " " and line.startswith(COMMENTS)  # with a known word in it by chance
        if score >= min(2, width) and not prose:
            return at, separator
        if first is None and not line.startswith(COMMENTS):
            first = at, widest(line, separators)
    return first or (start, separators[0])


def widest(line: str, separators: Sequence[str]) -> str:
    """Return the separator that makes the most fields; a space only where nothing else makes two."""
    counts = [len(line.split(separator)) if separator != " " else 1 for separator in separators]
    if max(counts) == 1 and " " in separators and " " in line.strip():
        return " "
    return separators[counts.index(max(counts))]


def is_well_quoted(stream: IO[bytes], separator: str) -> bool:
    """Whether a whole file can be read with `"` as quotes, into rows as long as the first that has several fields."""
    csv.field_size_limit(1 << 30)
    with stream:
        text = io.TextIOWrapper(stream, encoding="utf-8-sig", newline="")
        try:
            widths = {len(cells) for cells in csv.reader(text, delimiter=separator, strict=True) if len(cells) > 1}
        except (csv.Error, UnicodeDecodeError):
            return False
    return len(widths) == 1
