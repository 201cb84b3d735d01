"""Apache Spark: it moves each user's rows together and runs the work on them; nothing about listening is decided here.

The plays stay on the executors as blocks of whole users. What comes back are parts and answers, as `partial` has them.
A user who is in two tasks would be paid for twice, so tasks report the buckets they met, and an overlap is refused.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from fairpay.engine.partial import places_of
from fairpay.errors import FairpayError, InputError, OutputError, UsageError
from fairpay.rules.core.month import Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from fairpay.engine.partial import PoolPart
    from fairpay.kernels.arrays import Ints
    from fairpay.rules.core.month import Totals

__all__ = [
    "BUCKET",
    "FEE",
    "Kept",
    "SparkWalks",
    "TaskRow",
    "bucketed",
    "is_spark",
    "kept_blocks",
    "opened",
    "session",
    "with_payers",
]

T = TypeVar("T")
BUCKET, FEE = "__fairpay_bucket", "__fairpay_fee"
BLOCK = 1 << 20
"""Entries that blocks are joined up to."""
SETTINGS = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.maxRecordsPerBatch": "131072",
}
"""What changes results (sums that wrap, times that shift) or costs time if it is otherwise."""
FORMATS = {".parquet": "parquet", ".csv": "csv", ".tsv": "csv", ".json": "json", ".jsonl": "json", ".ndjson": "json"}
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


def is_spark(value: object) -> bool:
    """Whether a value is a frame of Spark."""
    return type(value).__module__.startswith("pyspark.") and hasattr(value, "mapInArrow")


def session(*, master: str | None = None, remote: str | None = None) -> Any:  # noqa: ANN401 - of Spark
    """Return the session that exists, or begin one: at --master, at a Spark Connect server, or on this machine.

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
        if master is not None or "MASTER" not in os.environ:
            builder = builder.master(master or "local[*]")
        builder = builder.config("spark.ui.showConsoleProgress", "false").config("spark.log.level", "ERROR")
    else:
        builder = builder.remote(remote)
    try:
        return builder.getOrCreate()
    except Exception as error:
        message = f"Spark cannot be reached at {remote or master or 'this machine'}: {first_line(error)}"
        raise InputError(message, advice="Check the address; Spark on this machine needs Java 17 or newer.") from error


@contextmanager
def set_up(spark: Any) -> Iterator[list[str]]:  # noqa: ANN401 - of Spark
    """Set what matters for as long as the work lasts; lend a sentence for each setting that was otherwise."""
    before = {name: spark.conf.get(name, None) for name in SETTINGS}
    changed = {name: value for name, value in SETTINGS.items() if before[name] != value}
    for name, value in changed.items():
        spark.conf.set(name, value)
    try:
        yield [f"Spark: {name} = {value} (was {before[name]})" for name, value in changed.items()]
    finally:
        for name in changed:
            if before[name] is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, before[name])


def opened(spark: Any, logs: Sequence[str], *, kind: str | None, header: bool, separator: str | None) -> Any:  # noqa: ANN401 - of Spark
    """Let Spark read logs: files of one format by their endings, a Delta table, or a table of a catalog by its name.

    Types of text are never guessed: ids such as 08001 stay as they are written.

    Raises:
        InputError: they cannot be read.
        UsageError: a path twice, or files of several formats.

    """
    twice = sorted({path for path in logs if list(logs).count(path) > 1})
    if twice:
        message = f"{len(twice):,} logs are named twice: {', '.join(twice)}"
        raise UsageError(message, advice="Name each once; Spark would read it twice.")
    kinds = {format_of(path, kind) for path in logs}
    if len(kinds) > 1 or (kinds == {"table"} and len(logs) > 1):
        message = f"Spark reads logs of one format at a time, and these are {', '.join(sorted(kinds))}"
        raise UsageError(message, advice="Name the format with --format, or give one table.")
    with said_by_spark(", ".join(logs)):
        found = kinds.pop()
        if found == "table":
            return spark.table(logs[0])
        reader = spark.read.format(found)
        if found == "csv":
            reader = reader.option("header", header).option(
                "sep", separator or ("\t" if logs[0].endswith(".tsv") else ",")
            )
            reader = reader.option("escape", '"').option("multiLine", value=False).option("mode", "FAILFAST")
        frame = reader.load(list(logs) if len(logs) > 1 else logs[0])
        return frame if found != "csv" or header else frame.toDF(*(str(k + 1) for k in range(len(frame.columns))))


