"""A source of rows: its columns, and frames of some; a file, a table of a lake or in memory, opened as one."""

from __future__ import annotations

import importlib
import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import polars as pl

from fairpay.errors import InputError, UsageError
from fairpay.logs.faults import DAMAGED, reading_of, short
from fairpay.logs.files import copied_from, open_bytes, packing_of
from fairpay.logs.stores import iceberg_options, names_within, polars_options, store_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    from fairpay.logs.files import LogFile
    from fairpay.settings.values import Reading

    Frames: TypeAlias = Callable[[Sequence[str], int | None, pl.Expr | None], Iterator[pl.DataFrame]]

__all__ = [
    "BROKEN",
    "HEADER_AGAIN",
    "ROW",
    "TOO_MANY",
    "YEAR_1",
    "YEAR_10000",
    "Source",
    "empty",
    "first_able",
    "framed",
    "holds_no_rows",
    "of_lazy",
    "of_table",
    "open_file",
    "passing",
]

ROW = "\x1frow"
"""Column of a frame that holds the number of each row, from 0, where rows were passed over."""
BROKEN = "\x1fbroken"
"""Column of a frame that says what is wrong with a row as a whole: TOO_MANY, HEADER_AGAIN, or null for nothing."""
TOO_MANY, HEADER_AGAIN = 1, 2
"""A row has more fields than the header, or repeats it (files were put together)."""
BATCH = 1 << 17
HEAD = 1 << 20
PER_UNIT = {"ms": 1000, "us": 1}
UNIX = ((10**8, 10**11, 1_000_000, 1), (10**11, 10**14, 1000, 1), (10**14, 10**17, 1, 1), (10**17, 2**62, 1, 1000))
"""Unix times from and below these numbers count seconds, ms, us, ns: factor to and divisor from microseconds."""
COMPACT = (19_000_000_000_000, 22_000_000_000_000)
"""Numbers of 14 digits that are written dates."""
YEAR_1, YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000
"""Microseconds between which a moment lies, whatever the period."""
PARQUET = (b"PAR1", b"PARE")
LIBRARIES = {"delta": ("deltalake", "Delta Lake"), "iceberg": ("pyiceberg", "Iceberg")}
COMMIT = re.compile(r"(\d{20})\.(?:json|checkpoint(?:\..*)?\.parquet)")
NUMBER = re.compile(r"v?(\d+)(?:-.*)?(?:\.gz)?\.metadata\.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Rows that can be read, once or often; opened as far as needed to know its columns."""

    where: str
    """The file, for messages."""
    fields: Mapping[str, pl.DataType]
    """The type of every column, and of what lies inside nested ones, named with dots."""
    frames: Frames
    """Frames of the named columns, in the order of the file; with rows of the file counted from 0 in ROW, and BROKEN,
    where there is something to say. The last argument is a condition on rows that may be passed over."""
    rows: int | None = None
    """Rows that the file itself says it has."""
    quoting: Literal["quoted", "plain"] | None = None
    """Whether `"` quotes in a file of tabs or spaces; None where it does not matter."""
    separator: str = ""
    """Between the fields of a text file."""
    nul: bool = False
    """Whether text may hold a NUL character."""
    above: int = 0
    """Lines above the header that are no rows."""
    loose: bool = False
    """Whether a column without any value may be missing from the file, as in JSON."""
    notes: tuple[str, ...] = ()
    """What was found out rather than told, in sentences."""
    version: str = ""
    """Of a table of a lake: the version that is read."""

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self.fields)

    def read(
        self, names: Sequence[str], rows: int | None = None, *, keep: pl.Expr | None = None
    ) -> Iterator[pl.DataFrame]:
        """Read columns, at most `rows` rows at a time.

        Raises:
            InputError: the file is damaged, or does not hold the rows that it says it has.

        """
        seen = 0
        with reading_of(self.where):
            for frame in self.frames(names, rows, keep):
                seen += frame.height
                yield frame
        if self.rows is not None and keep is None and seen != self.rows:
            message = f"{self.where}: {seen:,} rows could be read, and the file says that it has {self.rows:,}"
            raise InputError(message, advice="The file is damaged; fetch it again.")


