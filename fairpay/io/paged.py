"""Columns put together from their pages: text as it lies there, or by its dictionary where all of it stands in one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairpay.io.pages import Chunk, Pages, Unusual, address_of
from fairpay.kernels import pages as kernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow.parquet as pq
    from numpy.typing import DTypeLike, NDArray

    from fairpay.io.pages import Page

__all__ = ["Layout", "read_group"]

LARGEST = 2**31 - 1
WORTH = 2
"""Rows of a batch to an entry, below which a dictionary is not worth keeping."""
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
        (Text if pa.types.is_dictionary(kind) or chunk_is_text(kind) else Numbers)(Pages(descriptor, chunk), kind)
        for chunk, kind in zip(chunks, layout.kinds, strict=True)
    ]
    for first in range(0, rows, size):
        count = min(size, rows - first)
        yield pa.RecordBatch.from_arrays([column.take(count) for column in columns], names=list(layout.names))


def chunk_is_text(kind: pa.DataType) -> bool:
    """Whether a column's values are text."""
    return not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_timestamp(kind))


class Column:
    """Goes through a column's pages. Not shared between threads."""

    def __init__(self, pages: Pages, kind: pa.DataType) -> None:
        """Begin before the first page."""
        self.pages = iter(pages)
        self.kind = kind
        self.page: Page | None = None
        self.row = 0
        """Rows of the page that were taken."""
        self.at = 0
        """Where the next plain value lies."""
        self.indices: NDArray[np.uint32] = np.empty(0, dtype=np.uint32)
        """Of the page's rows that are left and have a value."""

    def parts(self, rows: int) -> Iterator[tuple[Page, int, NDArray[np.uint8] | None]]:
        """Go over the next rows page by page: the page, how many of its rows, and which of them have a value."""
        while rows:
            if self.page is None or self.row == self.page.rows:
                self.turn()
                continue
            count = min(rows, self.page.rows - self.row)
            valid = None if self.page.valid is None else self.page.valid[self.row : self.row + count]
            self.row += count
            rows -= count
            yield self.page, count, valid

    def turn(self) -> None:
        """Go to the next page.

        Raises:
            Unusual: there is none, or its values cannot be read.

        """
        page = next(self.pages, None)
        if page is None:
            message = "a column with fewer rows than its row group"
            raise Unusual(message)
        self.row, self.at = 0, page.at
        if page.kind == "dictionary":
            self.set_entries(page)
            self.page = None
            return
        self.page = page
        if page.kind == "indices":
            count = page.rows if page.valid is None else int(np.count_nonzero(page.valid))
            self.indices = np.empty(count, dtype=np.uint32)
            if count:
                self.unpack(page)

    def unpack(self, page: Page) -> None:
        """Read a page's indices."""
        width = memoryview(page.body)[page.at - page.body.address] if page.at < page.end else LARGEST
        bits = 32
        largest = kernel.unpack(page.at + 1, page.end, width, self.indices) if width <= bits else kernel.WRONG
        if not 0 <= largest < self.entries():
            message = "indices that cannot be read"
            raise Unusual(message)

    def take_indices(self, count: int) -> NDArray[np.uint32]:
        """Take the indices of the next rows that have a value."""
        taken, self.indices = self.indices[:count], self.indices[count:]
        return taken

    def set_entries(self, page: Page) -> None:
        """Take a dictionary page."""
        raise NotImplementedError

    def entries(self) -> int:
        """Return how many entries the dictionary has."""
        raise NotImplementedError


class Numbers(Column):
    """Numbers of four or eight bytes."""

    def __init__(self, pages: Pages, kind: pa.DataType) -> None:
        """Begin before the first page."""
        super().__init__(pages, kind)
        self.type = np.dtype(f"<u{kind.bit_width // 8}")
        self.values = np.empty(0, dtype=self.type)

    def set_entries(self, page: Page) -> None:
        """Take a dictionary page."""
        self.values = self.plain(page, page.rows).copy()

    def entries(self) -> int:
        """Return how many entries the dictionary has."""
        return len(self.values)

    def plain(self, page: Page, count: int) -> NDArray[Any]:
        """Take the next plain values of a page."""
        size = count * self.type.itemsize
        if self.at + size > page.end:
            message = "a page with fewer values than it says"
            raise Unusual(message)
        found = np.frombuffer(page.body, self.type, count, self.at - page.body.address)
        self.at += size
        return found

    def take(self, rows: int) -> pa.Array:
        """Take the next rows."""
        out = room_for(rows, self.type)
        mask = Mask(rows)
        first = 0
        for page, count, valid in self.parts(rows):
            some = count if valid is None else int(np.count_nonzero(valid))
            place = out[first : first + count]
            to = place if valid is None else np.empty(some, dtype=self.type)
            if page.kind == "plain":
                to[:] = self.plain(page, some)
            else:
                kernel.pick(self.values, self.take_indices(some), to)
            if valid is not None:
                place[:] = 0
                place[valid.view(np.bool_)] = to
            mask.add(first, valid)
            first += count
        return pa.Array.from_buffers(self.kind, rows, [mask.bits(), pa.py_buffer(out)])


class Mask:
    """Which rows have a value."""

    def __init__(self, rows: int) -> None:
        """All of them, so far."""
        self.rows = rows
        self.valid: NDArray[np.uint8] | None = None

    def add(self, first: int, valid: NDArray[np.uint8] | None) -> None:
        """Take in a part's."""
        if valid is not None:
            if self.valid is None:
                self.valid = np.ones(self.rows, dtype=np.uint8)
            self.valid[first : first + len(valid)] = valid

    def bits(self) -> pa.Buffer | None:
        """Return Arrow's bitmap."""
        return None if self.valid is None else pa.py_buffer(np.packbits(self.valid, bitorder="little"))


