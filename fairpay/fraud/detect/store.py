"""Rows of words by part: in memory while they are few, then in temporary files."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

from fairpay.kernels.deal import deal

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["PARTS", "Store"]

PARTS = 64
KEPT = 512 << 20
"""Bytes held in memory before rows go to files."""


class Store:
    """Takes rows from many threads, gives them back part by part, in no order."""

    def __init__(self, folder: Path, name: str, words: int, *, kept: int = KEPT) -> None:
        """Take rows of so many 64-bit words; keep `kept` bytes in memory."""
        self.words, self.kept = words, kept
        self.paths = [folder / f"{name}-{part}" for part in range(PARTS)]
        self.held: list[list[NDArray[np.uint64]]] = [[] for _ in range(PARTS)]
        self.bytes = 0
        self.lock = Lock()

    def put(self, rows: NDArray[np.uint64], part: NDArray[np.uint8]) -> None:
        """Deal rows uint64[n, words] out to their parts uint8[n]."""
        edges = np.concatenate([[0], np.cumsum(np.bincount(part, minlength=PARTS))])
        dealt = np.empty_like(rows)
        deal(part, rows, edges[:-1].copy(), dealt)
        with self.lock:
            for number in np.flatnonzero(np.diff(edges)).tolist():
                self.held[number].append(dealt[edges[number] : edges[number + 1]])
            self.bytes += dealt.nbytes
            if self.bytes > self.kept:
                self.spill()

    def spill(self) -> None:
        """Write everything held to the files."""
        for path, rows in zip(self.paths, self.held, strict=True):
            if rows:
                with path.open("ab") as file:
                    for piece in rows:
                        piece.tofile(file)
                rows.clear()
        self.bytes = 0

    def take(self, part: int) -> NDArray[np.uint64]:
        """Return one part, uint64[n, words], and forget it."""
        rows, path = self.held[part], self.paths[part]
        if path.exists():
            rows = [np.fromfile(path, dtype=np.uint64).reshape(-1, self.words), *rows]
            path.unlink()
        self.held[part] = []
        return np.concatenate(rows) if rows else np.empty((0, self.words), dtype=np.uint64)
