"""Files opened, each format by its library, as far as needed to know their columns."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import IO, TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError
from fairpay.logs.faults import reading_of
from fairpay.logs.files import open_bytes, packing_of
from fairpay.logs.source import Scan, Source, empty, fields_of
from fairpay.logs.spool import copy, spooled

if TYPE_CHECKING:
    from fairpay.logs.files import LogFile
    from fairpay.settings.values import Reading

__all__ = ["open_file"]

PARQUET = b"PAR1"


def open_file(file: LogFile, reading: Reading) -> Source:  # noqa: PLR0911 - a format a line
    """Look into a file as far as needed to know its columns; a file of no bytes has neither columns nor rows.

    Raises:
        InputError: it cannot be read.

    """
    if file.format in {"delta", "iceberg"}:
        from fairpay.logs.lakes import open_lake  # noqa: PLC0415 - only for tables of lakes

        return open_lake(file)
    if file.remote:
        return open_remote(file, reading)
    if file.size == 0:
        return empty(file.path)
    with reading_of(file.path):
        file = unpacked(named_plainly(file))
        if file.format != "parquet" and not has_content(file):
            return empty(file.path)
    if file.format == "parquet":
        return open_parquet(file)
    if file.format == "xlsx":
        from fairpay.logs.sheet import open_sheet  # noqa: PLC0415 - only for workbooks

        return open_sheet(file, reading)
    if file.format == "json":
        from fairpay.logs.json import open_json  # noqa: PLC0415 - only for JSON

        return open_json(file, reading)
    from fairpay.logs.text import open_text  # noqa: PLC0415 - only for text

    return open_text(file, reading)


def named_plainly(file: LogFile) -> LogFile:
    """Copy a file whose name is not UTF-8, which Polars cannot take."""
    try:
        file.local.encode()
    except UnicodeEncodeError:

        def write(out: IO[bytes]) -> None:
            with open(file.local, "rb") as stream:  # noqa: PTH123 - a name as it was given
                copy(stream, out)

        return replace(file, copy=str(spooled(("named", file.local), "log", write)))
    return file


def unpacked(file: LogFile) -> LogFile:
    """Unpack what Polars does not unpack itself: bz2, xz, zstd in several frames, Parquet in anything."""
    packing = packing_of(file.local)
    if packing is None or (file.format != "parquet" and packing == "gz"):
        return file

    def write(out: object) -> None:
        with open_bytes(file.local) as stream:
            copy(stream, out)  # type: ignore[arg-type] # a binary file

    if packing == "zst" and file.format != "parquet" and starts_plainly(file.local):
        return file
    return replace(file, copy=str(spooled(("unpacked", file.local), file.name, write)))


def starts_plainly(path: str) -> bool:
    """Whether a zstd file begins with a frame of data."""
    with open(path, "rb") as raw:  # noqa: PTH123 - a name as it was given
        return raw.read(4) == b"\x28\xb5\x2f\xfd"


def has_content(file: LogFile) -> bool:
    """Whether there is more than white space, or an empty JSON array, in a file."""
    with open_bytes(file.local) as stream:
        start = stream.read(1 << 16)
        if start.lstrip(b"\xef\xbb\xbf \t\r\n") in {b"", b"[]"}:
            return bool(stream.read(1))
        return b"".join(start.split()) != b"[]"


def open_parquet(file: LogFile) -> Source:
    """Read the schema and the number of rows of a Parquet file.

    Raises:
        InputError: it is not a Parquet file, or not a whole one.

    """
    with open(file.local, "rb") as raw:  # noqa: PTH123 - a name as it was given
        start = raw.read(4)
    if start not in {b"PAR1", b"PARE"}:
        message = f"{file.path}: cannot be read: this is not a Parquet file, or a damaged one"
        raise InputError(message, advice="Give its format with --format; if it is damaged, fetch it again.")
    with reading_of(file.path):
        return parquet_source(file.path, file.local)


def parquet_source(where: str, path: str, **options: Any) -> Source:  # noqa: ANN401 - of storage
    """Make a source of a Parquet file.

    Times of Spark and Hive (INT96) go beyond what nanoseconds in 64 bits hold: Polars gives them in microseconds when
    it is asked to, and its end of nanoseconds for them else.
    """
    scan = partial(pl.scan_parquet, path, hive_partitioning=False, glob=False, **options)
    lazy = scan()
    schema = lazy.collect_schema()
    fine = {name for name, kind in schema.items() if isinstance(kind, pl.Datetime) and kind.time_unit == "ns"}
    if fine:
        coarse = {n: pl.Datetime("us", k.time_zone) if n in fine else k for n, k in schema.items()}  # type: ignore[attr-defined]
        lazy = scan(schema=coarse, cast_options=pl.ScanCastOptions(datetime_cast="nanosecond-downcast"))
    fields = fields_of(lazy.collect_schema())
    rows = int(lazy.select(pl.len()).collect().item())
    return Source(where=where, fields=fields, frames=Scan(lazy, fields), rows=rows)


def open_remote(file: LogFile, reading: Reading) -> Source:
    """Let Polars read Parquet where it lies; copy anything else to this machine, to be read as any file here.

    Raises:
        InputError: it cannot be read.

    """
    from fairpay.logs.outages import guarded, outages_at  # noqa: PLC0415 - only for addresses
    from fairpay.logs.stores import polars_options, store_of  # noqa: PLC0415 - the same

    store = store_of(file.local)
    if file.format == "parquet" and store.start(file.local, len(PARQUET)) == PARQUET:
        with reading_of(file.path), outages_at(file.path, scanning=True):
            options = polars_options(file.local)
            source = parquet_source(file.path, file.local, **options)
        return replace(source, frames=guarded(source.frames, file.path))
    copied = store.copied(file.local)
    return open_file(replace(file, remote=False, copy=str(copied), size=copied.stat().st_size), reading)
