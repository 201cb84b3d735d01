"""The used plays of a run, set down by user while they are read, so that nothing is read twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import polars as pl
import pyarrow as pa

from fairpay.engine.feeding import usable_processors
from fairpay.engine.keys import KeyTable, fresh_keys, hash_ids, ids_as_text
from fairpay.fraud.traces import seeds
from fairpay.kernels import hashing
from fairpay.qualify.columns import read_moments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from fairpay.fraud.traces import Column
    from fairpay.kernels.arrays import Codes, Ints
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.settings.values import Running

__all__ = ["ROLES", "DetectionIntake", "Ids", "Partitions"]

T = TypeVar("T")
COLUMNS: frozenset[Column] = frozenset({"time", "duration", "track"})
ROLES = ("time", "track")
"""What is read of the log besides what the engine needs."""
PLAYS = pl.Schema(
    {
        "user": pl.UInt32,
        "artist": pl.UInt32,
        "time": pl.UInt32,
        "duration": pl.UInt32,
        "track": pl.UInt32,
        "plays": pl.UInt32,
        "amount": pl.Int64,
    }
)
"""Codes of user and artist, seconds since 1970, milliseconds, half a hash of the track, plays, listening."""
PAIRS = pl.Schema({"artist": pl.UInt32, "user": pl.UInt32, "plays": pl.Int64})
"""Who played whom, and how often."""
SECOND = 1_000_000
DAY = 86_400
MOST = np.iinfo(np.uint32).max
KEYS = seeds("ids", hashing.KEYS)
"""Always the same, so that what is told by the hash of a track is the same in every run."""
PARTITIONS = 64
FEW = 4_000_000
WAITING = 500_000
"""Rows that are dealt out at a time."""
KEPT = 512 << 20
"""Bytes held in memory before rows go to files."""


class Ids:
    """The distinct ids of one kind, numbered as they come. Memory grows with them, not with the rows."""

    def __init__(self) -> None:
        """Know nobody."""
        self.table, self.secret = KeyTable(), fresh_keys()
        self.texts = [pa.array([], pa.large_string())]
        self.lock = Lock()

    def codes(self, column: pa.Array, rows: Ints) -> Codes:
        """Return the number of each id of a column that stands in some rows: uint32[rows]; called from threads."""
        keys = hash_ids(column, self.secret)[rows]
        with self.lock:
            known = self.table.count
            codes = self.table.enter(keys)
            if self.table.count > known:
                fresh = np.flatnonzero(codes >= known)
                first = fresh[np.unique(codes[fresh], return_index=True)[1]]
                self.texts.append(ids_as_text(column, rows[first]))
        return codes

    @cached_property
    def ranked(self) -> tuple[pl.Series, Codes]:
        """All ids in the order of their bytes, and the code of each number, its place there: uint32[ids]."""
        ids = pl.Series(pa.chunked_array(self.texts))
        order = ids.arg_sort()
        place = np.empty(len(ids), dtype=np.uint32)
        place[order.to_numpy()] = np.arange(len(ids), dtype=np.uint32)
        return ids.gather(order), place


class Partitions:
    """Takes rows from many threads, gives them back by partition: in memory while few, then in temporary files."""

    def __init__(self, folder: str, schema: pl.Schema, *, by: str, running: Running) -> None:
        """Take rows of these columns; spill below `folder` once an eighth of the memory allowed, or KEPT, is held.

        Rows that agree in the column `by` lie in one partition.
        """
        self.folder, self.schema, self.by = Path(mkdtemp(dir=folder)), schema, by
        self.threads = running.threads or usable_processors()
        self.kept = KEPT if running.memory is None else min(KEPT, running.memory // 8)
        self.waiting: list[pl.DataFrame] = []
        self.held: dict[int, list[pl.DataFrame]] = {}
        self.rows = self.total = self.bytes = self.files = 0
        self.lock = Lock()

    def put(self, rows: pl.DataFrame) -> None:
        """Take rows in."""
        with self.lock:
            self.waiting.append(rows.select(*self.schema))
            self.rows += rows.height
            self.total += rows.height
            if self.rows > WAITING:
                self.deal()
            if self.bytes > self.kept:
                self.spill()

    def deal(self) -> None:
        """Deal the rows that wait out to their partitions."""
        rows = pl.concat([self.schema.to_frame(), *self.waiting]).with_columns(partition=pl.col(self.by) % PARTITIONS)
        for (number,), frame in rows.partition_by("partition", as_dict=True, include_key=False).items():
            self.held.setdefault(number, []).append(frame)
        self.bytes += int(rows.estimated_size())
        self.waiting, self.rows = [], 0

    def spill(self) -> None:
        """Write everything held to files."""
        for number, frames in self.held.items():
            pl.concat(frames).write_ipc(self.folder / f"{number}-{self.files}.arrow")
        self.held, self.bytes, self.files = {}, 0, self.files + 1

    def each(self, visit: Callable[[pl.DataFrame], T], *, keep: bool = False) -> list[T]:
        """Give all rows back to `visit`: on threads, a partition at a time, or several where they are small.

        A partition's rows come in no order; the results are in the order of the partitions. Without `keep` the rows
        are forgotten.
        """
        self.deal()
        step = 8 if self.total < FEW else 1
        batches = [range(first, first + step) for first in range(0, PARTITIONS, step)]
        with ThreadPoolExecutor(self.threads) as pool:
            return list(pool.map(lambda batch: visit(self.take(batch, keep=keep)), batches))

    def take(self, numbers: range, *, keep: bool) -> pl.DataFrame:
        """Return the rows of some partitions."""
        frames = [self.schema.to_frame()]
        for number in numbers:
            frames += [*self.spilled(number, keep=keep), *self.held.get(number, [])]
            if not keep:
                self.held.pop(number, None)
        return pl.concat(frames)

    def spilled(self, number: int, *, keep: bool) -> Iterator[pl.DataFrame]:
        """Read back what was written of a partition."""
        for path in self.folder.glob(f"{number}-*.arrow"):
            yield pl.read_ipc(path)
            if not keep:
                path.unlink()


class DetectionIntake:
    """Sees every judged batch beside the engine and keeps of it what signals need."""

    def __init__(self, folder: str, running: Running) -> None:
        """Begin with nothing; what is too much for memory goes below `folder`."""
        self.plays = Partitions(folder, PLAYS, by="user", running=running)
        self.pairs = Partitions(folder, PAIRS, by="artist", running=running)
        self.users, self.artists = Ids(), Ids()
        self.lock = Lock()
        self.lacking: set[Column] = set()
        self.first, self.last = int(MOST), 0
        self.clock = False

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """Keep the used rows of a batch; called from threads."""
        rows = np.flatnonzero(listens.used)
        if not len(rows):
            return
        columns = self.columns(raw, listens, rows)
        with self.lock:
            self.lacking |= COLUMNS - set(columns)
            if "time" in columns:
                self.first = min(self.first, int(columns["time"].min()))
                self.last = max(self.last, int(columns["time"].max()))
                self.clock = self.clock or bool((columns["time"] % DAY).any())
        nothing = np.zeros(len(rows), dtype=np.uint32)
        one = np.ones(len(rows), dtype=np.int64)
        found: dict[str, NDArray[np.generic]] = {
            "user": self.users.codes(listens.user, rows),
            "artist": self.artists.codes(listens.artist, rows),
            **{name: columns.get(name, nothing) for name in COLUMNS},
            "plays": small(one if listens.plays is None else listens.plays[rows]),
            "amount": one if listens.amount is None else listens.amount[rows],
        }
        self.plays.put(pl.DataFrame(found))

    def columns(self, raw: RawBatch, listens: Listens, rows: Ints) -> dict[Column, NDArray[np.uint32]]:
        """Return what the batch has of the columns that signals need: uint32[rows].

        Time and duration are those of single plays: rows that stand for several have neither.
        """
        found: dict[Column, NDArray[np.uint32]] = {}
        single = listens.plays is None or bool((listens.plays[rows] == 1).all())
        if listens.ms is not None and single:
            found["duration"] = small(listens.ms[rows])
        if "track" in raw.columns:
            found["track"] = (hash_ids(raw.columns["track"], KEYS)[rows, 0] >> np.uint64(32)).astype(np.uint32)
        if "time" in raw.columns and single:
            moments = read_moments(raw.columns["time"])
            bad = moments.bad()
            if bad is None or not bad[rows].any():
                found["time"] = small(moments.value[rows] // SECOND)
        return found

    @property
    def has(self) -> frozenset[Column]:
        """Columns that every batch had; a time of days alone, all of them midnights, is none."""
        return COLUMNS - self.lacking - (set() if self.clock else {"time"})


def small(values: Ints) -> NDArray[np.uint32]:
    """Cut values to 32 bits."""
    return np.clip(values, 0, MOST).astype(np.uint32)
