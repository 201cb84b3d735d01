"""Log files as units of work: small files together, large Parquet files in runs of row groups."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fairpay.errors import InputError
from fairpay.io.columns import Columns, find_columns, refuse_duplicates
from fairpay.io.frames import FrameLog, open_remote
from fairpay.io.json_logs import JsonLog
from fairpay.io.parquet import ParquetLog, open_log
from fairpay.io.ranges import Ranges, cuttable
from fairpay.io.table import Origin, check_id_type, to_batch
from fairpay.io.text import TextLog

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

    from fairpay.io.sources import LogFile
    from fairpay.io.table import Rows
    from fairpay.schema import RawBatch
    from fairpay.settings import Reading

__all__ = ["Asked", "Log", "Unit", "columns_of", "open_file", "plan", "to_batches"]

LEAST, MOST = 1 << 20, 32 << 20
"""Bytes on disk a unit aims at: so many that threads have several each, within these bounds."""
PER_THREAD = 4

Log = ParquetLog | TextLog | JsonLog | FrameLog


@dataclass(frozen=True, slots=True)
class Unit:
    """Part of the logs, read independently of the rest. Call it once, on any thread."""

    read: Callable[[], Iterator[RawBatch]]
    bytes: int
    """Bytes on disk, for progress."""

    def __call__(self) -> Iterator[RawBatch]:
        """Read the rows, batch by batch."""
        return self.read()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the reader was asked for, the same for every file."""

    reading: Reading
    wanted: frozenset[str]
    period: tuple[int | None, int | None]

    @classmethod
    def of(cls, reading: Reading, wanted: Collection[str], period: tuple[int | None, int | None]) -> Asked:
        """Bring the arguments together."""
        return cls(reading, frozenset(wanted), period)


def open_file(file: LogFile, reading: Reading, *, keep: bool = False) -> Log:
    """Look into a file as far as needed to know its columns; with `keep`, it is about to be read once.

    Raises:
        InputError: it cannot be read.

    """
    if file.remote:
        return open_remote(file, reading)
    if file.format == "parquet":
        return open_log(file, keep=keep)
    if file.format == "csv":
        return TextLog.open(file, reading)
    return JsonLog.open(file)


def columns_of(log: Log, file: LogFile, asked: Asked, *, like: Columns | None = None) -> Columns:
    """Find the columns of one file, the same ones as in the first file where it has them.

    Raises:
        InputError: a needed column is missing, cannot hold ids, or the file measures other things than the first one.

    """
    refuse_duplicates(log.names, file.path)
    names = [*log.names, *(key for key in file.hive if key not in log.names)]
    if like is not None and set(like.names) <= set(names):
        found = like
    else:
        needed = () if asked.period == (None, None) else ("time",)
        found = find_columns(names, asked.reading, wanted={*asked.wanted, *needed}, where=file.path, needed=needed)
    if like is not None and found.roles.keys() != like.roles.keys():
        both = sorted(found.roles.keys() ^ like.roles.keys())
        message = f"{file.path}: some logs have a column for {', '.join(both)} and others have none"
        raise InputError(message, advice="Read logs of one kind at a time, or name the columns with --columns.")
    if isinstance(log, (ParquetLog, FrameLog)):
        for role in ("user", "artist"):
            name = found.roles.get(role)
            if name in log.schema.names:
                check_id_type(log.schema.field(name).type, role=role, name=name or "", where=file.path)
    return found


def origin_of(file: LogFile, reading: Reading) -> Origin:
    """Say what is the same for all rows of a file."""
    return Origin(file.path, {**file.hive, **({"": file.stem} if reading.user_from_file else {})})


def with_user(columns: Columns, reading: Reading) -> Columns:
    """Add the user that the file's name stands for."""
    if not reading.user_from_file:
        return columns
    return Columns({**columns.roles, "user": ""}, columns.played, columns.detected)


def to_batches(
    rows: Iterable[Rows],
    columns: Columns,
    origin: Origin,
    *,
    first_row: int = 1,
    before: Callable[[], int] | None = None,
) -> Iterator[RawBatch]:
    """Turn rows with names into batches with roles, numbered; `before` as in RawBatch."""
    from fairpay.schema import RawBatch  # noqa: PLC0415 - only needed at run time here

    at = first_row
    for part in rows:
        at += part.pruned
        if part.rows == 0:
            yield RawBatch({}, origin.file, at, part.pruned)
            continue
        yield to_batch(part, columns, origin, first_row=at, before=before)
        at += part.rows


