"""The review file as a person gives it back: CSV as Excel, LibreOffice or an editor saves it, or XLSX."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import pyarrow as pa

from fairpay.adjust.decisions import Decision
from fairpay.errors import InputError
from fairpay.logs.faults import Faults
from fairpay.logs.tables import bare, open_table, read_columns

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
    faults = Faults(path.name)
    for line in lines:
        if line["kind"].lower() == "group":
            if reason := wrong_group(line, lines):
                faults.add(reason, line.row)
            continue
        decision = decide(line, of_group.get(line["group"]))
        if isinstance(decision, str):
            faults.add(decision, line.row)
            continue
        other = found.setdefault((decision.kind, decision.subject), decision)
        if (other.action, other.weight) != (decision.action, decision.weight):
            faults.add("the same subject with another decision", line.row)
    faults.stop(ADVICE, f"{{}} {'lines' if faults.count > 1 else 'line'} cannot be used")
    return tuple(found.values())


def decide(line: ReviewLine, group: ReviewLine | None) -> Decision | str:
    """Make the decision of one line; return what is wrong with it instead."""
    kind = line["kind"].lower()
    if kind not in KINDS:
        return f"kind is none of {', '.join(KINDS)}"
    if not line["subject"]:
        return "subject is empty"
    deciding = line if line["decision"] or group is None else group
    if not deciding["decision"]:
        return "decision is blank"
    read = read_action(deciding["decision"])
    if read is None:
        return "decision is not understood"
    action, weight = read
    which: Kind = "artist" if kind == "artist" else "user"
    return Decision(which, line["subject"], action, weight, deciding["by"], deciding["note"], line.row)


def wrong_group(line: ReviewLine, lines: Sequence[ReviewLine]) -> str | None:
    """Say what is wrong with a group's line: it decides, or every member does."""
    if line["decision"]:
        return None if read_action(line["decision"]) else "decision is not understood"
    members = [one for one in lines if one["group"] == line["subject"] and one["kind"].lower() == "user"]
    return None if members and all(one["decision"] for one in members) else "decision is blank"


def read_action(text: str) -> tuple[Action, Fraction] | None:
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
    table = open_table(path, known=KNOWN)
    names = {name.strip().lower(): name for name in table.names}
    missing = [name for name in NEEDED if name not in names]
    if missing:
        message = f"{path.name}: no column {' or '.join(missing)}"
        raise InputError(message, advice="Give the review file that `fairpay suspects` wrote, filled in.")
    for numbers, _, columns in read_columns(table, table.names):
        texts = [column.cast(pa.large_string()).fill_null("").to_pylist() for column in columns.values()]
        for row, *cells in zip(numbers.tolist(), *texts, strict=True):
            if any(cell.strip() for cell in cells):
                line = dict(zip(columns, map(bare, cells), strict=True))
                kept = {name: line[names[name]] for name in KNOWN if name in names}
                yield ReviewLine(
                    row, {name: cell if name == "subject" else cell.strip() for name, cell in kept.items()}
                )
