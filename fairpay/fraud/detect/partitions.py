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
KEPT = 512 << 20
"""Bytes held in memory before rows go to files."""


class Partitions:
    """Takes rows from many threads, gives them back partition by partition, in no order."""

    def __init__(self, folder: Path, schema: pl.Schema, *, memory: int | None = None) -> None:
        """Take rows of these columns; spill into `folder` once an eighth of `memory` bytes, or KEPT, are held."""
        self.folder, self.schema = folder, schema
        self.kept = KEPT if memory is None else min(KEPT, memory // 8)
        self.held: dict[int, list[pl.DataFrame]] = {}
        self.bytes = self.files = 0
        self.lock = Lock()

    def put(self, rows: pl.DataFrame) -> None:
        """Deal rows out by their further column `partition`."""
        rows = rows.select(*self.schema, "partition")
        dealt = rows.partition_by("partition", as_dict=True, include_key=False)
        with self.lock:
            for (number,), frame in dealt.items():
                self.held.setdefault(number, []).append(frame)
                self.bytes += int(frame.estimated_size())
            if self.bytes > self.kept:
                self.spill()

    def spill(self) -> None:
        """Write everything held to files."""
        for number, frames in self.held.items():
            pl.concat(frames).write_ipc(self.folder / f"{number}-{self.files}.arrow")
        self.held, self.bytes, self.files = {}, 0, self.files + 1

    def take(self, number: int) -> pl.DataFrame:
        """Return the rows of a partition and forget them."""
        return pl.concat([self.schema.to_frame(), *self.spilled(number), *self.held.pop(number, [])])

    def spilled(self, number: int) -> Iterator[pl.DataFrame]:
        """Read back what was written of a partition, and remove it."""
        for path in self.folder.glob(f"{number}-*.arrow"):
            yield pl.read_ipc(path)
            path.unlink()