def read_file(file: LogFile, asked: Asked, like: Columns, batch_rows: int | None) -> Iterator[RawBatch]:
    """Read one whole file."""
    log = open_file(file, asked.reading, keep=True)
    columns = columns_of(log, file, asked, like=like)
    names = [name for name in columns.names if name in log.names]
    if isinstance(log, ParquetLog):
        yield from read_groups(log.checked(names), columns, asked, batch_rows, range(log.metadata.num_row_groups))
        return
    rows = log.read(names, batch_rows)
    yield from to_batches(rows, with_user(columns, asked.reading), origin_of(file, asked.reading))


def read_groups(
    log: ParquetLog, columns: Columns, asked: Asked, batch_rows: int | None, groups: Sequence[int]
) -> Iterator[RawBatch]:
    """Read some row groups of a Parquet file."""
    time = columns.roles.get("time")
    names = [name for name in columns.names if name in log.names]
    rows = log.read(names, batch_rows, groups=groups, time=time, period=asked.period)
    before = sum(log.group_rows()[: groups[0]]) if len(groups) else 0
    origin = origin_of(log.file, asked.reading)
    yield from to_batches(rows, with_user(columns, asked.reading), origin, first_row=1 + before)


def plan(files: Sequence[LogFile], asked: Asked, like: Columns, *, batch_rows: int | None, threads: int) -> list[Unit]:
    """Cut the files into units."""
    target = min(MOST, max(LEAST, sum(file.size for file in files) // (PER_THREAD * threads)))
    units: list[Unit] = []
    waiting: list[LogFile] = []
    for file in files:
        if file.format == "parquet" and file.size > 2 * target:
            units.extend(group_units(file, asked, like, batch_rows, target=target))
            continue
        log = open_file(file, asked.reading) if cuttable(file) else None
        if isinstance(log, TextLog) or (isinstance(log, JsonLog) and log.lines):
            units.extend(range_units(log, asked, like, batch_rows))
            continue
        waiting.append(file)
        if sum(f.size for f in waiting) >= target or file.remote:
            units.append(files_unit(waiting, asked, like, batch_rows))
            waiting = []
    if waiting:
        units.append(files_unit(waiting, asked, like, batch_rows))
    return units


def files_unit(files: Sequence[LogFile], asked: Asked, like: Columns, batch_rows: int | None) -> Unit:
    """Make a unit of whole files."""
    some = tuple(files)

    def read() -> Iterator[RawBatch]:
        for file in some:
            yield from read_file(file, asked, like, batch_rows)

    return Unit(read, sum(file.size for file in some))


def group_units(file: LogFile, asked: Asked, like: Columns, batch_rows: int | None, *, target: int) -> Iterator[Unit]:
    """Make units of runs of row groups of one large Parquet file."""
    log = open_log(file)
    columns = columns_of(log, file, asked, like=like)
    log = log.checked([name for name in columns.names if name in log.names])
    sizes = [log.metadata.row_group(i).total_byte_size for i in range(log.metadata.num_row_groups)]
    scale = file.size / max(1, sum(sizes))
    run: list[int] = []
    for group in range(len(sizes)):
        run.append(group)
        if (sum(sizes[i] for i in run) * scale >= target) or group == len(sizes) - 1:
            yield group_unit(log, columns, asked, batch_rows, run)
            run = []


def group_unit(log: ParquetLog, columns: Columns, asked: Asked, batch_rows: int | None, run: list[int]) -> Unit:
    """Make a unit of row groups."""
    groups = tuple(run)
    share = sum(log.group_rows()[g] for g in groups) / max(1, log.metadata.num_rows)
    return Unit(lambda: read_groups(log, columns, asked, batch_rows, groups), int(log.file.size * share))


def range_units(log: TextLog | JsonLog, asked: Asked, like: Columns, batch_rows: int | None) -> Iterator[Unit]:
    """Make units of ranges of one large file of lines."""
    file = log.file
    columns = columns_of(log, file, asked, like=like)
    ranges = Ranges(log, [name for name in columns.names if name in log.names])
    origin = origin_of(file, asked.reading)
    columns = with_user(columns, asked.reading)

    def read(number: int) -> Iterator[RawBatch]:
        rows = ranges.read(number, batch_rows)
        return to_batches(rows, columns, origin, before=lambda: ranges.rows_before(number))

    for number in range(len(ranges)):
        yield Unit(partial(read, number), ranges.length(number))
