"""What is known of each file of a log, one by one: how it is laid out, what its columns hold, what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError
from fairpay.logs.cells import NUMBERS, Part, check_kinds
from fairpay.logs.faults import reading_of
from fairpay.logs.find import find_logs
from fairpay.logs.names import find_columns
from fairpay.logs.schema import ROLES
from fairpay.logs.source import open_file
from fairpay.money.amounts import read_amounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from fairpay.logs.files import LogFile
    from fairpay.logs.names import Columns
    from fairpay.logs.source import Source
    from fairpay.settings.values import Reading

__all__ = ["ColumnFound", "FileFound", "examine"]

DIGITS = {"seconds": 3, "ms": 0, "plays": 0, "track_ms": 0}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnFound:
    """One column that was taken for something."""

    name: str
    role: str
    kind: str
    """Its type in the file."""
    empty: int = 0
    """Rows without a value."""
    least: str = ""
    most: str = ""
    """Its range: of numbers and times by size, of text by its bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFound:
    """One file."""

    path: str
    format: str
    size: int
    encoding: str = ""
    separator: str = ""
    rows: int | None = None
    columns: tuple[ColumnFound, ...] = ()
    others: tuple[str, ...] = ()
    """Columns that are not read."""
    problem: str = ""
    """Why it cannot be read."""
    advice: str = ""


def examine(paths: Sequence[str], reading: Reading) -> list[FileFound]:
    """Look into every file; what cannot be read is said of that file, and the others are looked at all the same.

    Raises:
        InputError: no file is found.

    """
    return [looked_at(file, reading) for file in find_logs(paths, reading)[0]]


def looked_at(file: LogFile, reading: Reading) -> FileFound:
    found = FileFound(path=file.path, format=file.format, size=file.size)
    try:
        source = open_file(file, reading)
        text = file.format in {"csv", "json"}
        found = replace(
            found,
            encoding=(reading.encoding or "utf-8") if text else "",
            separator=source.separator,
            others=tuple(source.names),
            rows=source.rows,
        )
        if not source.fields:
            return found
        columns = find_columns([*source.names, *file.hive], reading, wanted=ROLES, where=file.path)
        roles = {role: name for role, name in columns.roles.items() if name in source.fields}
        check_kinds(source, columns)
        rows, held = read_through(source, columns, roles, reading)
        if file.format == "parquet" and not file.remote:
            check_pages(file, list(dict.fromkeys(roles.values())))
        others = tuple(name for name in source.names if name not in roles.values())
        return replace(found, rows=rows, columns=held, others=others)
    except InputError as error:
        return replace(found, problem=error.message, advice=error.advice or "")


def read_through(
    source: Source, columns: Columns, roles: dict[str, str], reading: Reading
) -> tuple[int, tuple[ColumnFound, ...]]:
    """Read the file once; return its rows, and what each column holds."""
    part = Part(source=source, columns=columns, reading=replace(reading, several_artists="joined"))
    ends: dict[str, list[Any]] = {role: [] for role in roles}
    empty = dict.fromkeys(roles, 0)
    rows = 0
    for frame in source.read(part.names):
        with reading_of(source.where):
            batch = part.batch(frame, first_row=1)
        rows += frame.height
        for role in roles:
            empty[role] += batch.columns[role].null_count
            values = values_of(batch.columns[role], role)
            ends[role] += [end for end in (values.min(), values.max()) if end is not None]
    ends |= {"user": []}  # who listens is nobody's to read here
    held = tuple(
        ColumnFound(
            name=name,
            role=role,
            kind=words_of(source.fields[name]),
            empty=empty[role],
            least=str(min(ends[role], default="")),
            most=str(max(ends[role], default="")),
        )
        for role, name in roles.items()
    )
    return rows, held


def values_of(column: pa.Array, role: str) -> pl.Series:
    """Return the values of a column: numbers by their exact value, those that are none left out."""
    values = pl.Series(column)
    if role not in NUMBERS or values.dtype != pl.String:
        return values
    amounts = read_amounts(column, role=role, digits=DIGITS[role])
    usable = pl.Series(amounts.value if amounts.how is None else amounts.value[amounts.how == 0])
    exact: pl.Series = usable.cast(pl.Decimal(38, 0)) / 10 ** DIGITS[role]
    return exact


def words_of(kind: pl.DataType) -> str:
    if isinstance(kind, pl.List):
        return "list"
    if kind.is_integer() or (isinstance(kind, pl.Decimal) and not kind.scale):
        return "whole number"
    if kind.is_numeric():
        return "number"
    return "time" if kind.is_temporal() else "text" if kind != pl.Null else "nothing"


def check_pages(file: LogFile, names: list[str]) -> None:
    """Hold the pages of a Parquet file against their checksums, where they have them, which Polars does not."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - only to look at checksums

    tops = list(dict.fromkeys(name.split(".", 1)[0] for name in names))
    with reading_of(file.path), pq.ParquetFile(file.local, page_checksum_verification=True) as source:
        chosen = [name for name in names if name in source.schema_arrow.names] or tops
        for _ in source.iter_batches(columns=chosen):
            pass
