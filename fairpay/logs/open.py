"""Files and tables of lakes opened, each format by its library, as far as needed to know their columns."""

from __future__ import annotations

import importlib
import json
import os
import re
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError
from fairpay.logs.faults import DAMAGED, reading_of, short
from fairpay.logs.files import copied_from, open_bytes, packing_of
from fairpay.logs.source import Source, empty, of_lazy
from fairpay.logs.stores import iceberg_options, names_within, polars_options, store_of
from fairpay.logs.text import open_text

if TYPE_CHECKING:
    from fairpay.logs.files import LogFile
    from fairpay.settings.values import Reading

__all__ = ["holds_no_rows", "open_file"]

HEAD = 1 << 20
PARQUET = (b"PAR1", b"PARE")
LIBRARIES = {"delta": ("deltalake", "Delta Lake"), "iceberg": ("pyiceberg", "Iceberg")}
COMMIT = re.compile(r"(\d{20})\.(?:json|checkpoint(?:\..*)?\.parquet)")
NUMBER = re.compile(r"v?(\d+)(?:-.*)?(?:\.gz)?\.metadata\.json")


def open_file(file: LogFile, reading: Reading) -> Source:  # noqa: PLR0911 - a format a line
    """Look into a file as far as needed to know its columns; a file of no bytes has neither columns nor rows.

    Raises:
        InputError: it cannot be read.

    """
    if file.format in LIBRARIES:
        return open_lake(file)
    if file.remote:
        store = store_of(file.local)
        if file.format == "parquet" and store.start(file.local, 4) == PARQUET[0]:
            return parquet_source(file, **polars_options(file.local))
        copied = store.copied(file.local)
        file = replace(file, remote=False, copy=copied, size=Path(copied).stat().st_size)
    if file.size == 0:
        return empty(file.path)
    with reading_of(file.path):
        file = unpacked(named_plainly(file))
        if file.format != "parquet" and not has_content(file):
            return empty(file.path)
    if file.format == "parquet":
        return open_parquet(file)
    if file.format == "csv":
        return open_text(file, reading)
    found: Source = importlib.import_module(f"fairpay.logs.{file.format}").opened(file, reading)
    return found


def named_plainly(file: LogFile) -> LogFile:
    """Copy a file whose name is not UTF-8, which Polars cannot take."""
    try:
        file.local.encode()
    except UnicodeEncodeError:
        return replace(file, copy=copied_from(("named", file.local), "log", lambda: Path(file.local).open("rb")))
    return file


def unpacked(file: LogFile) -> LogFile:
    """Unpack what Polars does not unpack itself: bz2, xz, zstd in several frames, Parquet in anything."""
    packing = packing_of(file.local)
    if packing is None or (file.format != "parquet" and (packing == "gz" or starts_plainly(file.local))):
        return file
    return replace(file, copy=copied_from(("unpacked", file.local), file.name, partial(open_bytes, file.local)))


def starts_plainly(path: str) -> bool:
    """Whether a zstd file begins with a frame of data."""
    with Path(path).open("rb") as raw:
        return raw.read(4) == b"\x28\xb5\x2f\xfd"


def has_content(file: LogFile) -> bool:
    """Whether there is more than white space, or an empty JSON array, in a file."""
    with open_bytes(file.local) as stream:
        start = stream.read(1 << 16)
        if start.lstrip(b"\xef\xbb\xbf \t\r\n") in {b"", b"[]"}:
            return bool(stream.read(1))
        return b"".join(start.split()) != b"[]"


def holds_no_rows(file: LogFile) -> bool:
    """Whether a file is whole JSON without any object in it: a list of texts, or one text."""
    with open_bytes(file.local) as stream:
        head = stream.read(HEAD + 1)
    try:
        value = json.loads(head) if len(head) <= HEAD else {}
    except (ValueError, RecursionError):
        return False
    return not any(isinstance(one, (dict, list)) for one in (value if isinstance(value, list) else [value]))