def empty(where: str) -> Source:
    """Return a source without columns and rows."""
    return Source(where=where, fields={}, frames=lambda *_: iter(()), rows=0)


def nested_in(schema: Mapping[str, pl.DataType]) -> dict[str, pl.Expr]:
    """Name what lies within structs, with dots; a column's own name goes before a path."""
    found: dict[str, pl.Expr] = {}
    for name, kind in schema.items():
        for path, expr in within(name, pl.col(name), kind):
            if path not in schema:
                found.setdefault(path, expr.alias(path))
    return found


def within(name: str, expr: pl.Expr, kind: pl.DataType) -> Iterator[tuple[str, pl.Expr]]:
    """Yield the fields of a struct, or of a list of structs, each list of them as a list of values."""
    if isinstance(kind, pl.Struct):
        for key, inner in pl.Schema(kind).items():
            part = expr.struct.field(key)
            yield f"{name}.{key}", part
            yield from within(f"{name}.{key}", part, inner)
    elif isinstance(kind, pl.List) and isinstance(kind.inner, pl.Struct):
        for field in kind.inner.fields:
            yield f"{name}.{field.name}", expr.list.eval(pl.element().struct.field(field.name))


def scanned(
    lazy: pl.LazyFrame, nested: Mapping[str, pl.Expr], names: Sequence[str], rows: int | None, keep: pl.Expr | None
) -> Iterator[pl.DataFrame]:
    """Run a query; where rows may be passed over, number those that are left."""
    made = [nested[name] for name in names if name in nested]
    if keep is not None:
        lazy, names = lazy.with_row_index(ROW), [*names, ROW]
    lazy = lazy.with_columns(made) if made else lazy
    lazy = lazy if keep is None else lazy.filter(keep)
    yield from lazy.select(names).collect_batches(chunk_size=rows or BATCH, maintain_order=True, lazy=True)


def first_able(
    queries: Iterable[tuple[pl.LazyFrame, Callable[[pl.DataFrame, int], pl.DataFrame]]],
    rows: int | None,
    rest: Callable[[int], Iterator[pl.DataFrame]],
) -> Iterator[pl.DataFrame]:
    """Run the first query; from the row on at which Polars refuses one, the next; and then read what is left.

    Args:
        queries: each with what is made of its frames, and of the row at which a frame begins.
        rows: at most so many a frame.
        rest: reads from a row on.

    """
    done = 0
    for lazy, made in queries:
        seen = 0
        with suppress(pl.exceptions.PolarsError):
            for frame in lazy.collect_batches(chunk_size=rows or BATCH, maintain_order=True, lazy=True):
                seen += frame.height
                if seen > done:  # what lies before is read again, and passed over
                    new = frame.tail(seen - done)
                    yield made(new, done)
                    done = seen
            return
    yield from rest(done)


def framed(rows: Iterable[tuple[int, Sequence[str]]], places: Mapping[str, int]) -> pl.DataFrame:
    """Make columns of numbered rows of cells, each of what stands at its place; rows without any value are none."""
    kept = [(number, cells) for number, cells in rows if any(cells)]
    columns: dict[str, list[Any]] = {
        name: [(cells[place] or None) if place < len(cells) else None for _, cells in kept]
        for name, place in places.items()
    }
    columns[ROW] = [number for number, _ in kept]
    return pl.DataFrame(columns, schema={**dict.fromkeys(places, pl.String), ROW: pl.Int64})


def of_lazy(lazy: pl.LazyFrame, where: str, *, counted: bool = False) -> Source:
    """Let Polars run a query in batches; `counted`: its rows are known before they are read.

    Raises:
        InputError: it cannot be run.

    """
    with reading_of(where):
        nested = nested_in(lazy.collect_schema())
        fields = lazy.with_columns(nested.values()).collect_schema()
        rows = int(lazy.select(pl.len()).collect().item()) if counted else None
    return Source(where=where, fields=fields, frames=partial(scanned, lazy, nested), rows=rows)


