"""A source of rows: its columns by name, and frames of some of them, read by Polars or from memory."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeAlias

import polars as pl

from fairpay.errors import InputError, UsageError
from fairpay.logs.faults import reading_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

    Frames: TypeAlias = Callable[[Sequence[str], int | None, pl.Expr | None], Iterator[pl.DataFrame]]

__all__ = [
    "BROKEN",
    "HEADER_AGAIN",
    "ROW",
    "TOO_MANY",
    "Source",
    "empty",
    "first_able",
    "of_lazy",
    "of_table",
    "passing",
]

ROW = "\x1frow"
"""Column of a frame that holds the number of each row, from 0, where rows were passed over."""
BROKEN = "\x1fbroken"
"""Column of a frame that says what is wrong with a row as a whole: TOO_MANY, HEADER_AGAIN, or null for nothing."""
TOO_MANY, HEADER_AGAIN = 1, 2
"""A row has more fields than the header, or repeats it (files were put together)."""
BATCH = 1 << 17
PER_UNIT = {"ms": 1000, "us": 1}
UNIX = ((10**8, 10**11, 1_000_000, 1), (10**11, 10**14, 1000, 1), (10**14, 10**17, 1, 1), (10**17, 2**62, 1, 1000))
"""Unix times from and below these numbers count seconds, ms, us, ns: factor to and divisor from microseconds."""
COMPACT = (19_000_000_000_000, 22_000_000_000_000)
"""Numbers of 14 digits that are written dates."""
FIRST, LAST = -62_135_596_800_000_000, 253_402_300_800_000_000
"""Microseconds of the years 1 and 10000, beyond which a time is none, whatever the period."""


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
    since, until = (None if end is None else min(max(end, FIRST), LAST) for end in period)
    if isinstance(kind, pl.Datetime) and kind.time_unit in PER_UNIT:
        low, high, first, last = (
            pl.lit(-(-end // PER_UNIT[kind.time_unit]), pl.Int64).cast(kind)
            for end in (FIRST if since is None else since, LAST if until is None else until, FIRST, LAST)
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
