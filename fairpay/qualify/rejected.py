"""Bad rows kept for a file of rejects."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.logs.schema import ROLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.logs.schema import RawBatch
    from fairpay.qualify.verdict import Bad

__all__ = ["Rejected"]


class Rejected:
    """Collects bad rows; the caller holds a lock."""

    def __init__(self) -> None:
        """Begin with none."""
        self.tables: list[pa.Table] = []

    def add(self, raw: RawBatch, bad: Sequence[Bad]) -> None:
        """Keep the bad rows of one batch, every role as text."""
        rows = np.concatenate([group.rows for group in bad])
        reasons = [group.reason for group in bad for _ in range(len(group.rows))]
        columns = {
            "file": pa.array([printable(raw.file)] * len(rows), pa.string()),
            "row": pa.array([raw.row(at) for at in rows.tolist()], pa.int64()),
            "reason": pa.array(reasons, pa.string()),
        }
        for role in ROLES:
            if role in raw.columns:
                columns[role] = plain(raw.columns[role]).take(pa.array(rows)).cast(pa.string())
        self.tables.append(pa.table(columns))

    def table(self) -> pa.Table:
        """Put all together, sorted by file and row."""
        if not self.tables:
            return pa.table({"file": pa.array([], pa.string()), "row": [], "reason": pa.array([], pa.string())})
        whole = pa.concat_tables(self.tables, promote_options="default")
        return whole.sort_by([("file", "ascending"), ("row", "ascending")])


def plain(column: pa.Array) -> pa.Array:
    """Return a column from which rows can be taken, which views cannot yet."""
    return column.cast(pa.large_string()) if pa.types.is_string_view(column.type) else column


def printable(name: str) -> str:
    """Write a file's name that is not UTF-8 with its odd bytes escaped."""
    return name.encode(errors="backslashreplace").decode()
