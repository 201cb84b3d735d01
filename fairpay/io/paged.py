"""Row groups read page by page: which columns of a file that can be, and their rows in batches."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from fairpay.io.page_columns import Numbers, Text
from fairpay.io.pages import Chunk, Pages

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow.parquet as pq

__all__ = ["Layout", "read_group"]

NUMBERS = {"INT32": np.int32, "INT64": np.int64, "FLOAT": np.float32, "DOUBLE": np.float64}
UNITS = {"ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


@dataclass(frozen=True, slots=True)
class Layout:
    """What this reader must know of the columns of a file; the same for all row groups."""

    names: tuple[str, ...]
    places: tuple[int, ...]
    kinds: tuple[pa.DataType, ...]

    @classmethod
    def of(cls, metadata: pq.FileMetaData, schema: pa.Schema, names: Sequence[str]) -> Layout | None:
        """Find the columns; None where one of them is not for this reader."""
        leaves = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
        kinds = [schema.field(name).type for name in names]
        if not names or not leaves.keys() >= set(names):
            return None
        places = tuple(leaves[name] for name in names)
        known = (is_known(kind, metadata.schema.column(place)) for kind, place in zip(kinds, places, strict=True))
        return cls(tuple(names), places, tuple(kinds)) if all(known) else None

    def chunks(self, metadata: pq.FileMetaData, group: int) -> list[Chunk] | None:
        """Say where the columns of a row group lie; None where one of them is not for this reader."""
        rows = metadata.row_group(group)
        found = [Chunk.of(rows, place, metadata.schema.column(place)) for place in self.places]
        chunks = [chunk for chunk in found if chunk is not None]
        return chunks if len(chunks) == len(found) else None


def is_known(kind: pa.DataType, leaf: pq.ColumnSchema) -> bool:
    """Whether a column is text, or numbers or moments that lie in the file as they do in memory."""
    if leaf.physical_type == "BYTE_ARRAY":
        inner = kind.value_type if pa.types.is_dictionary(kind) else kind
        return bool(pa.types.is_string(inner) or pa.types.is_large_string(inner) or pa.types.is_string_view(inner))
    if leaf.physical_type not in NUMBERS:
        return False
    if pa.types.is_timestamp(kind):
        stored = json.loads(leaf.logical_type.to_json()).get("timeUnit")
        return bool(leaf.physical_type == "INT64" and stored == UNITS.get(kind.unit, ""))
    width = 8 * np.dtype(NUMBERS[leaf.physical_type]).itemsize
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind)) and kind.bit_width == width


def read_group(
    descriptor: int, layout: Layout, chunks: Sequence[Chunk], *, rows: int, size: int
) -> Iterator[pa.RecordBatch]:
    """Read a row group in batches of `size` rows.

    Raises:
        Unusual: PyArrow must go on from here, or refuse the file.

    """
    columns = [
        (Text if is_text(kind) else Numbers)(Pages(descriptor, chunk), kind)
        for chunk, kind in zip(chunks, layout.kinds, strict=True)
    ]
    for first in range(0, rows, size):
        count = min(size, rows - first)
        yield pa.RecordBatch.from_arrays([column.take(count) for column in columns], names=list(layout.names))


def is_text(kind: pa.DataType) -> bool:
    """Whether a column's values are text."""
    return not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_timestamp(kind))
