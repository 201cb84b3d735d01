"""Tables that are already in memory or that Polars reads itself: frames, Arrow streams, files far away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairpay.errors import InputError, UsageError
from fairpay.io.dialect import told_separator
from fairpay.io.faults import reading_of
from fairpay.io.table import Rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import polars as pl
    import pyarrow as pa

    from fairpay.io.sources import LogFile
    from fairpay.settings import Reading

__all__ = ["FrameLog", "open_frame", "open_remote"]

BATCH = 1 << 17


@dataclass(frozen=True, slots=True)
class FrameLog:
    """A table that gives batches of some of its columns."""

    where: str
    schema: pa.Schema
    batches: Callable[[Sequence[str], int], Iterator[pa.RecordBatch]]
    size: int

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    def read(self, names: Sequence[str], batch_rows: int | None) -> Iterator[Rows]:
        """Read the columns in batches, in order."""
        with reading_of(self.where):
            for batch in self.batches(names, batch_rows or BATCH):
                columns = dict(zip(batch.schema.names, batch.columns, strict=True))
                yield Rows({name: columns[name] for name in names}, batch.num_rows)


def open_frame(logs: Any) -> FrameLog:  # noqa: ANN401 - anything that exports Arrow
    """Take a Polars frame or anything with the Arrow PyCapsule interface.

    Raises:
        UsageError: it is neither.

    """
    import polars as pl  # noqa: PLC0415 - loaded where tables are read
    import pyarrow as pa  # noqa: PLC0415 - the same

    if isinstance(logs, pl.LazyFrame):
        return of_lazy(logs, "the frame")
    if isinstance(logs, pl.DataFrame):
        logs = logs.to_arrow(compat_level=pl.CompatLevel.oldest())
    if isinstance(logs, (pa.RecordBatch, pa.Table)):
        table = pa.Table.from_batches([logs]) if isinstance(logs, pa.RecordBatch) else logs
        return FrameLog("the table", table.schema, lambda names, n: split(table.select(names), n), table.nbytes)
    if hasattr(logs, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(logs)
        return FrameLog("the table", reader.schema, lambda names, n: stream(reader, names, n), 0)
    message = f"cannot read listening from a {type(logs).__name__}"
    raise UsageError(
        message, advice="Give paths, a Polars frame, or a table that exports Arrow (pandas, PyArrow, DuckDB)."
    )


def split(table: pa.Table, rows: int) -> Iterator[pa.RecordBatch]:
    """Cut a table into batches."""
    yield from table.to_batches(max_chunksize=rows)


def stream(reader: pa.RecordBatchReader, names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Take batches from a stream, cutting up large ones."""
    for batch in reader:
        chosen = batch.select(list(names))
        for start in range(0, len(chosen), rows):
            yield chosen.slice(start, rows)


def of_lazy(lazy: pl.LazyFrame, where: str) -> FrameLog:
    """Let Polars run a query in batches."""
    import polars as pl  # noqa: PLC0415 - loaded where tables are read

    with reading_of(where):
        empty = pl.DataFrame(schema=lazy.collect_schema())
    oldest = pl.CompatLevel.oldest()

    def batches(names: Sequence[str], rows: int) -> Iterator[pa.RecordBatch]:
        chosen = lazy.select(list(names))
        for frame in chosen.collect_batches(chunk_size=rows, maintain_order=True):
            yield from frame.to_arrow(compat_level=oldest).combine_chunks().to_batches()

    return FrameLog(where, empty.to_arrow(compat_level=oldest).schema, batches, 0)


def open_remote(file: LogFile, reading: Reading) -> FrameLog:
    """Let Polars read a file that is not on this machine.

    Raises:
        InputError: it cannot be read, or its format cannot be read from afar.

    """
    import polars as pl  # noqa: PLC0415 - loaded where files are read

    with reading_of(file.path):
        if file.format == "parquet":
            return of_lazy(pl.scan_parquet(file.path, hive_partitioning=False), file.path)
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
