"""Parquet files: only the columns needed, row group by row group, passing over those outside the period."""

from __future__ import annotations

import os
from contextlib import closing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fairpay.io.faults import reading_of
from fairpay.io.pages import Unusual
from fairpay.io.pruning import outside
from fairpay.io.table import Rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa
    import pyarrow.parquet as pq

    from fairpay.io.paged import Layout
    from fairpay.io.sources import LogFile

__all__ = ["ParquetLog", "open_log"]

BATCH = 1 << 17
WORTHWHILE = 1 << 20
"""Files below this many bytes are read without regard to statistics and encodings."""
LARGE = 64 << 20
BUFFER = 1 << 20
"""Files above LARGE bytes are read through buffers of this size, so that a huge row group is never held whole."""
NARROW = 4
"""Bytes per value, unpacked, below which a text column must be a dictionary: its plain form takes 4 and the text."""

Period = tuple["int | None", "int | None"]


@dataclass(frozen=True, slots=True)
class ParquetLog:
    """One Parquet file, its metadata read."""

    file: LogFile
    metadata: pq.FileMetaData
    schema: pa.Schema
    source: pq.ParquetFile | None = None
    """The file still open, to be read once; None: opened again for every reading."""
    sound: bool = False
    """Whether what the metadata says of columns may be asked; see `checked`."""

    def checked(self, names: Sequence[str]) -> ParquetLog:
        """Hold the metadata of these columns against the schema, if the file is large enough to gain by knowing it.

        PyArrow ends the process when it is asked about a column whose metadata is damaged, but not when it reads it.

        Raises:
            InputError: the metadata is damaged.

        """
        if self.source is not None:
            return self
        groups = range(self.metadata.num_row_groups)
        with reading_of(self.file.path), closing(open_parquet(self.file.path, self.metadata, ahead=True)) as source:
            next(read_run(source, names, 1, list(groups)), None)
        return replace(self, sound=True)

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return list(self.schema.names)

    def group_rows(self) -> list[int]:
        """Rows of each row group."""
        return [self.metadata.row_group(i).num_rows for i in range(self.metadata.num_row_groups)]

    def read(
        self,
        names: Sequence[str],
        batch_rows: int | None,
        *,
        groups: Sequence[int],
        time: str | None = None,
        period: Period = (None, None),
    ) -> Iterator[Rows]:
        """Read columns of some row groups; a batch says how many rows before it were passed over."""
        with reading_of(self.file.path):
            left = outside(self.metadata, time, groups, period) if self.sound and time in names else frozenset()
            yield from self.read_groups(names, batch_rows, groups, left)

    def read_groups(
        self, names: Sequence[str], batch_rows: int | None, groups: Sequence[int], left: frozenset[int]
    ) -> Iterator[Rows]:
        """Read row groups except those left out."""
        with closing(Source(self, names, groups)) as source:
            pruned = 0
            for group in groups:
                if group in left:
                    pruned += self.metadata.row_group(group).num_rows
                    continue
                for batch in source.read(group, batch_rows or BATCH):
                    columns = dict(zip(batch.schema.names, batch.columns, strict=True))
                    yield Rows(columns, batch.num_rows, None, pruned)
                    pruned = 0
            if pruned:
                yield Rows({}, 0, None, pruned)

    def narrow(self, names: Sequence[str], groups: Sequence[int]) -> list[str]:
        """Return the text columns that are worth keeping as dictionaries."""
        import pyarrow as pa  # noqa: PLC0415 - loaded where files are read

        texts = [n for n in names if pa.types.is_string(self.schema.field(n).type)]
        if not texts or not groups or not self.sound:
            return []
        group = self.metadata.row_group(groups[0])
        at = {self.metadata.schema.column(i).path: i for i in range(group.num_columns)}
        most = NARROW * max(1, group.num_rows)
        return [n for n in texts if n in at and group.column(at[n]).total_uncompressed_size < most]


class Source:
    """A file open for one reading: its pages are read here where they are of the usual kinds, else by PyArrow."""

    def __init__(self, log: ParquetLog, names: Sequence[str], groups: Sequence[int]) -> None:
        """Open nothing yet."""
        self.log = log
        self.names = list(names)
        self.groups = groups
        self.arrow = log.source
        self.descriptor = -1
        self.layout: Layout | None = None

    def close(self) -> None:
        """Let go of the file."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
        if self.arrow is not None:
            self.arrow.close()

    def read(self, group: int, size: int) -> Iterator[pa.RecordBatch]:
        """Read a row group in batches, on this thread."""
        done = 0
        if self.log.sound:
            try:
                for batch in self.read_pages(group, size):
                    yield batch
                    done += batch.num_rows
            except Unusual:
                pass
            else:
                if done:
                    return
        for batch in read_run(self.open_arrow(), self.names, size, [group]):
            if done < batch.num_rows:
                yield batch.slice(done)
            done = max(0, done - batch.num_rows)

    def read_pages(self, group: int, size: int) -> Iterator[pa.RecordBatch]:
        """Read a row group page by page; nothing where its columns are not for that."""
        from fairpay.io import paged  # noqa: PLC0415 - only for large files

        if self.descriptor < 0:
            self.layout = paged.Layout.of(self.log.metadata, self.log.schema, self.names)
            self.descriptor = os.open(self.log.file.path, os.O_RDONLY)
        chunks = None if self.layout is None else self.layout.chunks(self.log.metadata, group)
        if self.layout is not None and chunks is not None:
            rows = self.log.metadata.row_group(group).num_rows
            yield from paged.read_group(self.descriptor, self.layout, chunks, rows=rows, size=size)

    def open_arrow(self) -> pq.ParquetFile:
        """Open the file with PyArrow, the first time it is needed."""
        if self.arrow is None:
            buffer = BUFFER if self.log.file.size > LARGE else 0
            dictionaries = self.log.narrow(self.names, self.groups)
            self.arrow = open_parquet(self.log.file.path, self.log.metadata, dictionaries=dictionaries, buffer=buffer)
        return self.arrow


def read_run(source: pq.ParquetFile, names: Sequence[str], size: int, groups: list[int]) -> Iterator[pa.RecordBatch]:
    """Read some row groups in batches, on this thread."""
    if groups:
        yield from source.iter_batches(batch_size=size, row_groups=groups, columns=list(names), use_threads=False)


def open_parquet(
    path: str,
    metadata: pq.FileMetaData = None,
    *,
    dictionaries: Sequence[str] = (),
    buffer: int = 0,
    ahead: bool = False,
) -> pq.ParquetFile:
    """Open a file, without reading its metadata again where it is known; pages are held against their checksums."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - loaded where files are read

    return pq.ParquetFile(
        path,
        metadata=metadata,
        read_dictionary=list(dictionaries),
        buffer_size=buffer,
        pre_buffer=ahead,
        page_checksum_verification=True,
    )


def open_log(file: LogFile, *, keep: bool = False) -> ParquetLog:
    """Read a file's metadata; with `keep`, a small file stays open for the one reading that follows.

    Raises:
        InputError: it is not a Parquet file, or not a whole one.

    """
    with reading_of(file.path):
        source = open_parquet(file.path)
        if keep and file.size < WORTHWHILE:
            return ParquetLog(file, source.metadata, source.schema_arrow, source=source)
        source.close()
        return ParquetLog(file, source.metadata, source.schema_arrow)
