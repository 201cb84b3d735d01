"""Small tables that say how to pay, read as text, every fault listed at once; and the file a month begins with."""

from __future__ import annotations

import csv
import json
import tomllib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from fairpay.errors import FairpayError, InputError, OutputError
from fairpay.runs.disk import open_new
from fairpay.settings.speech import job

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fairpay.logs.faults import Faults

__all__ = ["IDS", "Line", "init", "noted", "payee_lines", "read_table"]

IDS = frozenset({"user", "artist", "track", "payee", "wrong", "right"})
"""Columns compared with what logs hold, where ids are text: no character of theirs is taken off."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a table."""

    number: int
    """From 1, without the header."""
    values: Mapping[str, str]
    """column -> text; empty where nothing stands. Ids keep the space around them, as in logs; all else has none."""


@contextmanager
def noted(faults: Faults, line: Line) -> Iterator[None]:
    """Note why a line is refused, and go on with the next one."""
    try:
        yield
    except FairpayError as error:
        faults.add(error.message, line.number)


def payee_lines(
    path: Path, faults: Faults, *, names: Mapping[str, Sequence[str]], needed: Sequence[str]
) -> Iterator[Line]:
    """Yield the lines of a table of payees, and note those whose payee is empty or stood there before."""
    seen: set[str] = set()
    for line in read_table(path, names=names, needed=needed):
        payee = line.values["payee"]
        if not payee or payee in seen:
            faults.add("a payee stands twice" if payee else "the payee is empty", line.number)
        seen.add(payee)
        yield line


def read_table(
    path: Path, *, names: Mapping[str, Sequence[str]], needed: Iterable[str], bare: Sequence[str] = ()
) -> list[Line]:
    """Read a table by its extension (.csv, .tsv, .parquet, .toml).

    Args:
        path: the file; in TOML one array of tables, whatever its name.
        names: column -> the names it may have in the file; columns not named here are kept under their own names.
        needed: columns that must be there.
        bare: what the columns are where the file has just these and no header.

    Raises:
        InputError: the file cannot be read, or lacks a column.

    """
    try:
        header, records = READERS.get(path.suffix.lower(), from_csv)(path)
    except (OSError, ValueError, csv.Error) as error:
        message = f"{path.name} cannot be read: {str(error).splitlines()[0]}"
        raise InputError(message, advice="Give a CSV, TSV, Parquet or TOML file.") from None
    known = {alias.lower(): column for column, aliases in names.items() for alias in (column, *aliases)}
    columns = [known.get(name.strip().lower(), name.strip().lower()) for name in header]
    needed = tuple(needed)
    if bare and len(header) == len(bare) and not set(columns) & set(needed):
        columns, records = list(bare), [header, *records]
    missing = [column for column in needed if column not in columns]
    if not header:
        message = f"{path.name}: the file is empty"
        raise InputError(message, advice="Is it the right file?")
    if missing:
        message = f"{path.name} has no column {' and no column '.join(missing)}"
        raise InputError(message, advice=f"Its columns: {', '.join(header)}.")
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        message = f"{path.name} has more than one column for {', '.join(twice)}"
        raise InputError(message, advice="Keep one of them.")
    return [
        Line(n, {c: cell if c in IDS else cell.strip() for c, cell in zip(columns, record, strict=True)})
        for n, record in enumerate(records, 1)
    ]


def from_csv(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read text with a header line, divided by commas or tabs; a line of another length is refused.

    A space behind every comma of the header is part of how the file is written, and of no cell.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        file.seek(0)
        tabs = path.suffix.lower() == ".tsv" or ("\t" in first and "," not in first)
        mark = "\t" if tabs else ","
        spaced = f"{mark} " in first and first.count(mark) == first.count(f"{mark} ")
        reader = csv.reader(file, delimiter=mark, strict=True, skipinitialspace=spaced)
        header = next(reader, [])
        records = [record for record in reader if record]
    for number, record in enumerate(records, 1):
        if len(record) != len(header):
            message = f"row {number} has {len(record)} cells, the header {len(header)}"
            raise ValueError(message)
    return header, records


def from_parquet(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read text, integers, decimals and dates; floats are refused, for they are not exact."""
    table = pq.read_table(path, partitioning=None)
    for column in table.schema:
        if pa.types.is_floating(column.type):
            message = f"column {column.name} is {column.type}, which is not exact; store text or decimal"
            raise ValueError(message)
    return list(table.column_names), [[text_of(v) for v in record.values()] for record in table.to_pylist()]


def from_toml(path: Path) -> tuple[list[str], list[list[str]]]:
    """Read the one array of tables; numbers keep the digits they were written with."""
    with path.open("rb") as file:
        data = tomllib.load(file, parse_float=str)
    lists = [v for v in data.values() if isinstance(v, list) and all(isinstance(x, dict) for x in v)]
    if len(lists) != 1:
        message = "it must hold one array of tables, such as [[pool]]"
        raise ValueError(message)
    header = sorted({key for record in lists[0] for key in record})
    return header, [[text_of(record.get(key)) for key in header] for record in lists[0]]


def text_of(value: Any) -> str:  # noqa: ANN401 - whatever a Parquet or TOML cell holds
    """Write a cell as text; a list of deductions is joined as in a CSV cell, a table becomes JSON."""
    if value is None:
        return ""
    if isinstance(value, list):
        return "; ".join(text_of(part) for part in value)
    if isinstance(value, dict):
        return json.dumps(value, sort_keys=True, default=str)
    return format(value, "f") if isinstance(value, Decimal) else str(value)


READERS = {".parquet": from_parquet, ".pq": from_parquet, ".toml": from_toml}


EXAMPLES = {
    "plays.csv": """\
user,artist,country,plan,plays
ann,Quiet Harbour,DE,premium,30
ann,Glass Radio,DE,premium,10
ben,Glass Radio,DE,premium,20
eve,Quiet Harbour,US,premium,12
""",
    "pools.csv": """\
pool,territory,offering,currency,gross,deductions,royalty_rate
de-premium,DE,premium,EUR,119.00,VAT 19% included,70%
us-premium,US,premium,USD,50.00,,70%
""",
}
"""Files that the month of `init` is closed from, to be replaced by one's own."""


@job
def init(file: str | Path = "month.toml") -> Path:
    """Write the commented file that `fairpay close --config` closes a month from, and return its path.

    The plays and pools that it names are written beside it, small ones to try it with, where there are none yet.

    Raises:
        OutputError: something is there already, or it cannot be written.

    """
    place = Path(file).parent
    text = files("fairpay.ledger").joinpath("month.toml").read_text(encoding="utf-8")
    for name in ("books", *EXAMPLES):
        text = text.replace(f'"{name}"', json.dumps((place / name).as_posix(), ensure_ascii=False))
    try:
        with open_new(Path(file)) as out:
            out.write(text.encode())
        for name, example in EXAMPLES.items():
            with suppress(FileExistsError), open_new(place / name) as out:
                out.write(example.encode())
    except FileExistsError:
        message = f"{file} is there already"
        raise OutputError(message, advice="Nothing was touched. Give another name.") from None
    except OSError as problem:
        message = f"{file} could not be written: {problem.strerror}"
        raise OutputError(message) from problem
    return Path(file)
