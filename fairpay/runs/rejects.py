"""The file of rows that were set aside."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from fairpay.errors import OutputError, UsageError
from fairpay.runs import disk

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


__all__ = ["check_rejects", "is_same", "write_rejects"]

BEGINS = ("file", "row", "reason")
"""The columns that every file of rejects begins with."""
PARQUET = (".parquet", ".pq")


def check_rejects(path: Path, inputs: Iterable[str | Path], *, output: Path | None = None) -> None:
    """Refuse a place for rejects whose file would be lost, or would spoil a finished run.

    Args:
        path: where rejects shall go.
        inputs: every file that is read.
        output: the directory that the run is written to, where there is one.

    Raises:
        UsageError: it is an input, also by a link; a directory; a file that holds no rejects; inside the output.

    """
    advice = "Choose another place with --rejects FILE; nothing was read or written."
    if os.path.isdir(path):  # noqa: PTH112 - no error where one may not look; writing will say so
        message = f"--rejects {path}: this is a directory"
        raise UsageError(message, advice=advice)
    if output is not None and is_within(path, output):
        message = f"--rejects {path} is inside {output}, which holds nothing but the run"
        raise UsageError(message, advice=advice)
    if any(is_same(path, one) for one in inputs):
        message = f"--rejects {path} names an input: it would be overwritten"
        raise UsageError(message, advice=advice)
    if os.path.isfile(path) and path.stat().st_size and not holds_rejects(path):  # noqa: PTH113 - the same
        message = f"--rejects {path}: a file is there that holds no rejects; it would be overwritten"
        raise UsageError(message, advice=advice)


def is_same(path: Path, other: str | Path) -> bool:
    """Whether two names mean one file, however they are written or linked."""
    with suppress(OSError, ValueError):
        return path.samefile(other)
    return os.path.realpath(path) == os.path.realpath(other)


def is_within(path: Path, directory: Path) -> bool:
    """Whether a file lies in a directory, or will."""
    inside, around = os.path.realpath(path), os.path.realpath(directory)
    return os.path.commonpath([inside, around]) == around


def holds_rejects(path: Path) -> bool:
    """Whether a file was written here, by the columns it begins with."""
    if path.suffix.lower() not in PARQUET:
        with path.open("rb") as file:
            return file.read(100).startswith(",".join(BEGINS).encode())
    try:
        return tuple(pq.read_schema(path).names[: len(BEGINS)]) == BEGINS
    except (OSError, pa.ArrowException):
        return False


def write_rejects(table: pa.Table, path: Path) -> None:
    """Write rejected rows as Parquet if `path` ends so, else as CSV: all of it, or nothing.

    Who may read it is for the umask to say, as for all outputs: it holds ids of users.

    Raises:
        OutputError: it cannot be written; a file that was there before is left alone.

    """
    frame = pl.DataFrame(table)
    try:
        with disk.replacing(path) as made, disk.open_new(made) as out:
            if path.suffix.lower() in PARQUET:
                frame.write_parquet(out)
            else:
                frame.write_csv(out)
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        message = f"{path}: the rejects could not be written: {error}"
        raise OutputError(
            message, advice="Nothing else was written. Choose another place with --rejects FILE."
        ) from error