def format_of(path: str, kind: str | None) -> str:
    """Say what Spark is to read a log as."""
    if kind in {"csv", "parquet", "json"}:
        return kind
    plain = path.lower().removesuffix(".gz").removesuffix(".zst").rstrip("/*")
    for ending, found in FORMATS.items():
        if plain.endswith(ending):
            return found
    if os.path.isdir(os.path.join(path, "_delta_log")):  # noqa: PTH112, PTH118 - a path of Spark's
        return "delta"
    return "table" if "/" not in path and path.count(".") in {1, 2} else "parquet"


def bucketed(frame: Any, user: str, columns: Sequence[str], partitions: int) -> Any:  # noqa: ANN401 - of Spark
    """Move the rows of each user together: some columns, and the bucket of the user's id."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    kept = [plain(frame, name) for name in columns]
    id_of = f.col(f"`{user}`") if user in frame.columns else f.col(user)
    bucket = f.pmod(f.xxhash64(id_of.cast("string")), f.lit(partitions)).cast("int").alias(BUCKET)
    return frame.select(*kept, bucket).repartition(partitions, BUCKET)


def plain(frame: Any, name: str) -> Any:  # noqa: ANN401 - of Spark
    """Return a column as Arrow takes it over: text of any collation by its bytes."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    column = f.col(f"`{name}`")
    kind = frame.schema[name].dataType
    if kind.typeName().startswith("string"):
        return f.collate(column, "UTF8_BINARY").alias(name)
    return column


def with_payers(spark: Any, plays: Any, payers: pa.Table, user: str, partitions: int) -> Any:  # noqa: ANN401 - of Spark
    """Move what each user paid to the user's rows: rows with a fee and no play, which tasks take out first."""
    from pyspark.sql import functions as f  # noqa: PLC0415 - an extra

    paid = spark.createDataFrame(payers.rename_columns([user, FEE]))
    kind = plays.schema[user].dataType
    bucket = f.pmod(f.xxhash64(f.col(f"`{user}`").cast("string")), f.lit(partitions)).cast("int").alias(BUCKET)
    paid = paid.select(f.col(f"`{user}`").cast(kind).alias(user), FEE, bucket)
    return plays.unionByName(paid, allowMissingColumns=True).repartition(partitions, BUCKET)


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
        text = str(error)
        if not type(error).__module__.startswith(("pyspark.", "py4j.", "grpc.")):
            raise
        kind, mark, rest = text.partition("fairpay.errors.")[2].partition(": ")
        known = {one.__name__: one for one in (InputError, UsageError, OutputError)}
        if mark and kind in known:
            message = rest.split("\n")[0]
            raise known[kind](
                message, advice="Read the log on one machine, or with `fairpay check`, to see where."
            ) from error
        message = f"{where}: {first_line(error)}"
        raise InputError(message, advice="Spark could not do it; its own log says more.") from error


def first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0][:300] or type(error).__name__


def packed_arrays(arrays: Mapping[str, Any]) -> bytes:
    """Return arrays as bytes of Arrow."""
    held = {name: one if isinstance(one, pa.Array) else pa.array(one) for name, one in arrays.items()}
    batch = pa.RecordBatch.from_pydict(
        {name: pa.LargeListArray.from_arrays([0, len(one)], one) for name, one in held.items()}
    )
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return bytes(sink.getvalue())


def unpacked_arrays(body: bytes) -> dict[str, pa.Array]:
    """Read them again."""
    batch = pa.ipc.open_stream(body).read_next_batch()
    return {name: batch.column(name).values for name in batch.schema.names}


def rows_out(rows: Iterable[TaskRow]) -> Iterator[pa.RecordBatch]:
    """Hand rows to Spark, one at a time: each may be large."""
    for row in rows:
        yield pa.RecordBatch.from_arrays(
            [pa.array([getattr(row, name)], kind) for name, kind in zip(ROWS.names, ROWS.types, strict=True)],
            schema=ROWS,
        )


def rows_in(batches: Iterable[pa.RecordBatch]) -> Iterator[TaskRow]:
    """Take rows from Spark."""
    for batch in batches:
        for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield TaskRow(*values)


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


