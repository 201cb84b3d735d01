"""The used plays of a run, set down by user while they are read, so that nothing is read twice."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fairpay.fraud.detect.ids import Coder, hash_ids
from fairpay.fraud.detect.store import KEPT, Store
from fairpay.qualify.moments import read_moments

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fairpay.kernels.arrays import Ints
    from fairpay.logs.schema import Listens, RawBatch
    from fairpay.settings.values import Running

__all__ = ["ROLES", "Scatter"]

ROLES = ("time", "track")
"""What is read of the log besides what the engine needs."""
SECOND = 1_000_000
DAY = np.uint64(86_400)
MOST = np.iinfo(np.uint32).max
HIGH = np.uint64(32)
PART_SHIFT = np.uint64(58)
WORDS = 4
"""user and artist, time and milliseconds, track and plays (32 bits each), amount."""


class Scatter:
    """Sees every judged batch beside the engine and keeps of it what signals need."""

    def __init__(self, running: Running) -> None:
        """Make the folder; it is removed at the end, whatever happens."""
        self.folder = TemporaryDirectory(prefix="fairpay-", dir=running.temp_dir)
        self.kept = KEPT if running.memory is None else min(KEPT, running.memory // 8)
        self.plays = self.store("plays", WORDS)
        self.users, self.artists = Coder(), Coder()
        self.lock = Lock()
        self.seen: set[str] = set()
        self.lacking: set[str] = set()
        self.first, self.last = int(MOST), 0
        self.clock = False

    def store(self, name: str, words: int) -> Store:
        """Make a store in the same folder."""
        return Store(Path(self.folder.name), name, words, kept=self.kept)

    def close(self) -> None:
        """Remove the files."""
        self.folder.cleanup()

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """Keep the used rows of a batch; called from threads."""
        rows = np.flatnonzero(listens.used)
        if not len(rows):
            return
        hashes = hash_ids(listens.user)[rows]
        user = self.users.encode(listens.user, hashes, rows)
        artist = self.artists.encode(listens.artist, hash_ids(listens.artist)[rows], rows)
        columns = self.columns(raw, listens, rows)
        words = np.zeros((len(rows), WORDS), dtype=np.uint64)
        words[:, 0] = user.astype(np.uint64) << HIGH | artist
        words[:, 1] = columns.get("duration", np.uint64(0))
        if "time" in columns:
            words[:, 1] |= columns["time"] << HIGH
        if "track" in columns:
            words[:, 2] = columns["track"] << HIGH
        words[:, 2] |= np.uint64(1) if listens.plays is None else small(listens.plays[rows])
        words[:, 3] = 1 if listens.amount is None else listens.amount[rows]
        with self.lock:
            self.seen |= set(columns)
            self.lacking |= {"time", "duration", "track"} - set(columns)
            if "time" in columns:
                self.first = min(self.first, int(columns["time"].min()))
                self.last = max(self.last, int(columns["time"].max()))
                self.clock = self.clock or bool((columns["time"] % DAY).any())
        self.plays.put(words, (hashes >> PART_SHIFT).astype(np.uint8))

    def columns(self, raw: RawBatch, listens: Listens, rows: Ints) -> dict[str, NDArray[np.uint64]]:
        """Return what the batch has of the columns that signals need, in their words: uint64[rows] below 2^32.

        Time and duration are those of single plays: rows that stand for several have neither.
        """
        found: dict[str, NDArray[np.uint64]] = {}
        single = listens.plays is None or bool((listens.plays[rows] == 1).all())
        if listens.ms is not None and single:
            found["duration"] = small(listens.ms[rows])
        if "track" in raw.columns:
            found["track"] = hash_ids(raw.columns["track"])[rows] >> HIGH
        if "time" in raw.columns and single:
            moments = read_moments(raw.columns["time"])
            bad = moments.bad()
            if bad is None or not bad[rows].any():
                found["time"] = small(moments.value[rows] // SECOND)
        return found

    def has(self, column: str) -> bool:
        """Whether every batch had a column; a time of days alone, all of them midnights, is none."""
        return column in self.seen and column not in self.lacking and (self.clock or column != "time")


def small(values: Ints) -> NDArray[np.uint64]:
    """Cut values to 32 bits."""
    return np.clip(values, 0, MOST).astype(np.uint64)