def open_parquet(file: LogFile) -> Source:
    with Path(file.local).open("rb") as raw:
        start = raw.read(4)
    if start not in PARQUET:
        message = f"{file.path}: cannot be read: this is not a Parquet file, or a damaged one"
        raise InputError(message, advice="Give its format with --format; if it is damaged, fetch it again.")
    return parquet_source(file)


def parquet_source(file: LogFile, **options: Any) -> Source:  # noqa: ANN401 - of storage
    """Make a source of a Parquet file.

    Times of Spark and Hive (INT96) go beyond what nanoseconds in 64 bits hold: Polars gives them in microseconds when
    it is asked to, and its end of nanoseconds for them else.
    """
    scan = partial(pl.scan_parquet, file.local, hive_partitioning=False, glob=False, **options)
    with reading_of(file.path):
        lazy = scan()
        schema = lazy.collect_schema()
        fine = {name for name, kind in schema.items() if isinstance(kind, pl.Datetime) and kind.time_unit == "ns"}
        if fine:
            coarse = {n: pl.Datetime("us", k.time_zone) if n in fine else k for n, k in schema.items()}  # type: ignore[attr-defined]
            lazy = scan(schema=coarse, cast_options=pl.ScanCastOptions(datetime_cast="nanosecond-downcast"))
        return of_lazy(lazy, file.path, counted=True)


def open_lake(file: LogFile) -> Source:
    library, name = LIBRARIES[file.format]
    if find_spec(library) is None:
        message = f"{file.path}: tables of {name} need the library {library}"
        raise InputError(message, advice="Install it: pip install 'fairpay[lake]'.")
    try:
        with reading_of(file.path):
            options = polars_options(file.path) if file.remote else {}
            if file.format == "delta":
                version = newest_commit(file)
                lazy = pl.scan_delta(file.local, version=version, **options)
                said = "" if version is None else f"version {version}"
            else:
                metadata = file.local if file.local.endswith(".json") else newest(file)
                lazy, said = iceberg(metadata, remote=file.remote), metadata.rpartition("/")[2]
            return replace(of_lazy(lazy, file.path, counted=True), version=said)
    except InputError:
        raise
    except Exception as error:
        message = f"{file.path}: the table cannot be read: {short(str(error))}"
        raise InputError(message, advice=DAMAGED) from error


def newest_commit(file: LogFile) -> int | None:
    """Return the number of the newest version of a table of Delta Lake; None where its log does not say."""
    names = names_within(f"{file.local.rstrip('/')}/_delta_log", remote=file.remote)
    found = [int(match[1]) for name in names if (match := COMMIT.fullmatch(name.rpartition("/")[2]))]
    return max(found, default=None)


def iceberg(metadata: str, *, remote: bool) -> pl.LazyFrame:
    os.environ.setdefault("POLARS_ICEBERG_PLANNER", "pyiceberg")  # Polars advises another package otherwise
    return pl.scan_iceberg(metadata, storage_options=iceberg_options(metadata) if remote else None)


def newest(file: LogFile) -> str:
    """Return the metadata file of a table's newest version."""
    names = names_within(f"{file.local.rstrip('/')}/metadata", remote=file.remote)
    numbered = sorted((int(found[1]), name) for name in names if (found := NUMBER.fullmatch(name.rpartition("/")[2])))
    if not numbered:
        message = f"{file.path}: this table of Iceberg has no metadata whose name begins with a number"
        raise InputError(message, advice="Give the metadata file itself: TABLE/metadata/NAME.metadata.json.")
    last = [name for number, name in numbered if number == numbered[-1][0]]
    if len(last) > 1:
        message = f"{file.path}: {len(last)} versions of this table have the number {numbered[-1][0]}"
        raise InputError(message, advice=f"Give the one that counts, such as {last[0]}.")
    return last[0]
