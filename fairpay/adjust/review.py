"""The review file as a person gives it back: CSV as Excel, LibreOffice or an editor saves it, or XLSX."""

from __future__ import annotations

import csv
import io
import re
import sys
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from fairpay.adjust.decisions import Decision
from fairpay.errors import InputError, Problem
from fairpay.logs.tables import bare

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fairpay.adjust.decisions import Action, Kind

__all__ = ["read_decisions"]

NEEDED = ("kind", "subject", "decision")
KNOWN = (*NEEDED, "group", "by", "note")
KINDS = ("user", "artist", "group")
WEIGHT = re.compile(r"weight\s*[:=]?\s*(\d{1,9}(?:[.,]\d{1,9})?\s*%?|\d{1,9}/\d{1,9})", re.IGNORECASE)
WORDS = "keep, hold, exclude, or weight with a number from 0 to 1 (weight 0.5)"
ADVICE = f"Write {WORDS} on every line; a line of a group's decision holds for members left blank."
FULL = 100


@dataclass(frozen=True, slots=True)
class ReviewLine:
    """One line of the file, as text."""

    row: int
    cells: dict[str, str]

    def __getitem__(self, name: str) -> str:
        """Return a cell; empty where the file has no such column."""
        return self.cells.get(name, "")


def read_decisions(path: Path) -> tuple[Decision, ...]:
    """Read decisions about users and artists; a group's decision goes to those of its members left blank.

    Raises:
        InputError: the file cannot be read, a column is missing, or lines are blank, unreadable or contradict another.

    """
    lines = list(read_lines(path))
    of_group = {line["subject"]: line for line in lines if line["kind"].lower() == "group" and line["decision"]}
    found: dict[tuple[str, str], Decision] = {}
    problems: dict[str, list[int]] = {}
    for line in lines:
        if line["kind"].lower() == "group":
            if reason := wrong_group(line, lines):
                problems.setdefault(reason, []).append(line.row)
            continue
        decision = decide(line, of_group.get(line["group"]))
        if isinstance(decision, str):
            problems.setdefault(decision, []).append(line.row)
            continue
        other = found.setdefault((decision.kind, decision.subject), decision)
        if (other.action, other.weight) != (decision.action, decision.weight):
            problems.setdefault("the same subject with another decision", []).append(line.row)
    if problems:
        refuse(path, problems)
    return tuple(found.values())


def decide(line: ReviewLine, group: ReviewLine | None) -> Decision | str:
    """Make the decision of one line; return what is wrong with it instead."""
    kind = line["kind"].lower()
    if kind not in KINDS:
        return f"kind is none of {', '.join(KINDS)}"
    if not line["subject"]:
        return "subject is empty"
    told = line if line["decision"] or group is None else group
    if not told["decision"]:
        return "decision is blank"
    read = read_deed(told["decision"])
    if read is None:
        return "decision is not understood"
    action, weight = read
    which: Kind = "artist" if kind == "artist" else "user"
    return Decision(which, line["subject"], action, weight, told["by"], told["note"], line.row)


def wrong_group(line: ReviewLine, lines: Sequence[ReviewLine]) -> str | None:
    """Say what is wrong with a group's line: it decides, or every member does."""
    if line["decision"]:
        return None if read_deed(line["decision"]) else "decision is not understood"
    members = [one for one in lines if one["group"] == line["subject"] and one["kind"].lower() == "user"]
    return None if members and all(one["decision"] for one in members) else "decision is blank"


def read_deed(text: str) -> tuple[Action, Fraction] | None:
    """Read `keep`, `hold`, `exclude` or `weight 0.5` (also 50%, 1/2, 0,5); None where it is none of these."""
    word = text.strip().lower()
    plain: dict[str, tuple[Action, Fraction]] = {
        "keep": ("keep", Fraction(1)),
        "hold": ("hold", Fraction(1)),
        "exclude": ("exclude", Fraction(0)),
    }
    if word in plain:
        return plain[word]
    written = WEIGHT.fullmatch(word)
    if not written:
        return None
    number = written[1].replace(",", ".").replace(" ", "")
    if number.endswith("/0") or re.search(r"/0+$", number):
        return None
    weight = Fraction(number.rstrip("%")) / (FULL if number.endswith("%") else 1)
    return ("weight", weight) if weight <= 1 else None


def read_lines(path: Path) -> Iterator[ReviewLine]:
    """Read every line that is not blank, its columns known by the header.

    Raises:
        InputError: the file cannot be read or lacks a column.

    """
    rows = read_rows(path)
    header = [cell.strip().lower() for cell in next(rows, [])]
    missing = [name for name in NEEDED if name not in header]
    if missing:
        message = f"{path.name}: no column {' or '.join(missing)}"
        raise InputError(message, advice="Give the review file that `fairpay suspects` wrote, filled in.")
    for row, cells in enumerate(rows, start=1):
        named = dict(zip(header, cells, strict=False))
        if any(cell.strip() for cell in cells):
            kept = {name: named.get(name, "") for name in KNOWN}
            yield ReviewLine(row, {name: cell if name == "subject" else cell.strip() for name, cell in kept.items()})


def read_rows(path: Path) -> Iterator[list[str]]:
    """Read a file's rows as text, whatever a spreadsheet made of it.

    Raises:
        InputError: it cannot be read.

    """
    try:
        data = path.read_bytes()
    except OSError as failure:
        message = f"{path.name}: cannot be read: {failure.strerror or failure}"
        raise InputError(message) from failure
    if data.startswith(b"PK\x03\x04"):
        from fairpay.logs.sheet import read_sheet  # noqa: PLC0415 - for workbooks only

        return iter(read_sheet(data, path.name))
    csv.field_size_limit(sys.maxsize)
    rows = csv.reader(io.StringIO(text_of(data, path.name), newline=""), delimiter=separator_of(data))
    return safely(rows, path.name)


def safely(rows: Iterator[list[str]], name: str) -> Iterator[list[str]]:
    """Yield the cells of a CSV file without the apostrophes that keep formulas text.

    Raises:
        InputError: a cell is too long, or the text is no CSV.

    """
    try:
        for cells in rows:
            yield [bare(cell) for cell in cells]
    except csv.Error as error:
        message = f"{name}: cannot be read: {error}"
        raise InputError(message, advice="Give the review file that `fairpay suspects` wrote, filled in.") from error


def text_of(data: bytes, name: str) -> str:
    """Decode a text file: UTF-8 or UTF-16, with or without a byte order mark.

    Raises:
        InputError: it is neither.

    """
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as failure:
        message = f"{name}: byte {failure.start} is not {encoding.removesuffix('-sig').upper()}"
        raise InputError(message, advice="Save it as 'CSV UTF-8'.") from failure


def separator_of(data: bytes) -> str:
    """Find the separator in the header line: the commonest of comma, semicolon and tab."""
    head = data.split(b"\n", 1)[0].replace(b"\0", b"")
    return max(",;\t", key=lambda mark: head.count(mark.encode()))


def refuse(path: Path, problems: dict[str, list[int]]) -> None:
    """Refuse the file, with every reason and the first row of each.

    Raises:
        InputError: always.

    """
    count = sum(len(rows) for rows in problems.values())
    listed = [Problem(len(rows), reason, f"first at row {rows[0]}") for reason, rows in problems.items()]
    message = f"{path.name}: {count} {'lines' if count > 1 else 'line'} cannot be used"
    raise InputError(message, problems=listed, advice=ADVICE)
