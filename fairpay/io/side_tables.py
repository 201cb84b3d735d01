"""Tables beside the logs (subscribers, artists), read with the same care for ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairpay.errors import InputError
from fairpay.io.files import open_file
from fairpay.io.known import normal
from fairpay.io.parquet import ParquetLog
from fairpay.io.sources import log_file
from fairpay.io.table import plain
from fairpay.io.text import TextLog
from fairpay.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

    from fairpay.io.files import Log
    from fairpay.io.table import Rows

__all__ = ["column_for", "open_table", "read_columns"]


def open_table(path: Path, *, header: bool = True) -> Log:
    """Look into a CSV, TSV or Parquet file.

    Raises:
        InputError: it cannot be read, or is neither.

    """
    file = log_file(str(path), Reading())
    if file.format == "json" or file.remote:
        message = f"{path}: this table is read from a CSV or Parquet file on this machine"
        raise InputError(message)
    if file.size == 0:
        message = f"{path}: the file is empty"
        raise InputError(message, advice="Is it the right file?")
    return open_file(file, Reading(header=header))


def column_for(names: Sequence[str], known: Sequence[str], *, what: str, where: Path) -> str:
    """Find the first known name among the columns.

    Raises:
        InputError: none is there; with what was looked for and found.

    """
    by_normal = {normal(name): name for name in reversed(names)}
    match = next((by_normal[normal(name)] for name in known if normal(name) in by_normal), None)
    if match is None:
        found = ", ".join(names) or "none"
        message = f"{where}: no column for the {what}: looked for {', '.join(known)}; the columns are {found}"
        raise InputError(message, advice="Rename the column in its header line.")
    return match


def read_columns(log: Log, names: Sequence[str]) -> Iterator[tuple[Rows, dict[str, pa.Array]]]:
    """Read columns in batches; types are those of the contract of RawBatch."""
    if isinstance(log, ParquetLog):
        parts = log.read(names, None, groups=range(log.metadata.num_row_groups))
    elif isinstance(log, TextLog):
        parts = log.read(names, None)
    else:
        message = "this table is read from a CSV or Parquet file"
        raise InputError(message)
    for rows in parts:
        if rows.rows:
            yield rows, {name: plain(rows.columns[name]) for name in names}
