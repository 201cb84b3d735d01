"""Tables of Delta Lake and Iceberg: what their newest version holds, read by Polars through their own libraries."""

from __future__ import annotations

import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import InputError
from fairpay.logs.disk import table_in
from fairpay.logs.faults import DAMAGED, reading_of, short
from fairpay.logs.files import WEB, table_among
from fairpay.logs.outages import guarded, outages_at
from fairpay.logs.source import Scan, Source, fields_of
from fairpay.logs.stores import Bucket, iceberg_options, polars_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.logs.files import LogFile

__all__ = ["open_lake", "refuse_parts"]

LIBRARIES = {"delta": ("deltalake", "Delta Lake"), "iceberg": ("pyiceberg", "Iceberg")}
NUMBER = re.compile(r"v?(\d+)(?:-.*)?(?:\.gz)?\.metadata\.json")


def refuse_parts(files: Sequence[LogFile]) -> None:
    """Refuse files that are parts of a table: alone they may hold rows that are deleted, or lack some.

    Raises:
        InputError: naming the table.

    """
    seen: dict[str, bool] = {}
    for file in files:
        if file.format != "parquet" or file.local != file.path:
            continue
        folder, _, _ = file.path.rpartition("/")
        while "=" in folder.rpartition("/")[2]:
            folder = folder.rpartition("/")[0]
        outer, _, name = folder.rpartition("/")
        for table in (folder, outer) if name == "data" else (folder,):
            if table not in seen:
                seen[table] = is_table(table or ".", remote=file.remote)
            if seen[table]:
                message = f"{file.path}: this file is part of the table {table}, and may hold rows that were deleted"
                raise InputError(message, advice=f"Give the table: {table}")


def is_table(folder: str, *, remote: bool) -> bool:
    """Whether a folder, which may be far away, is a table."""
    if not remote:
        return table_in(folder) is not None
    if folder.endswith(":/") or folder.startswith(WEB):
        return False
    try:
        names = [
            f"{inner}/{entry.name}"
            for inner in ("_delta_log", "metadata")
            for entry in Bucket.of(folder).within(f"{folder}/{inner}", deep=False)
        ]
    except InputError:
        return False  # who may read an object may not always list
    return table_among(names) is not None


def open_lake(file: LogFile) -> Source:
    """Read the newest version of a table.

    Raises:
        InputError: its library is not installed, or it cannot be read.

    """
    library, name = LIBRARIES[file.format]
    if find_spec(library) is None:
        message = f"{file.path}: tables of {name} need the library {library}"
        raise InputError(message, advice="Install it: pip install 'fairpay[lake]'.")
    try:
        with reading_of(file.path), outages_at(file.path, scanning=True):
            options = polars_options(file.path) if file.remote else {}
            lazy = pl.scan_delta(file.local, **options) if file.format == "delta" else iceberg(file)
            fields = fields_of(lazy.collect_schema())
            rows = int(lazy.select(pl.len()).collect().item())
    except (InputError, MemoryError):
        raise
    except Exception as error:
        message = f"{file.path}: the table cannot be read: {short(str(error))}"
        raise InputError(message, advice=DAMAGED) from error
    return Source(where=file.path, fields=fields, frames=guarded(Scan(lazy, fields), file.path), rows=rows)


def iceberg(file: LogFile) -> pl.LazyFrame:
    """Let Polars read a table of Iceberg, by its newest metadata."""
    os.environ.setdefault("POLARS_ICEBERG_PLANNER", "pyiceberg")  # Polars advises another package otherwise
    path = file.local if file.local.endswith(".json") else newest(file)
    return pl.scan_iceberg(path, storage_options=iceberg_options(path) if file.remote else None)


def newest(file: LogFile) -> str:
    """Return the metadata file of a table's newest version.

    Raises:
        InputError: there are several of the same number, as after a failed commit: only a catalog knows which counts.

    """
    names = names_in(f"{file.local.rstrip('/')}/metadata", remote=file.remote)
    numbered = sorted((int(found[1]), name) for name in names if (found := NUMBER.fullmatch(name.rpartition("/")[2])))
    if not numbered:
        message = f"{file.path}: this table of Iceberg has no metadata whose name begins with a number"
        raise InputError(message, advice="Give the metadata file itself: TABLE/metadata/NAME.metadata.json.")
    last = [name for number, name in numbered if number == numbered[-1][0]]
    if len(last) > 1:
        message = f"{file.path}: {len(last)} versions of this table have the number {numbered[-1][0]}"
        raise InputError(message, advice=f"Give the one that counts, such as {last[0]}.")
    return last[0]


def names_in(folder: str, *, remote: bool) -> list[str]:
    """List a folder."""
    if remote:
        return [entry.address for entry in Bucket.of(folder).within(folder, deep=False)]
    return [str(path) for path in Path(folder).iterdir()]