def blocks_of(rows: Iterable[TaskRow], everybody: pa.Array) -> Iterator[Usage]:
    """Yield blocks again, their artists by codes among everybody's."""
    codes: dict[str, Any] = {}
    for row in rows:
        arrays = unpacked_arrays(row.body)
        if row.kind == "artists":
            codes[row.task] = places_of(arrays["artist"], everybody).astype(np.uint32)
        else:
            found = {name: values.to_numpy() for name, values in arrays.items()}
            found["artist"] = codes[row.task][found["artist"]]
            yield Usage(**found)


@dataclass(frozen=True, slots=True)
class Kept:
    """Rows that tasks handed on, kept by Spark until they are let go."""

    frame: Any
    """Of Spark: `SPARK_ROWS`."""

    @classmethod
    def of(cls, source: Any, work: Callable[[Iterator[pa.RecordBatch]], Iterator[TaskRow]]) -> Kept:  # noqa: ANN401 - of Spark
        """Run work on each partition, and keep what it hands on, on the executors' disks."""
        from pyspark import StorageLevel  # noqa: PLC0415 - an extra

        frame = source.mapInArrow(lambda batches: rows_out(work(batches)), SPARK_ROWS)
        return cls(frame.persist(StorageLevel.DISK_ONLY))

    def rows(self, *kinds: str) -> list[TaskRow]:
        """Bring the rows of some kinds here."""
        with said_by_spark("the log"):
            return list(rows_in(self.frame.filter(self.frame.kind.isin(*kinds)).toArrow().to_batches()))

    def mapped(self, work: Callable[[Iterator[TaskRow]], Iterator[TaskRow]], *, pool: int) -> list[TaskRow]:
        """Run work on the blocks of a pool, wherever they are, and bring here what it hands on."""
        mine = self.frame.filter(f"kind in ('artists', 'block') and pool = {pool}")
        with said_by_spark("the log"):
            made = mine.mapInArrow(lambda batches: rows_out(work(rows_in(batches))), SPARK_ROWS)
            return list(rows_in(made.toArrow().to_batches()))

    def release(self) -> None:
        """Let Spark forget them."""
        self.frame.unpersist()


@dataclass(frozen=True, slots=True)
class SparkWalks:
    """Walks over blocks on executors, as `partial.Walks`."""

    held: Kept
    parts: Sequence[PoolPart]
    pack: Callable[[Ints, Totals], bytes]
    """Makes a part's file of an answer, and what adds up such files."""
    add: Callable[[Sequence[bytes], int, int], tuple[Ints, Totals]]

    def gather(
        self, pool: int, visit: Callable[[Usage, Ints], Totals | None], *, rows: int, columns: int
    ) -> tuple[Ints, Totals]:
        """Visit every block where it is, and add up what tasks bring."""
        work = gathering(visit, self.parts[pool].artist, self.pack, rows, columns)
        return self.add([row.body for row in self.held.mapped(work, pool=pool)], rows, columns)

    def each(self, pool: int, visit: Callable[[Usage], Any]) -> Iterator[Any]:
        """Visit every block where it is; visits return tuples of arrays."""
        artist = self.parts[pool].artist

        def work(rows: Iterator[TaskRow]) -> Iterator[TaskRow]:
            for usage in blocks_of(rows, artist):
                found = visit(usage)
                yield TaskRow("", "each", pool, packed_arrays({str(k): one for k, one in enumerate(found)}))

        for row in self.held.mapped(work, pool=pool):
            yield tuple(values.to_numpy() for values in unpacked_arrays(row.body).values())


def gathering(
    visit: Callable[[Usage, Ints], Totals | None],
    artist: pa.Array,
    pack: Callable[[Ints, Totals], bytes],
    rows: int,
    columns: int,
) -> Callable[[Iterator[TaskRow]], Iterator[TaskRow]]:
    """Return what a task does for `month.Month.gather`: nothing of this machine goes with it but what it needs."""
    from fairpay.rules.core.month import totals_of  # noqa: PLC0415 - it is pickled with what it uses

    def work(held: Iterator[TaskRow]) -> Iterator[TaskRow]:
        out = np.zeros((rows, columns), dtype=np.int64)
        found = [visit(usage, out) for usage in blocks_of(held, artist)]
        if found:
            yield TaskRow("", "answer", 0, pack(out, totals_of(found)))

    return work
