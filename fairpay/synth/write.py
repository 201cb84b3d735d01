"""Tables to disk as they come: Parquet or CSV, one file or several, each in place only when it is whole."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Literal, TypeAlias

from fairpay.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

__all__ = ["Format", "format_of", "log_paths", "refuse_present", "write_file", "write_logs"]

Format: TypeAlias = Literal["csv", "parquet"]
GROUP_ROWS = 1_000_000


class ParquetSink:
    """A Parquet file with zstd pages and row groups of a million rows."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        """Open the file."""
        import pyarrow.parquet as pq  # noqa: PLC0415 - loaded where it is used

        self.writer = pq.ParquetWriter(path, schema, compression="zstd", store_schema=False)
        self.waiting = schema.empty_table()

    def write(self, table: pa.Table) -> None:
        """Append full row groups; the rest waits for the next table."""
        import pyarrow as pa  # noqa: PLC0415 - loaded where it is used

        table = pa.concat_tables([self.waiting, table])
        full = table.num_rows // GROUP_ROWS * GROUP_ROWS
        if full:
            self.writer.write_table(table.slice(0, full), row_group_size=GROUP_ROWS)
        self.waiting = table.slice(full)

    def close(self) -> None:
        """Write the last row group and the footer."""
        if self.waiting.num_rows:
            self.writer.write_table(self.waiting)
        self.writer.close()


class CsvSink:
    """A CSV file: UTF-8, commas, LF, quotes only where they are needed, moments as `2026-10-01T08:00:00Z`."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        """Open the file and write the header."""
        self.file = path.open("wb")
        self.write(schema.empty_table(), header=True)

    def write(self, table: pa.Table, *, header: bool = False) -> None:
        """Append lines."""
        import polars as pl  # noqa: PLC0415 - loaded where it is used

        frame = pl.DataFrame(table)
        frame.write_csv(self.file, include_header=header, datetime_format="%Y-%m-%dT%H:%M:%SZ")

    def close(self) -> None:
        """Close the file."""
        self.file.close()


SINKS: dict[str, type[CsvSink | ParquetSink]] = {"csv": CsvSink, "parquet": ParquetSink}


def format_of(path: Path, chosen: str | None = None) -> Format:
    """Tell the format: the one chosen, else by extension.

    Raises:
        UsageError: when it is neither CSV nor Parquet.

    """
    name = chosen or path.suffix.lstrip(".").lower()
    if name not in SINKS:
        message = f"{path}: not a format that can be made"
        raise UsageError(message, advice="Let the name end in .parquet or .csv, or say --format.")
    return "csv" if name == "csv" else "parquet"


def log_paths(path: Path, *, files: int, chosen: str | None) -> tuple[Path, ...]:
    """Name the files of a log: the path itself, or `part-00000.parquet` and so on within it.

    Raises:
        UsageError: when the format is neither said nor told by the name.

    """
    if files == 1:
        format_of(path, chosen)
        return (path,)
    extension = format_of(path, chosen or (None if path.suffix else "parquet"))
    return tuple(path / f"part-{number:05}.{extension}" for number in range(files))


def refuse_present(paths: Iterable[Path]) -> None:
    """Refuse to write over what is there.

    Raises:
        OutputError: when one of the files exists, or stands where one may not look.

    """
    for path in paths:
        try:
            there = path.exists()
        except OSError as error:
            message = f"{path} could not be written: {error.strerror}"
            raise OutputError(message, advice="Choose another place.") from error
        if there:
            message = f"{path} is there already"
            raise OutputError(message, advice="Choose another name, or replace it with --force.")


def write_logs(
    tables: Iterator[pa.Table], paths: Sequence[Path], *, rows: int, schema: pa.Schema, chosen: str | None
) -> None:
    """Write `rows` rows to files of as equal length as can be, in order.

    Raises:
        OutputError: when a file cannot be written; nothing half-written stays.

    """
    left: list[pa.Table] = []
    for number, path in enumerate(paths):
        share = rows * (number + 1) // len(paths) - rows * number // len(paths)
        write_file(take_rows(tables, left, share), path, schema=schema, chosen=chosen)


def take_rows(tables: Iterator[pa.Table], left: list[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Take the next `rows` rows; what is over of a table stays in `left` for the next taker."""
    while rows:
        table = left.pop() if left else next(tables)
        part = table.slice(0, rows)
        if part.num_rows < table.num_rows:
            left.append(table.slice(part.num_rows))
        rows -= part.num_rows
        yield part


def write_file(tables: Iterable[pa.Table], path: Path, *, schema: pa.Schema, chosen: str | None = None) -> None:
    """Write tables to one file as they come; the next one is made while one is written.

    Raises:
        OutputError: when the file cannot be written; nothing half-written stays.

    """
    sink = SINKS[format_of(path, chosen)]
    with whole_file(path) as part, ExitStack() as stack:
        out = sink(part, schema)
        stack.callback(out.close)
        worker = stack.enter_context(ThreadPoolExecutor(1))
        pending = None
        for table in tables:
            if pending:
                pending.result()
            pending = worker.submit(out.write, table)
        if pending:
            pending.result()


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Name a file to write first; it becomes `path` at the end, or is removed."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        message = f"{path} could not be written: {error.strerror or error}"
        raise OutputError(message, advice="Nothing half-written is left.") from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
