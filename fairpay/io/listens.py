"""Logs in whatever form, as units of work that give rows: RawBatch after RawBatch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairpay.errors import InputError, UsageError
from fairpay.io.columns import check_roles
from fairpay.io.files import Asked, Unit, columns_of, open_file, plan, to_batches
from fairpay.io.frames import open_frame
from fairpay.io.sources import LogFile, find_logs
from fairpay.io.table import Origin

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from fairpay.io.columns import Columns
    from fairpay.settings import Reading

__all__ = ["Logs", "Unit", "open_logs"]


@dataclass(frozen=True, slots=True)
class Logs:
    """Logs whose columns are known; no row has been read yet."""

    columns: dict[str, str]
    """role -> column name, as in the first file."""
    detected: bool
    """Whether any column was found by its name rather than named by the user."""
    files: list[str]
    """Every file, in order; none for tables in memory."""
    bytes: int
    """Bytes on disk, or in memory."""
    notes: list[str]
    """What was found out about the first file, in sentences."""
    make_units: Callable[[int | None, int], list[Unit]]
    """Cuts the logs into units, for a number of rows per batch and of threads."""
    sources: tuple[LogFile, ...] = ()
    """Every file with what its place says of it; none for tables in memory."""

    def units(self, batch_rows: int | None = None, threads: int | None = None) -> list[Unit]:
        """Cut the logs into independent units, each to be called once, on any thread."""
        return self.make_units(batch_rows, threads or os.cpu_count() or 1)


def open_logs(
    logs: object,
    reading: Reading,
    *,
    wanted: Collection[str],
    period: tuple[int | None, int | None] = (None, None),
) -> Logs:
    """Find the files and the columns of logs.

    Args:
        logs: a path, several, a pattern, a directory, an address, a Polars frame, or anything that exports Arrow.
        reading: how to read.
        wanted: roles to read beside user and artist, where the log has them.
        period: microseconds since 1970, first and one after the last; only used to pass over row groups outside it.

    Raises:
        InputError: a log cannot be read, or has no user or artist.
        UsageError: `reading` contradicts itself, or `logs` is nothing that can be read.

    """
    check_roles(reading)
    asked = Asked.of(reading, wanted, period)
    paths = as_paths(logs)
    return of_table(logs, asked) if paths is None else of_files(paths, asked)


def as_paths(logs: object) -> list[str] | None:
    """Return the paths meant; None for a table."""
    if isinstance(logs, (str, os.PathLike)):
        return [os.fspath(logs)]
    is_table = hasattr(logs, "__arrow_c_stream__") or hasattr(logs, "collect_batches")
    if is_table or isinstance(logs, Mapping) or not isinstance(logs, Iterable):
        return None
    paths = list(logs)
    if not paths or not all(isinstance(path, (str, os.PathLike)) for path in paths):
        message = "no log was given" if not paths else "logs are given as paths, or as one table"
        raise UsageError(message)
    return [str(os.fspath(path)) for path in paths]


def of_files(paths: list[str], asked: Asked) -> Logs:
    """Open log files."""
    files = find_logs(paths, asked.reading)
    filled = [file for file in files if file.size or file.remote or file.format == "parquet"]
    if not filled:
        message = f"{files[0].path}: the file is empty"
        raise InputError(message, advice="Is it the right file?")
    first = open_file(filled[0], asked.reading)
    columns = columns_of(first, filled[0], asked)
    return Logs(
        dict(columns.roles),
        columns.detected,
        [file.path for file in files],
        sum(file.size for file in files),
        [*getattr(first, "notes", ()), *columns_notes(columns, asked.reading)],
        lambda batch_rows, threads: plan(filled, asked, columns, batch_rows=batch_rows, threads=threads),
        tuple(files),
    )


def of_table(table: object, asked: Asked) -> Logs:
    """Open a table in memory."""
    if asked.reading.user_from_file:
        message = "a table has no file name to take the user from"
        raise UsageError(message)
    log = open_frame(table)
    columns = columns_of(log, LogFile(log.where, "parquet", None, log.size), asked)
    origin = Origin(log.where, {})

    def units(batch_rows: int | None, _: int) -> list[Unit]:
        return [Unit(lambda: to_batches(log.read(columns.names, batch_rows), columns, origin), log.size)]

    return Logs(dict(columns.roles), columns.detected, [], log.size, columns_notes(columns, asked.reading), units)


def columns_notes(columns: Columns, reading: Reading) -> list[str]:
    """Say what cannot be seen from the columns: the user from the file's name, and which rows are plays."""
    user = ["The user is the name of the file"] if reading.user_from_file else []
    return [
        *user,
        *(f"Only rows whose {name} is {' or '.join(sorted(words))} are plays" for name, words in columns.played),
    ]