def of_table(logs: object) -> Source:
    """Take a table in memory: a Polars frame, an Arrow table, anything that exports an Arrow stream.

    Raises:
        UsageError: it is none of these.
        InputError: it has columns that cannot be read.

    """
    import pyarrow as pa  # noqa: PLC0415 - for tables in memory only

    if isinstance(logs, pl.LazyFrame):
        return of_lazy(logs, "the frame")
    if isinstance(logs, pl.DataFrame):
        return of_lazy(logs.lazy(), "the table")
    if isinstance(logs, pa.RecordBatch):
        logs = pa.Table.from_batches([logs])
    if isinstance(logs, pa.Table):
        return of_batches(logs.schema, logs.to_batches)
    if hasattr(logs, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(logs)
        return of_batches(reader.schema, lambda: reader)
    message = f"cannot read listening from a {type(logs).__name__}"
    raise UsageError(
        message, advice="Give paths, a Polars frame, or a table that exports Arrow (pandas, PyArrow, DuckDB)."
    )


def of_batches(schema: pa.Schema, batches: Callable[[], Iterable[pa.RecordBatch]]) -> Source:
    """Take Arrow batches, as they come; Polars believes that their text is UTF-8, so it is looked at first."""
    with reading_of("the table"):
        empty = pl.DataFrame(schema.empty_table())
        nested = nested_in(empty.schema)

    def frames(names: Sequence[str], rows: int | None, _: pl.Expr | None) -> Iterator[pl.DataFrame]:
        tops = [name for name in schema.names if any(name == n or n.startswith(f"{name}.") for n in names)]
        for batch in batches():
            chosen = batch.select(tops)
            chosen.validate(full=True)
            if chosen.num_rows:
                yield from scanned(pl.DataFrame(chosen).lazy(), nested, names, rows, None)

    return Source(where="the table", fields=empty.with_columns(nested.values()).schema, frames=frames)


def passing(source: Source, time: str | None, period: tuple[int | None, int | None]) -> pl.Expr | None:
    """Return the condition on rows that may count: in the period, without a time, or with one that is none.

    None where the file gives times no type, or does not know how many rows it has. Polars passes over row groups by
    their statistics; the rows left are judged one by one all the same.

    Args:
        source: the rows.
        time: the column of the time, if there is one.
        period: microseconds since 1970, first and one after the last.

    """
    if time is None or time not in source.fields or source.rows is None or period == (None, None):
        return None
    kind, expr = source.fields[time], pl.col(time)
    since, until = (None if end is None else min(max(end, YEAR_1), YEAR_10000) for end in period)
    if isinstance(kind, pl.Datetime) and kind.time_unit in PER_UNIT:
        low, high, first, last = (
            pl.lit(-(-end // PER_UNIT[kind.time_unit]), pl.Int64).cast(kind)
            for end in (YEAR_1 if since is None else since, YEAR_10000 if until is None else until, YEAR_1, YEAR_10000)
        )
        return expr.is_null() | ((expr >= low) & (expr < high)) | (expr < first) | (expr >= last)
    if not kind.is_integer():
        return None
    keep = (expr < UNIX[0][0]) | (expr >= UNIX[-1][1]) | expr.is_between(*COMPACT)
    for least, most, factor, divisor in UNIX:
        start = least if since is None else max(least, -(-since * divisor // factor))
        end = most if until is None else min(most, -(-until * divisor // factor))
        if start < end:
            keep |= (expr >= start) & (expr < end)
    return expr.is_null() | keep


def open_file(file: LogFile, reading: Reading) -> Source:
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
    format_ = "text" if file.format == "csv" else file.format
    found: Source = importlib.import_module(f"fairpay.logs.{format_}").opened(file, reading)
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
