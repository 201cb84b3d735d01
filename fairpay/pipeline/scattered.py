"""Files on a cluster: each is read by a task, with the reader of this machine, so that every cell is the same.

What Spark makes of CSV and JSON is not: it cuts rows with too many fields, takes the header of any file for all, and
replaces bytes that are no text. So Spark moves rows that it does not look into: frames of Polars, each of the users of
one bucket.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.engine import spark as cluster
from fairpay.engine.keys import hash_ids
from fairpay.kernels.hashing import KEYS
from fairpay.logs.cells import to_arrow
from fairpay.logs.read import Logs
from fairpay.logs.source import BROKEN, open_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.logs.cells import Part
    from fairpay.logs.source import Source

__all__ = ["Layout", "Scattered", "layout_of", "paid_frames", "scattered"]

PAID = -1
"""In the place of a file: the frame says who paid what."""
MOVED = pa.schema([(cluster.BUCKET, pa.int32()), ("file", pa.int32()), ("body", pa.binary())])
SPARK_MOVED = "bucket int, file int, body binary"
SECRET = np.frombuffer(hashlib.shake_256(b"fairpay").digest(8 * KEYS), dtype=np.uint64)
"""Nothing to hide: every task must find the same bucket."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Files whose rows travel through Spark."""

    parts: tuple[Part, ...]
    """The files."""
    kinds: tuple[int, ...]
    """int[files]: the place of a file among those that are read otherwise than others."""

    @property
    def alike(self) -> Layout:
        """One file of each kind: all that is needed once rows are read."""
        firsts = {kind: self.parts[place] for place, kind in reversed([*enumerate(self.kinds)])}
        return replace(self, parts=tuple(part for _, part in sorted(firsts.items())), kinds=tuple(sorted(firsts)))


def layout_of(logs: Logs) -> Layout:
    """Lay files out."""
    known: dict[str, int] = {}
    said = [repr((p.columns, sorted(p.constants.items()), p.source.separator)) for p in logs.parts]
    return Layout(tuple(logs.parts), tuple(known.setdefault(one, len(known)) for one in said))


def scattered(spark: Any, layout: Layout, partitions: int, paid: pa.Table | None = None) -> Any:  # noqa: ANN401 - of Spark
    """Let tasks read the files, each file one task, and move the rows of each user together; `paid`: `paid_frames`."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for place in batch.column(0).to_pylist():
                yield from moved(layout.kinds[place], rows_of(layout.parts[place], partitions))

    files = len(layout.parts)
    rows = spark.range(0, files, 1, min(files, partitions)).mapInArrow(cluster.telling(read), SPARK_MOVED)
    if paid is not None and paid.num_rows:
        rows = rows.unionByName(spark.createDataFrame(paid))
    return rows.repartition(partitions, cluster.BUCKET)


def rows_of(part: Part, partitions: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """Read a file, and divide its rows by the buckets of their users."""
    user = part.columns.roles["user"]
    alone = replace(part, columns=replace(part.columns, roles={"user": user}, played=(), spoken=()))
    for frame in source_of(part).read(part.names):
        if user in part.source.fields:
            whose = to_arrow(alone.series(frame)["user"])
        else:
            whose = pa.array([part.constants.get(user) or ""]).take(pa.array(np.zeros(frame.height, dtype=np.int64)))
        yield from by_bucket(frame, whose, partitions)


def by_bucket(frame: pl.DataFrame, users: pa.Array, partitions: int) -> Iterator[tuple[int, pl.DataFrame]]:
    """Divide rows by the buckets of their users' ids, which are told apart as the engine does it."""
    bucket: NDArray[np.uint64] = hash_ids(users, SECRET)[:, 0] % np.uint64(partitions)
    whole = frame.with_columns(pl.Series(cluster.BUCKET, bucket.astype(np.int32)))
    for (key, *_), rows in whole.partition_by(cluster.BUCKET, as_dict=True, include_key=False).items():
        yield key, rows


def moved(file: int, frames: Iterable[tuple[int, pl.DataFrame]]) -> Iterator[pa.RecordBatch]:
    """Pack frames as rows for Spark."""
    for bucket, frame in frames:
        body = BytesIO()
        frame.write_ipc(body)
        yield pa.RecordBatch.from_pydict({"bucket": [bucket], "file": [file], "body": [body.getvalue()]}, schema=MOVED)


def paid_frames(payers: Mapping[int, Iterable[tuple[Any, Any]]], partitions: int) -> pa.Table:
    """Say who paid what into which pool, as rows that travel as those of files do."""
    made = [MOVED.empty_table().to_batches()]
    for pool, batches in payers.items():
        for users, paid in batches:
            frame = pl.DataFrame({"user": pl.Series(users).cast(pl.String), "fee": np.asarray(paid, dtype=np.int64)})
            ids = to_arrow(frame["user"])
            made.append([*moved(PAID - pool, by_bucket(frame, ids, partitions))])
    return pa.Table.from_batches([batch for several in made for batch in several], MOVED)


@dataclass(frozen=True, slots=True)
class Scattered:
    """What came to a task."""

    frames: Mapping[int, Sequence[pl.DataFrame]]
    """Kind of file -> frames."""
    payers: Mapping[int, Sequence[tuple[pa.Array, Any]]]
    """Pool -> who paid what."""

    @classmethod
    def of(cls, batches: Iterable[pa.RecordBatch], buckets: set[int]) -> Scattered:
        """Unpack what Spark moved, and note the buckets."""
        frames: dict[int, list[pl.DataFrame]] = defaultdict(list)
        payers: dict[int, list[tuple[pa.Array, Any]]] = defaultdict(list)
        for batch in batches:
            for bucket, file, body in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                buckets.add(bucket)
                frame = pl.read_ipc(BytesIO(body))
                if file > PAID:
                    frames[file].append(frame)
                else:
                    payers[PAID - file].append(
                        (to_arrow(frame["user"]).cast(pa.large_string()), frame["fee"].to_numpy())
                    )
        return cls(frames, payers)

    def logs(self, layout: Layout) -> Logs:
        """Make logs again of rows that came through Spark: each kind of file, of each type, as its own."""
        parts = []
        for part, kind in zip(layout.parts, layout.kinds, strict=True):
            alike: dict[str, list[pl.DataFrame]] = defaultdict(list)
            for frame in self.frames.get(kind, ()):
                alike[repr(frame.schema)].append(frame)
            for frames in alike.values() or ([] if self.frames else [[]]):
                read = frames_of(pl.concat(frames) if frames else None)
                source = replace(part.source, where="the log", frames=read, rows=None)
                parts.append(replace(part, file=None, source=source))
        return Logs(parts=parts)


def source_of(part: Part) -> Source:
    """Open a file again whose bytes were copied to be read: the copy is where it was opened, not where a task runs."""
    file, used = part.file, getattr(part.source.frames, "file", part.file)
    if file is None or file.copy or used is None or used.local == file.local:
        return part.source
    quoted = part.reading.quote and part.source.quoting != "plain"
    return open_file(file, replace(part.reading, quote=quoted))


def frames_of(frame: pl.DataFrame | None) -> Any:  # noqa: ANN401 - see `Source`
    """Make frames of rows in memory."""

    def frames(names: Sequence[str], rows: int | None, _: pl.Expr | None) -> Iterator[pl.DataFrame]:
        if frame is not None:
            more = [name for name in (BROKEN,) if name in frame.columns]
            yield from frame.select(*names, *more).iter_slices(rows or 1 << 17)

    return frames
