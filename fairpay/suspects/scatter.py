"""The used plays of a run, set down by user in temporary files, so that memory does not grow with the rows."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from fairpay.qualify.moments import read_moments
from fairpay.suspects.ids import Coder, hash_ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

    from fairpay.schema import Listens, RawBatch

__all__ = ["ROLES", "Scatter", "Store"]

ROLES = ("time", "track")
"""What is read of the log besides what the engine needs."""
PARTS = 64
SECOND = 1_000_000
MOST = np.iinfo(np.uint32).max
ROW = np.dtype(
    [
        ("user", np.uint32),
        ("artist", np.uint32),
        ("time", np.uint32),
        ("ms", np.uint32),
        ("track", np.uint32),
        ("plays", np.uint32),
        ("amount", np.int64),
    ]
)


class Store:
    """Records in `parts` temporary files, written from many threads, read part by part."""

    def __init__(self, folder: Path, name: str, row: np.dtype[Any], *, parts: int = PARTS) -> None:
        """Open the files."""
        self.row, self.parts = row, parts
        self.paths = [folder / f"{name}-{part}" for part in range(parts)]
        self.files: list[BinaryIO] = [path.open("wb") for path in self.paths]
        self.lock = Lock()

    def put(self, rows: NDArray[np.void], part: NDArray[np.uint8]) -> None:
        """Write each row to its part."""
        order = np.argsort(part, kind="stable")
        data = rows[order]
        edges = np.searchsorted(part[order], np.arange(self.parts + 1))
        with self.lock:
            for file, begin, end in zip(self.files, edges[:-1], edges[1:], strict=True):
                if end > begin:
                    data[begin:end].tofile(file)

    def close(self) -> None:
        """Close the files; they can be read now."""
        for file in self.files:
            file.close()

    def read(self, part: int) -> NDArray[np.void]:
        """Read one part and remove its file."""
        found: NDArray[np.void] = np.fromfile(self.paths[part], dtype=self.row)
        self.paths[part].unlink()
        return found


class Scatter:
    """Sees every judged batch beside the engine and keeps of it what signals need."""

    roles = ROLES

    def __init__(self, temp_dir: Path | None = None) -> None:
        """Make the folder; it is removed at the end, whatever happens."""
        self.folder = TemporaryDirectory(prefix="fairpay-", dir=temp_dir)
        self.store = Store(Path(self.folder.name), "plays", ROW)
        self.users, self.artists = Coder(), Coder()
        self.lock = Lock()
        self.seen: set[str] = set()
        self.lacking: set[str] = set()
        self.first, self.last = MOST, 0

    def close(self) -> None:
        """Remove the files."""
        self.store.close()
        self.folder.cleanup()

    def take(self, raw: RawBatch, listens: Listens) -> None:
        """Keep the used rows of a batch; called from threads."""
        rows = np.flatnonzero(listens.used)
        if not len(rows):
            return
        found = np.empty(len(rows), dtype=ROW)
        user = hash_ids(listens.user)[rows]
        found["user"] = self.users.encode(listens.user, user, rows)
        found["artist"] = self.artists.encode(listens.artist, hash_ids(listens.artist)[rows], rows)
        found["plays"] = 1 if listens.plays is None else np.minimum(listens.plays[rows], MOST)
        found["amount"] = 1 if listens.amount is None else listens.amount[rows]
        has = set(self.fill(found, raw, listens, rows))
        for name, column in (("ms", "duration"), ("track", "track"), ("time", "time")):
            if column not in has:
                found[name] = 0
        with self.lock:
            self.seen |= has
            self.lacking |= {"time", "duration", "track"} - has
            if "time" in has:
                self.first = min(self.first, int(found["time"].min()))
                self.last = max(self.last, int(found["time"].max()))
        self.store.put(found, (user >> np.uint64(58)).astype(np.uint8))

    def fill(self, found: NDArray[np.void], raw: RawBatch, listens: Listens, rows: NDArray[np.int64]) -> Iterator[str]:
        """Write the columns that this batch has; say which, in the words of signals."""
        single = listens.plays is None or bool((found["plays"] == 1).all())
        if listens.ms is not None and single:
            found["ms"] = np.minimum(listens.ms[rows], MOST)
            yield "duration"
        if "track" in raw.columns:
            found["track"] = (hash_ids(raw.columns["track"])[rows] >> np.uint64(32)).astype(np.uint32)
            yield "track"
        if "time" in raw.columns and single:
            moments = read_moments(raw.columns["time"])
            bad = moments.bad()
            if bad is None or not bad[rows].any():
                found["time"] = np.clip(moments.value[rows] // SECOND, 0, MOST)
                yield "time"

    def has(self, column: str) -> bool:
        """Whether every batch had a column."""
        return column in self.seen and column not in self.lacking
