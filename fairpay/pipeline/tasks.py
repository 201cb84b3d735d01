"""What tasks on a cluster do: some read rows, others take users in as every run does and hand on what they add.

Rows are read with the reader of this machine, so that every cell is the same. What Spark makes of CSV and JSON is not:
it cuts rows with too many fields, takes the header of any file for all, and replaces bytes that are no text. So Spark
moves rows that it does not look into: frames of Polars, each of the users of one bucket.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import partial
from importlib import metadata
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.engine import spark as cluster
from fairpay.engine.keys import hash_ids
from fairpay.engine.spark import TaskRow
from fairpay.errors import InputError
from fairpay.kernels.hashing import KEYS
from fairpay.logs.cells import to_arrow
from fairpay.logs.read import Logs
from fairpay.logs.schema import Cautions
from fairpay.logs.source import BROKEN, of_table, open_file
from fairpay.logs.tables import read_artists
from fairpay.pipeline.intake import counted_apart, take_in
from fairpay.pipeline.partfile import PartFile, packed
from fairpay.pipeline.parts import MonthPart, part_of
from fairpay.pipeline.request import Watch
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.engine.partial import PoolPart
    from fairpay.logs.cells import Part
    from fairpay.logs.source import Source
    from fairpay.pipeline.intake import Plan, Taken, Variant
    from fairpay.rules.core.month import Usage

    Frames = Callable[[], Iterable[pl.DataFrame]]
    """Frames that came to a task, as often as they are wanted."""

__all__ = [
    "Layout",
    "Recipe",
    "counted_in",
    "layout_of",
    "own_part",
    "paid_frames",
    "read_files",
    "read_frame",
    "scattered",
    "sent",
    "taken_in",
]

TASK_MEMORY = 1_000_000_000
"""Bytes that a task's engine may hold before it writes to its disk, where nothing else is said."""
PAID = -1
"""In the place of a file: the frame says who paid what."""
MOVED = pa.schema([(cluster.BUCKET, pa.int32()), ("file", pa.int32()), ("body", pa.binary())])
SPARK_MOVED = "bucket int, file int, body binary"
SECRET = np.frombuffer(hashlib.shake_256(b"fairpay").digest(8 * KEYS), dtype=np.uint64)
"""Nothing to hide: every task must find the same bucket."""
ROWS = 1 << 17
"""Rows that frames are put together to."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Sources whose rows travel through Spark."""

    parts: tuple[Part, ...]
    """The files, or the columns of a frame of Spark."""
    kinds: tuple[int, ...]
    """int[files]: the place of a file among those that are read otherwise than others."""

    @property
    def alike(self) -> Layout:
        """One file of each kind: all that is needed once rows are read."""
        firsts = {kind: self.parts[place] for place, kind in reversed([*enumerate(self.kinds)])}
        return replace(self, parts=tuple(part for _, part in sorted(firsts.items())), kinds=tuple(sorted(firsts)))

    def logs(self, frames: Mapping[int, Frames], period: tuple[int | None, int | None]) -> Logs:
        """Make logs again of rows that came through Spark: each kind of file as its own."""
        parts = []
        for part, kind in zip(self.parts, self.kinds, strict=True):
            where = part.source.where if part.file is None else "the log"
            read = partial(arrived, frames[kind])
            parts.append(replace(part, file=None, source=replace(part.source, where=where, frames=read, rows=None)))
        return Logs(parts=parts, period=period)


def layout_of(logs: Logs) -> Layout:
    """Lay files out."""
    known: dict[str, int] = {}
    said = [repr((p.columns, sorted(p.constants.items()), p.source.separator)) for p in logs.parts]
    return Layout(tuple(logs.parts), tuple(known.setdefault(one, len(known)) for one in said))


