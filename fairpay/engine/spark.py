"""Apache Spark: it moves each user's rows together and runs the work on them; nothing about listening is decided here.

The plays stay on the executors as blocks of whole users. What comes back are parts and answers, as `partial` has them.
A user who is in two tasks would be paid for twice, so tasks report the buckets they met, and an overlap is refused.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import sys
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies

import numpy as np
import pyarrow as pa

from fairpay import errors
from fairpay.engine.keys import places_of
from fairpay.errors import FairpayError, InputError, Problem, UsageError
from fairpay.rules.core.month import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = [
    "BUCKET",
    "Kept",
    "TaskRow",
    "blocks_of",
    "chosen",
    "kept_blocks",
    "opened",
    "packed_arrays",
    "said_by_spark",
    "session",
    "set_up",
    "telling",
    "unpacked_arrays",
]

T = TypeVar("T")
BUCKET = "bucket"
MARK = "<fairpay>"
"""Stands before and behind an error in what Spark says of it."""
PORT, WAIT = 15_002, 20
"""Where a server of Spark Connect listens, and the seconds in which one answers."""
BLOCK = 1 << 20
"""Entries that blocks are joined up to."""
SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "131072",
    "spark.sql.sources.partitionColumnTypeInference.enabled": "false",
}
"""What changes results (sums that wrap, times that shift, ids in names of folders) or costs time if it is otherwise."""
ROWS = pa.schema([("task", pa.string()), ("kind", pa.string()), ("pool", pa.int32()), ("body", pa.binary())])
SPARK_ROWS = "task string, kind string, pool int, body binary"
ARRAYS = ("start", "artist", "amount", "fee", "total", "plays")


@dataclass(frozen=True, slots=True)
class TaskRow:
    """What a task hands on."""

    task: str
    kind: str
    pool: int
    body: bytes


def session(*, master: str | None = None, remote: str | None = None) -> Any:  # noqa: ANN401 - of Spark
    """Return the session that exists, or begin one: at --master, at a Spark Connect server, or as Spark is set up.

    Raises:
        UsageError: PySpark is not installed.
        InputError: no session can be had.

    """
    try:
        from pyspark.sql import SparkSession  # noqa: PLC0415 - an extra
    except ImportError:
        message = "Spark is not installed here"
        raise UsageError(message, advice="Install it with: pip install 'fairpay[spark]'.") from None
    known = SparkSession.getActiveSession()
    if known is not None:
        return known
    remote = remote or (None if master else os.environ.get("SPARK_REMOTE"))
    builder = SparkSession.builder.appName("fairpay")
    if remote is None:
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
        if master is not None:  # else as spark-submit or spark-defaults.conf say
            builder = builder.master(master).config("spark.ui.enabled", not master.startswith("local"))
        builder = builder.config("spark.ui.showConsoleProgress", "false").config("spark.log.level", "ERROR")
    else:
        builder = builder.remote(remote)
    try:
        look_for(remote)
        return builder.getOrCreate()
    except Exception as error:
        message = f"Spark cannot be reached at {remote or master or 'this machine'}: {first_line(error)}"
        raise InputError(message, advice="Check the address; Spark on this machine needs Java 17 or newer.") from error


def look_for(remote: str | None) -> None:
    """See that a server of Spark Connect is there: its client would try for ten minutes. A proxy may know it still.

    Raises:
        OSError: nothing answers.

    """
    place = urlsplit(remote or "")
    if place.scheme == "sc" and place.hostname and not getproxies():
        socket.create_connection((place.hostname, place.port or PORT), timeout=WAIT).close()


@contextmanager
def set_up(spark: Any) -> Iterator[list[str]]:  # noqa: ANN401 - of Spark
    """Set what matters for as long as the work lasts; lend a sentence for each setting that was otherwise.

    Raises:
        UsageError: it cannot be set.

    """
    before = {name: spark.conf.get(name, None) for name in SETTINGS}
    changed = {name: value for name, value in SETTINGS.items() if before[name] != value}
    for name, value in changed.items():
        try:
            spark.conf.set(name, value)
        except Exception as error:
            message = f"Spark's setting {name} is {before[name]}, must be {value}, and cannot be set from here"
            raise UsageError(message, advice="Let whoever runs the server set it.") from error
    try:
        yield [f"Spark: {name} = {value} (was {before[name]})" for name, value in changed.items()]
    finally:
        for name in changed:
            if before[name] is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, before[name])


def opened(spark: Any, paths: Sequence[str], *, kind: str, folder: str | None = None) -> Any:  # noqa: ANN401 - of Spark
    """Let Spark open a log: files of Parquet, a table of Delta Lake, or a table of a catalog by its name.

    `folder`: the one that files lie in, whose `key=value` folders are columns.

    Raises:
        InputError: it cannot be read, or not whole.

    """
    with said_by_spark(", ".join(paths[:3])):
        if kind == "table":
            return spark.table(paths[0])
        reader, where = spark.read.format(kind), list(paths) if len(paths) > 1 else paths[0]
        if kind == "parquet":  # of several files, Spark would take the columns of any
            reader = reader.option("mergeSchema", value=True)
        if folder is not None:
            reader = reader.option("basePath", folder)
        frame = reader.load(where)
        if kind == "parquet" and folder is None:
            every = spark.read.format(kind).option("recursiveFileLookup", value=True).load(where)
            if passed := {*every.inputFiles()} - {*frame.inputFiles()}:
                message = f"Spark passes over {len(passed):,} files in folders within, such as {min(passed)}"
                raise InputError(message, advice="Name them with a pattern, such as DIR/*/*.parquet.")
        return frame


def chosen(frame: Any, names: Sequence[str]) -> Any:  # noqa: ANN401 - of Spark
    """Take some columns of a frame, called by their places, as Arrow takes them over: text by its bytes."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    columns = {name: f.col("`" + name.replace("`", "``") + "`") for name in names}
    for name, column in columns.items():
        if frame.schema[name].dataType.typeName().startswith("string"):
            columns[name] = f.collate(column, "UTF8_BINARY")
    return frame.select(*(column.alias(str(k)) for k, column in enumerate(columns.values())))


def telling(work: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]) -> Any:  # noqa: ANN401 - for Spark
    """Return work whose errors reach the driver whole: Spark hands on the text of an error only."""

    def told(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        try:
            yield from work(batches)
        except FairpayError as error:
            problems = [[one.count, one.reason] for one in error.problems]
            said = json.dumps([type(error).__name__, error.message, problems, error.advice])
            text = f"{MARK}{base64.b64encode(said.encode()).decode()}{MARK}"
            raise RuntimeError(text) from error

    return told


@contextmanager
def said_by_spark(where: str) -> Iterator[None]:
    """Turn what Spark says into an error for people; what a task of fairpay's raised is that error again.

    Raises:
        FairpayError: always of some kind.

    """
    try:
        yield
    except FairpayError:
        raise
    except Exception as error:
        if not type(error).__module__.startswith(("pyspark.", "py4j.", "grpc.")):
            raise
        told = str(error).split(MARK)
        if len(told) > 1:
            kind, message, problems, advice = json.loads(base64.b64decode(told[1]))
            known = [Problem(count, reason) for count, reason in problems]
            raise getattr(errors, kind)(message, problems=known, advice=advice) from error
        message, advice = f"{where}: {first_line(error)}", "Spark could not do it; its own log says more."
        if "DATA_SOURCE_NOT_FOUND" in str(error):
            message = f"{where}: this Spark lacks the package that reads such a table"
            advice = "Begin it with --packages (for Delta Lake io.delta:delta-spark_2.13:4.0.0), or use --engine local."
        raise InputError(message, advice=advice) from error


def first_line(error: Exception) -> str:
    """Return what Spark says first; where that is only which call of Java failed, what is said of it."""
    first, *more = str(error).strip().splitlines() or [type(error).__name__]
    return (more[0].removeprefix(": ") if more and first.startswith("An error occurred while calling") else first)[:300]


def packed_arrays(arrays: Mapping[str, Any]) -> bytes:
    """Return arrays as bytes of Arrow."""
    held = {name: one if isinstance(one, pa.Array) else pa.array(one) for name, one in arrays.items()}
    batch = pa.RecordBatch.from_pydict(
        {name: pa.LargeListArray.from_arrays([0, len(one)], one) for name, one in held.items()}
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def unpacked_arrays(body: bytes) -> dict[str, pa.Array]:
    """Read them again."""
    batch = pa.ipc.open_stream(body).read_next_batch()
    return {name: batch.column(name).values for name in batch.schema.names}


def rows_out(rows: Iterable[TaskRow]) -> Iterator[pa.RecordBatch]:
    """Hand rows to Spark, one at a time: each may be large."""
    return (pa.RecordBatch.from_pylist([asdict(row)], ROWS) for row in rows)


def rows_in(batches: Iterable[pa.RecordBatch]) -> Iterator[TaskRow]:
    """Take rows from Spark."""
    return (TaskRow(**row) for batch in batches for row in batch.to_pylist())


def kept_blocks(task: str, pool: int, artist: pa.Array, blocks: Iterable[Usage]) -> Iterator[TaskRow]:
    """Yield what walks need of a pool on an executor: its artists, then its users in blocks of a good size."""
    yield TaskRow(task, "artists", pool, packed_arrays({"artist": artist}))
    waiting: list[Usage] = []
    for usage in blocks:
        waiting.append(usage)
        if sum(len(one.artist) for one in waiting) >= BLOCK:
            yield TaskRow(task, "block", pool, packed_arrays(joined(waiting)))
            waiting = []
    if waiting:
        yield TaskRow(task, "block", pool, packed_arrays(joined(waiting)))


def joined(blocks: Sequence[Usage]) -> dict[str, Any]:
    """Put blocks one behind another."""
    found: dict[str, Any] = {name: np.concatenate([getattr(one, name) for one in blocks]) for name in ARRAYS[1:]}
    ends = np.cumsum([0, *(len(one.artist) for one in blocks)])
    starts = [one.start[:-1] + end for one, end in zip(blocks, ends, strict=False)]
    return {"start": np.concatenate([*starts, ends[-1:]]).astype(np.int64), **found}


def blocks_of(
    rows: Iterable[TaskRow], everybody: Mapping[int, pa.Array], codes: dict[tuple[str, int], Any]
) -> Iterator[tuple[int, Usage]]:
    """Yield blocks again, each with its pool, and artists by codes among everybody's in that pool.

    `codes` takes those of each task and pool that is met.
    """
    for row in rows:
        arrays, whose = unpacked_arrays(row.body), (row.task, row.pool)
        if row.kind == "artists":
            codes[whose] = places_of(arrays["artist"], everybody[row.pool]).astype(np.uint32)
        else:
            found = {name: values.to_numpy() for name, values in arrays.items()}
            found["artist"] = codes[whose][found["artist"]]
            yield row.pool, Usage(**found)


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows that tasks handed on, kept by Spark until they are let go."""

    frame: Any
    """Of Spark: `SPARK_ROWS`."""

    @classmethod
    def of(cls, source: Any, work: Callable[[Iterator[pa.RecordBatch]], Iterator[TaskRow]]) -> Kept:  # noqa: ANN401 - of Spark
        """Run work on each partition, and keep what it hands on, on the executors' disks."""
        from pyspark import StorageLevel  # noqa: PLC0415 - an extra

        frame = source.mapInArrow(telling(lambda batches: rows_out(work(batches))), SPARK_ROWS)
        return cls(frame.persist(StorageLevel.DISK_ONLY))

    def rows(self, *kinds: str) -> list[TaskRow]:
        """Bring the rows of some kinds here, of one attempt at each task."""
        with said_by_spark("the log"):
            return list(rows_in(self.frame.filter(self.frame["kind"].isin(*kinds)).toArrow().to_batches()))

    def mapped(self, work: Callable[[Iterator[TaskRow]], Iterator[TaskRow]], *, pools: Iterable[int]) -> list[TaskRow]:
        """Run work on the blocks of some pools, wherever they are, and bring here what it hands on."""
        mine = self.frame.filter(f"kind in ('artists', 'block') and pool in ({', '.join(map(str, pools))})")
        with said_by_spark("the log"):
            made = mine.mapInArrow(telling(lambda batches: rows_out(work(rows_in(batches)))), SPARK_ROWS)
            return list(rows_in(made.toArrow().to_batches()))

    def release(self) -> None:
        """Let Spark forget them."""
        self.frame.unpersist()
