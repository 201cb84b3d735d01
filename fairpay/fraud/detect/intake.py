"""The used plays of a run, set down by user while they are read, so that nothing is read twice."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from fairpay.engine.keys import hash_ids as hash_both
from fairpay.engine.keys import ids_as_text
from fairpay.fraud.detect.partitions import Partitions
from fairpay.fraud.likeness import seeds
from fairpay.kernels import hashing
from fairpay.qualify.columns import read_moments

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from fairpay.fraud.traces import Column
    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.settings.values import Running

__all__ = ["ROLES", "DetectionIntake", "Ids", "partition_of"]

COLUMNS: frozenset[Column] = frozenset({"time", "duration", "track"})
ROLES = ("time", "track")
"""What is read of the log besides what the engine needs."""
PLAYS = pl.Schema(
    {
        "user": pl.UInt64,
        "artist": pl.UInt64,
        "time": pl.UInt32,
        "duration": pl.UInt32,
        "track": pl.UInt32,
        "plays": pl.UInt32,
        "amount": pl.Int64,
    }
)
"""Hashes of user and artist, seconds since 1970, milliseconds, half a hash of the track, plays, listening."""
SECOND = 1_000_000
DAY = 86_400
MOST = np.iinfo(np.uint32).max
HIGH = np.uint64(32)
KEYS = seeds("ids", hashing.KEYS)
"""Always the same, so that what is sampled by hash is the same in every run."""
WAITING = 200_000
"""Ids that may be held twice."""


def hash_ids(column: pa.Array) -> NDArray[np.uint64]:
    """Hash every id of a column, text or integers, to 64 bits: uint64[n].

    Two of n ids are taken for one with a chance of about n^2 / 2^65; money is divided by the engine, which tells ids
    apart by 128 bits.
    """
    return hash_both(column, KEYS)[:, 0]


def partition_of(hashes: pl.Expr) -> pl.Expr:
    """Return the partition of each hash."""
    return (hashes // 2**58).cast(pl.UInt8).alias("partition")


class Ids:
    """The distinct ids of one kind. Memory grows with them, not with the rows."""

    def __init__(self) -> None:
        """Know nobody."""
        self.frames = [pl.DataFrame(schema={"hash": pl.UInt64, "id": pl.String})]
        self.known = self.waiting = 0
        self.lock = Lock()

    def add(self, column: pa.Array, rows: pl.DataFrame) -> None:
        """Take in the ids of a column that stand in some rows: `hash` and `row`."""
        fresh = rows.unique("hash")
        texts = pl.Series(ids_as_text(column, fresh["row"].to_numpy()), dtype=pl.String)
        with self.lock:
            self.frames.append(fresh.select("hash", id=texts))
            self.waiting += fresh.height
            if self.waiting > max(WAITING, self.known // 2):
                self.merge()

    def merge(self) -> None:
        """Bring what was taken in to one frame."""
        self.frames = [pl.concat(self.frames).unique("hash")]
        self.known, self.waiting = self.frames[0].height, 0

    def coded(self) -> pl.DataFrame:
        """Return `id`, `hash` and `code`: the place of the id among all, in the order of their bytes."""
        self.merge()
        return self.frames[0].sort("id").with_row_index("code")


class DetectionIntake:
    """Sees every judged batch beside the engine and keeps of it what signals need."""

    def __init__(self, running: Running) -> None:
        """Make the folder; it is removed at the end, whatever happens."""
        self.folder = TemporaryDirectory(prefix="fairpay-", dir=running.temp_dir)
        self.memory = running.memory
        self.plays = self.partitions(PLAYS)
        self.users, self.artists = Ids(), Ids()
        self.lock = Lock()
        self.seen: set[Column] = set()
        self.lacking: set[Column] = set()
        self.first, self.last = int(MOST), 0
        self.clock = False

    def partitions(self, schema: pl.Schema) -> Partitions:
        """Make room for rows in the same folder."""
        return Partitions(Path(mkdtemp(dir=self.folder.name)), schema, memory=self.memory)

    def close(self) -> None:
        """Remove the files."""
        self.folder.cleanup()

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """Keep the used rows of a batch; called from threads."""
        rows = np.flatnonzero(listens.used)
        if not len(rows):
            return
        hashes = {"user": hash_ids(listens.user)[rows], "artist": hash_ids(listens.artist)[rows]}
        self.users.add(listens.user, pl.DataFrame({"hash": hashes["user"], "row": rows}))
        self.artists.add(listens.artist, pl.DataFrame({"hash": hashes["artist"], "row": rows}))
        columns = self.columns(raw, listens, rows)
        with self.lock:
            self.seen |= set(columns)
            self.lacking |= COLUMNS - set(columns)
            if "time" in columns:
                self.first = min(self.first, int(columns["time"].min()))
                self.last = max(self.last, int(columns["time"].max()))
                self.clock = self.clock or bool((columns["time"] % DAY).any())
        nothing = np.zeros(len(rows), dtype=np.uint32)
        one = nothing + np.uint32(1)
        frame = pl.DataFrame(
            {
                **hashes,
                "time": columns.get("time", nothing),
                "duration": columns.get("duration", nothing),
                "track": columns.get("track", nothing),
                "plays": one if listens.plays is None else small(listens.plays[rows]),
                "amount": one.astype(np.int64) if listens.amount is None else listens.amount[rows],
            }
        )
        self.plays.put(frame.with_columns(partition_of(pl.col("user"))))

    def columns(self, raw: RawBatch, listens: Listens, rows: Ints) -> dict[Column, NDArray[np.uint32]]:
        """Return what the batch has of the columns that signals need: uint32[rows].

        Time and duration are those of single plays: rows that stand for several have neither.
        """
        found: dict[Column, NDArray[np.uint32]] = {}
        single = listens.plays is None or bool((listens.plays[rows] == 1).all())
        if listens.ms is not None and single:
            found["duration"] = small(listens.ms[rows])
        if "track" in raw.columns:
            found["track"] = (hash_ids(raw.columns["track"])[rows] >> HIGH).astype(np.uint32)
        if "time" in raw.columns and single:
            moments = read_moments(raw.columns["time"])
            bad = moments.bad()
            if bad is None or not bad[rows].any():
                found["time"] = small(moments.value[rows] // SECOND)
        return found

    @property
    def has(self) -> frozenset[Column]:
        """Columns that every batch had; a time of days alone, all of them midnights, is none."""
        return frozenset(self.seen - self.lacking - (set() if self.clock else {"time"}))


def small(values: Ints) -> NDArray[np.uint32]:
    """Cut values to 32 bits."""
    return np.clip(values, 0, MOST).astype(np.uint32)