def scattered(
    source: Any,  # noqa: ANN401 - of Spark
    read: Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]],
    partitions: int,
    paid: pa.Table,
) -> Any:  # noqa: ANN401 - of Spark
    """Let tasks read the rows that a frame of Spark holds or names, and move those of each user together.

    Args:
        source: the frame.
        read: what each task does, as `read_files` and `read_frame` return it.
        partitions: of users.
        paid: `paid_frames`.

    """
    rows = source.mapInArrow(cluster.telling(read), SPARK_MOVED)
    if paid.num_rows:
        rows = rows.unionByName(source.sparkSession.createDataFrame(paid))
    return rows.repartition(partitions, cluster.BUCKET)


def read_files(layout: Layout, partitions: int) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what a task does that is given places of files."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for place in batch.column(0).to_pylist():
                yield from moved(layout.kinds[place], rows_of(layout.parts[place], partitions))

    return read


def read_frame(
    part: Part, names: Sequence[str], partitions: int
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return what a task does that is given rows of Spark's, with columns of these names."""

    def read(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            source = of_table(batch.rename_columns([*names]))
            yield from moved(0, rows_of(replace(part, source=source), partitions))

    return read


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


def source_of(part: Part) -> Source:
    """Open a file again whose bytes were copied to be read: the copy is where it was opened, not where a task runs."""
    file, used = part.file, getattr(part.source.frames, "file", part.file)
    if file is None or file.copy or used is None or used.local == file.local:
        return part.source
    quoted = part.reading.quote and part.source.quoting != "plain"
    return open_file(file, replace(part.reading, quote=quoted))


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


def arriving(batches: Iterable[pa.RecordBatch], buckets: set[int]) -> Iterator[tuple[int, pl.DataFrame]]:
    """Unpack what Spark moved: kinds of files, and frames; note the buckets."""
    for batch in batches:
        for bucket, file, body in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            buckets.add(bucket)
            yield file, pl.read_ipc(BytesIO(body))


def arrived(held: Frames, names: Sequence[str], rows: int | None, _: pl.Expr | None) -> Iterator[pl.DataFrame]:
    """Yield the rows that came to a task, as a `Source` does; frames of one type that follow each other are one."""
    waiting, height = list[pl.DataFrame](), 0
    for frame in chain(held(), (None,)):
        if waiting and (frame is None or height >= ROWS or frame.schema != waiting[0].schema):
            whole = pl.concat(waiting)
            yield from whole.select(*names, *({BROKEN} & {*whole.columns})).iter_slices(rows or ROWS)
            waiting, height = [], 0
        if frame is not None:
            waiting.append(frame)
            height += frame.height


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a task needs to take its users in, as plain data: it is sent to executors."""

    plan: Plan
    """Its payers are of all users and name nobody: each pool that has some has none here."""
    variants: tuple[Variant, ...]
    layout: Layout
    """Of rows that tasks read."""
    period: tuple[int | None, int | None] = (None, None)
    version: str = metadata.version("fairpay")
    """Of fairpay, which must be that of the executors."""

    def opened(self, batches: Iterator[pa.RecordBatch], buckets: set[int], *, twice: bool) -> tuple[Plan, Logs] | None:
        """Open what came to a task, and note the buckets; None where nobody came. `twice`: plays are read twice.

        A pool that has subscribers has them in every task, if none of these. Where plays are read once, and nobody's
        payments stand behind them, they are taken as they come.
        """
        there = metadata.version("fairpay")
        if there != self.version:
            message = f"the executors have fairpay {there}, and this machine has {self.version}"
            raise InputError(message, advice="Install the same everywhere.")
        rows, pools = arriving(batches, buckets), [*self.plan.payers.parts]
        if (first := next(rows, None)) is None:
            return None
        rows = chain([first], rows)
        if not (twice or pools or len(self.layout.parts) > 1):
            return self.plan, self.layout.logs(
                {self.layout.kinds[0]: lambda: (frame for _, frame in rows)}, self.period
            )
        held: dict[int, list[pl.DataFrame]] = defaultdict(list)
        for file, frame in rows:
            held[file].append(frame)
        paid = {pool: [(to_arrow(one["user"]), one["fee"].to_numpy()) for one in held[PAID - pool]] for pool in pools}
        frames = {kind: partial(sorted, held[kind], key=lambda frame: repr(frame.schema)) for kind in self.layout.kinds}
        plan = replace(self.plan, payers=replace(self.plan.payers, parts=paid))
        return plan, self.layout.logs(frames, self.period)


def sent(plan: Plan) -> Plan:
    """Return what tasks do of a plan, without what is of this machine, or of other users."""
    running = Running(memory=plan.running.memory or TASK_MEMORY, threads=1)
    artists = read_artists(plan.artists) if isinstance(plan.artists, Path) and plan.policies else None
    return replace(
        plan,
        payers=replace(plan.payers, parts=dict.fromkeys(plan.payers.parts, ()), outside=()),
        running=running,
        artists=artists,
        reading=replace(plan.reading, rejects=None, header=True),
        counted=None if plan.counting else {},
        partly=True,
        rowless=True,
        set_aside=True,
        rejects=None,
    )


def taken_in(recipe: Recipe, batches: Iterator[pa.RecordBatch]) -> Iterator[TaskRow]:
    """Take a task's users in, and hand on what they add, the buckets met, and their blocks for the walks to come."""
    buckets: set[int] = set()
    opened = recipe.opened(batches, buckets, twice=recipe.plan.reading.repeats == "drop")
    if opened is None:
        return
    cautions = Cautions()
    with take_in(*opened, Watch(), cautions, variants=recipe.variants) as taken:
        part = part_of(taken, cautions)
        task = f"{min(buckets, default='')} {stamp(part.pools)}"
        yield TaskRow(task, "part", 0, packed(PartFile(terms={}, round=1, parts=(), part=part)))
        yield from blocks(taken, part, task)
    yield TaskRow(task, "buckets", 0, cluster.packed_arrays({"bucket": np.array(sorted(buckets), dtype=np.int64)}))


def blocks(taken: Taken, part: MonthPart, task: str) -> Iterator[TaskRow]:
    """Yield the users of each pool that pays, for the walks to come."""
    for pool, own in enumerate(part.pools[: taken.plan.pools]):
        if own.payers.users:
            users = taken.engine.pool(pool).listening.walk(copied)
            yield from cluster.kept_blocks(task, pool, own.artist, users)
            taken.engine.pool(pool).release()


def own_part(recipe: Recipe) -> MonthPart:
    """Return what nobody adds to a month."""
    logs, cautions = recipe.layout.logs(dict.fromkeys(recipe.layout.kinds, tuple), recipe.period), Cautions()
    with take_in(recipe.plan, logs, Watch(), cautions, variants=recipe.variants) as taken:
        return part_of(taken, cautions)


def stamp(pools: Sequence[PoolPart]) -> str:
    """Return what is the same whenever a task's users are taken in, in whatever order: SHA-256 of what they add."""
    digest = hashlib.sha256()
    for pool in pools:
        digest.update(repr(pool.payers).encode())
        for frame in (pool.artists, pool.users):
            digest.update(frame.write_csv().encode())
    return digest.hexdigest()


def copied(usage: Usage) -> Usage:
    """Take a block that outlives its walk."""
    return replace(usage, artist=usage.artist.copy(), amount=usage.amount.copy(), start=usage.start.copy())


def counted_in(recipe: Recipe, batches: Iterator[pa.RecordBatch]) -> Iterator[TaskRow]:
    """Count a task's rows, in a job of its own: a census for each unit and pool, see `census_of`."""
    opened = recipe.opened(batches, set(), twice=True)
    if opened is None:
        return
    for unit, of_pools in counted_apart(*opened).items():
        for pool, one in of_pools.items():
            yield TaskRow("", "census", pool, packed(PartFile(terms={}, round=1, parts=(), census={unit: one})))
