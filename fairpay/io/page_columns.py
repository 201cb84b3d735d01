"""A column of a row group, taken from its pages batch by batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairpay.io.page_room import Mask, Sink, flags_of, room_for
from fairpay.io.pages import Unusual
from fairpay.kernels import pages as kernel
from fairpay.kernels.addresses import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fairpay.io.pages import Page, Pages

__all__ = ["Numbers", "Text"]

MOST_BITS = 32
WORTH = 2
"""Rows of a batch to an entry, below which a dictionary is not worth keeping."""


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
        width = memoryview(page.body)[page.at - page.body.address] if page.at < page.end else MOST_BITS + 1
        largest = kernel.unpack(page.at + 1, page.end, width, self.indices) if width <= MOST_BITS else kernel.WRONG
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
