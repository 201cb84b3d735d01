"""Logs that are not files on this machine, and tables of lakes: read by Polars, each fault one sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from fairpay.errors import InputError
from fairpay.logs.dialect import told_separator
from fairpay.logs.faults import reading_of
from fairpay.logs.find import LogFile, hive_keys, log_file
from fairpay.logs.open import parquet_source
from fairpay.logs.source import Source, of_lazy

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Literal

    from fairpay.settings import Reading

__all__ = ["expand_remote", "open_remote", "table_in"]


def table_in(path: str) -> Literal["delta", "iceberg"] | None:
    """Tell a folder that is a table of Delta Lake or Iceberg."""
    from pathlib import Path  # noqa: PLC0415 - only here

    if Path(path, "_delta_log").is_dir():
        return "delta"
    return "iceberg" if any(Path(path, "metadata").glob("*.metadata.json")) else None


def expand_remote(path: str, reading: Reading) -> Iterable[LogFile]:
    """Find the files an address stands for."""
    return [log_file(path, reading, hive_keys(path))]


def open_remote(file: LogFile, reading: Reading) -> Source:
    """Let Polars read a file that is not on this machine.

    Raises:
        InputError: it cannot be read, or its format cannot be read from afar.

    """
    with reading_of(file.path):
        if file.format == "parquet":
            return parquet_source(pl.scan_parquet(file.path, hive_partitioning=False), file.path, file.path)
        if file.format == "csv":
            separator = told_separator(reading.separator) if reading.separator else ","
            separator = "\t" if reading.separator is None and ".tsv" in file.path else separator
            lazy = pl.scan_csv(
                file.path,
                separator=separator,
                has_header=reading.header,
                quote_char='"' if reading.quote else None,
                infer_schema=False,
            )
            if not reading.header:
                names = lazy.collect_schema().names()
                lazy = lazy.rename({name: str(i) for i, name in enumerate(names, start=1)})
            return of_lazy(lazy, file.path)
    message = f"{file.path}: JSON is only read from files on this machine"
    raise InputError(message, advice="Fetch the file first, or keep it as Parquet or CSV.")