class Text(Column):
    """Text."""

    def __init__(self, pages: Pages, kind: pa.DataType) -> None:
        """Begin before the first page."""
        super().__init__(pages, kind)
        self.starts: NDArray[np.int32] = np.zeros(1, dtype=np.int32)
        """Of the dictionary's entries."""
        self.text: NDArray[np.uint8] = np.empty(kernel.WORD, dtype=np.uint8)
        self.dictionary: pa.Array = pa.array([], pa.string())
        self.size = 0
        """Room that a batch has needed."""

    def set_entries(self, page: Page) -> None:
        """Take a dictionary page."""
        self.starts = np.zeros(page.rows + 1, dtype=np.int32)
        self.text = np.empty(page.end - page.at + kernel.WORD, dtype=np.uint8)
        if kernel.plain_text(page.at, page.end, page.rows, 0, self.starts, 0, self.text) == kernel.WRONG:
            message = "a dictionary that cannot be read"
            raise Unusual(message)
        buffers = [None, pa.py_buffer(self.starts), pa.py_buffer(self.text)]
        self.dictionary = pa.Array.from_buffers(pa.string(), page.rows, buffers)

    def entries(self) -> int:
        """Return how many entries the dictionary has."""
        return len(self.starts) - 1

    def take(self, rows: int) -> pa.Array:
        """Take the next rows: by the dictionary, as long as they all stand in it."""
        mask = Mask(rows)
        sink: Sink | None = None
        coded: list[tuple[int, NDArray[np.uint32], NDArray[np.uint8] | None]] = []
        first = 0
        for page, count, valid in self.parts(rows):
            mask.add(first, valid)
            first += count
            if page.kind == "indices":
                some = count if valid is None else int(np.count_nonzero(valid))
                coded.append((count, self.take_indices(some), valid))
            if sink is None and (page.kind == "plain" or WORTH * self.entries() > rows):
                sink = Sink(rows, self.size)
            if sink is not None:
                for part in coded:
                    self.write_coded(sink, *part)
                coded = []
                if page.kind == "plain":
                    self.at = sink.write_plain(self.at, page.end, count, valid)
        if sink is None:
            return self.by_dictionary(rows, coded, mask)
        self.size = max(self.size, len(sink.data) - kernel.WORD)
        return sink.array(mask)

    def write_coded(self, sink: Sink, count: int, indices: NDArray[np.uint32], valid: NDArray[np.uint8] | None) -> None:
        """Write the entries that indices name."""
        size = int((self.starts[1:] - self.starts[:-1])[indices].sum(dtype=np.int64))
        sink.make_room(size)
        place = kernel.dictionary_text(
            indices, count, flags_of(valid), self.starts, address_of(self.text), sink.starts, sink.rows, sink.data
        )
        sink.wrote(count, place)

    def by_dictionary(
        self, rows: int, coded: list[tuple[int, NDArray[np.uint32], NDArray[np.uint8] | None]], mask: Mask
    ) -> pa.Array:
        """Keep the dictionary."""
        out = room_for(rows, np.int32)
        first = 0
        for count, indices, valid in coded:
            place = out[first : first + count]
            if valid is None:
                place[:] = indices
            else:
                place[:] = 0
                place[valid.view(np.bool_)] = indices
            first += count
        codes = pa.Array.from_buffers(pa.int32(), rows, [mask.bits(), pa.py_buffer(out)])
        return pa.DictionaryArray.from_arrays(codes, self.dictionary)


class Sink:
    """Text being put together."""

    def __init__(self, rows: int, size: int) -> None:
        """Begin with no row of so many, and room for `size` bytes."""
        self.starts: NDArray[np.int32] = room_for(rows + 1, np.int32)
        self.starts[0] = 0
        self.data: NDArray[np.uint8] = room_for(size + kernel.WORD, np.uint8)
        self.rows = 0

    def make_room(self, size: int) -> None:
        """Have room for so many bytes more."""
        used = int(self.starts[self.rows])
        if used + size > LARGEST:
            message = "more text in a batch than Arrow's offsets reach"
            raise Unusual(message)
        if used + size + kernel.WORD > len(self.data):
            wider = room_for(2 * (used + size) + kernel.WORD, np.uint8)
            wider[:used] = self.data[:used]
            self.data = wider

    def write_plain(self, at: int, end: int, count: int, valid: NDArray[np.uint8] | None) -> int:
        """Write plain values; return where the next one lies."""
        self.make_room(end - at)
        after = kernel.plain_text(at, end, count, flags_of(valid), self.starts, self.rows, self.data)
        self.wrote(count, after)
        return int(after)

    def wrote(self, count: int, after: int) -> None:
        """Note rows that were written."""
        if after == kernel.WRONG:
            message = "text that cannot be read"
            raise Unusual(message)
        self.rows += count

    def array(self, mask: Mask) -> pa.Array:
        """Hand the text over."""
        buffers = [mask.bits(), pa.py_buffer(self.starts), pa.py_buffer(self.data)]
        return pa.Array.from_buffers(pa.string(), len(self.starts) - 1, buffers)


def flags_of(valid: NDArray[np.uint8] | None) -> int:
    """Return where the flags lie; 0 where all rows have a value."""
    return 0 if valid is None else address_of(np.ascontiguousarray(valid))


def room_for(count: int, kind: DTypeLike) -> NDArray[Any]:
    """Make room for values with Arrow's allocator, which keeps the pages of memory that the last batch let go of."""
    return np.frombuffer(pa.allocate_buffer(count * np.dtype(kind).itemsize), dtype=kind)
