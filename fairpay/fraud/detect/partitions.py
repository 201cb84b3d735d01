"""Frames by partition: in memory while they are few, then in temporary files."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["PARTITIONS", "Partitions"]

PARTITIONS = 64
FEW = 4_000_000
WAITING = 500_000
"""Rows that are dealt out at a time."""
KEPT = 512 << 20
"""Bytes held in memory before rows go to files."""


class Partitions:
    """Takes rows from many threads, gives them back partition by partition, in no order."""

    def __init__(self, folder: Path, schema: pl.Schema, *, memory: int | None = None) -> None:
        """Take rows of these columns; spill into `folder` once an eighth of `memory` bytes, or KEPT, are held."""
        self.folder, self.schema = folder, schema
        self.kept = KEPT if memory is None else min(KEPT, memory // 8)
        self.waiting: list[pl.DataFrame] = []
        self.held: dict[int, list[pl.DataFrame]] = {}
        self.rows = self.total = self.bytes = self.files = 0
        self.lock = Lock()

    def put(self, rows: pl.DataFrame) -> None:
        """Take rows in; a further column `partition` says where each belongs."""
        with self.lock:
            self.waiting.append(rows.select(*self.schema, "partition"))
            self.rows += rows.height
            self.total += rows.height
            if self.rows > WAITING:
                self.deal()
            if self.bytes > self.kept:
                self.spill()

    def deal(self) -> None:
        """Deal the rows that wait out to their partitions."""
        if self.waiting:
            rows = pl.concat(self.waiting)
            for (number,), frame in rows.partition_by("partition", as_dict=True, include_key=False).items():
                self.held.setdefault(number, []).append(frame)
            self.bytes += int(rows.estimated_size())
            self.waiting, self.rows = [], 0

    def spill(self) -> None:
        """Write everything held to files."""
        for number, frames in self.held.items():
            pl.concat(frames).write_ipc(self.folder / f"{number}-{self.files}.arrow")
        self.held, self.bytes, self.files = {}, 0, self.files + 1

    def batches(self) -> list[range]:
        """Return the partitions to be taken together: several where they are small."""
        step = 8 if self.total < FEW else 1
        return [range(first, first + step) for first in range(0, PARTITIONS, step)]

    def take(self, numbers: range) -> pl.DataFrame:
        """Return the rows of some partitions and forget them."""
        with self.lock:
            self.deal()
        frames = [frame for number in numbers for frame in (*self.spilled(number), *self.held.pop(number, []))]
        return pl.concat([self.schema.to_frame(), *frames])

    def spilled(self, number: int) -> Iterator[pl.DataFrame]:
        """Read back what was written of a partition, and remove it."""
        for path in self.folder.glob(f"{number}-*.arrow"):
            yield pl.read_ipc(path)
            path.unlink()
