"""Text logs on a cluster: each file is read by a task, with the reader of this machine, so that every cell is the same.

What Spark makes of CSV and JSON is not: it cuts rows with too many fields, takes the header of any file for all, and
replaces bytes that are no text.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa

from fairpay.engine import spark as cluster
from fairpay.errors import UsageError
from fairpay.logs.cells import id_cells
from fairpay.logs.open import open_file
from fairpay.logs.read import Logs
from fairpay.logs.source import BROKEN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairpay.logs.cells import Part
    from fairpay.logs.source import Source

__all__ = ["USER", "Layout", "gathered", "layout_of", "scattered"]

FILE, USER, FAULT = "file", "user", "fault"
"""Columns: the place of a row's layout, the text of the user's id, what is wrong with the row as a whole."""
LIST = pa.list_(pa.string())


@dataclass(frozen=True, slots=True)
class Layout:
    """Files of text whose rows travel through Spark, and what their columns are called on the way."""

    parts: tuple[Part, ...]
    """The files."""
    kinds: tuple[int, ...]
    """int[files]: the place of a file among those that are read otherwise than others."""
    columns: tuple[tuple[str, bool], ...]
    """Name of a column, and whether it holds lists: it is called `c` and its place."""

    @property
    def schema(self) -> str:
        """The columns for Spark."""
        words = {pa.int32(): "int", pa.string(): "string", LIST: "array<string>"}
        return ", ".join(f"{field.name} {words[field.type]}" for field in self.types)

    @property
    def types(self) -> pa.Schema:
        """The columns for Arrow."""
        rest = ((f"c{k}", LIST if lists else pa.string()) for k, (_, lists) in enumerate(self.columns))
        return pa.schema([(FILE, pa.int32()), (FAULT, pa.int32()), (USER, pa.string()), *rest])

    @property
    def alike(self) -> Layout:
        """One file of each kind: all that is needed once rows are read."""
        firsts = {kind: self.parts[place] for place, kind in reversed([*enumerate(self.kinds)])}
        return replace(self, parts=tuple(part for _, part in sorted(firsts.items())), kinds=tuple(sorted(firsts)))

    def kept(self, part: Part) -> list[tuple[str, str]]:
        """Names of a file's columns, here and on the way."""
        places = {column: f"c{k}" for k, column in enumerate(self.columns)}
        return [(name, places[name, is_list(part, name)]) for name in part.names]


def is_list(part: Part, name: str) -> bool:
    return isinstance(part.source.fields[name].kind, pl.List)


def layout_of(logs: Logs) -> Layout:
    """Lay files of text out.

    Raises:
        UsageError: the files say by their names whose plays they hold, or have types.

    """
    if not all(part.source.text or not part.source.fields for part in logs.parts):
        message = "Spark is given files of Parquet, CSV or JSON lines, or tables"
        raise UsageError(message, advice="Write the log as one of these, or use --engine local.")
    known: dict[str, int] = {}
    kinds = [known.setdefault(repr((p.columns, p.constants, p.source.separator)), len(known)) for p in logs.parts]
    columns = dict.fromkeys((name, is_list(part, name)) for part in logs.parts for name in part.names)
    return Layout(tuple(logs.parts), tuple(kinds), tuple(columns))


def scattered(spark: Any, layout: Layout, partitions: int) -> Any:  # noqa: ANN401 - of Spark
    """Let tasks read the files, each file one task."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for place in batch.column(0).to_pylist():
                yield from rows_of(layout, place)

    files = len(layout.parts)
    return spark.range(0, files, 1, min(files, partitions)).mapInArrow(cluster.telling(read), layout.schema)


def rows_of(layout: Layout, place: int) -> Iterator[pa.RecordBatch]:
    """Read a file, and give its rows their place and their user."""
    part = layout.parts[place]
    names = dict(layout.kept(part))
    user = part.columns.roles["user"]
    for frame in source_of(part).read(part.names):
        found = {
            way: frame[name].cast(pl.List(pl.String) if is_list(part, name) else pl.String)
            for name, way in names.items()
        }
        whose = frame.select(id_cells(user, frame.schema[user]).cast(pl.String).alias(USER)) if user in names else None
        fault = frame[BROKEN].cast(pl.Int32) if BROKEN in frame.columns else pl.lit(None, pl.Int32)
        lacking = {
            f"c{k}": pl.lit(None, pl.List(pl.String) if lists else pl.String)
            for k, (_, lists) in enumerate(layout.columns)
            if f"c{k}" not in found
        }
        rows = pl.DataFrame(found).with_columns(
            pl.lit(layout.kinds[place], pl.Int32).alias(FILE),
            (pl.lit(fault) if isinstance(fault, pl.Series) else fault).alias(FAULT),
            (pl.lit(part.constants.get(user), pl.String) if whose is None else pl.lit(whose[USER])).alias(USER),
            **lacking,
        )
        yield from rows.select(layout.types.names).to_arrow().cast(layout.types).to_batches()


def source_of(part: Part) -> Source:
    """Open a file again whose bytes were copied to be read: the copy is where it was opened, not where a task runs."""
    file, used = part.file, getattr(part.source.frames, "file", part.file)
    if file is None or file.copy or used is None or used.local == file.local:
        return part.source
    quoted = part.reading.quote and part.source.quoting != "plain"
    return open_file(file, replace(part.reading, quote=quoted))


def gathered(layout: Layout, table: pa.Table) -> Logs:
    """Make logs again of rows that came through Spark: each kind of file as its own."""
    frame = pl.DataFrame(table)
    parts = []
    for kind, part in enumerate(layout.parts):
        own = frame.filter(pl.col(FILE) == kind)
        if own.height or not frame.height:
            renamed = own.select(*(pl.col(way).alias(name) for name, way in layout.kept(part)), fault(own))
            parts.append(replace(part, file=None, source=replace(part.source, where="the log", frames=of(renamed))))
    first = parts[0].columns
    return Logs(columns=dict(first.roles), detected=first.detected, files=[], bytes=0, notes=[], parts=parts)


def fault(rows: pl.DataFrame) -> pl.Expr:
    return pl.col(FAULT).cast(pl.UInt8).alias(BROKEN) if rows[FAULT].count() else pl.lit(None, pl.UInt8).alias(BROKEN)


def of(frame: pl.DataFrame) -> Any:  # noqa: ANN401 - see `Source`
    """Make frames of rows in memory."""

    def frames(names: Sequence[str], rows: int | None, _: pl.Expr | None) -> Iterator[pl.DataFrame]:
        chosen = frame.select(*names, BROKEN) if frame[BROKEN].count() else frame.select(names)
        yield from chosen.iter_slices(rows or 1 << 17)

    return frames
