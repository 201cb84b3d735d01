"""One column's pages of one row group of a Parquet file, in order, unpacked: a page is held at a time.

PyArrow decodes a row group's columns whole and copies them several times; this reader keeps what lies in the file's
pages, dictionaries among it. It knows flat columns of the encodings that writers use by default, and raises `Unusual`
for anything else, and for anything that does not add up: whoever asked then reads the row group with PyArrow.
"""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa

from fairpay.kernels import pages as kernel
from fairpay.kernels.addresses import address_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow.parquet as pq
    from numpy.typing import NDArray

__all__ = ["Chunk", "Page", "Pages", "Unusual"]

AHEAD = 1 << 12
"""Bytes read beyond a page, for the next one's header."""
LARGEST = 1 << 30
"""Bytes of a page beyond which this reader leaves it to PyArrow."""
DATA, INDEX, DICTIONARY, DATA_2 = 0, 1, 2, 3
PLAIN, OLD_DICTIONARY, RUNS, BY_DICTIONARY = 0, 2, 3, 8
CODECS = {"UNCOMPRESSED": None, "ZSTD": "zstd", "SNAPPY": "snappy", "GZIP": "gzip"}
ENCODINGS = {"PLAIN", "RLE", "RLE_DICTIONARY", "PLAIN_DICTIONARY", "BIT_PACKED"}
GZIP = 31


class Unusual(Exception):  # noqa: N818 - not an error: another reader takes over
    """These bytes are for PyArrow to read, or to refuse."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Where a column's pages of a row group lie."""

    start: int
    size: int
    rows: int
    codec: str | None
    nullable: bool

    @classmethod
    def of(cls, group: pq.RowGroupMetaData, place: int, leaf: pq.ColumnSchema) -> Chunk | None:
        """Read a column's metadata, known to be sound; None where this reader does not know its kind."""
        column = group.column(place)
        flat = leaf.max_repetition_level == 0 and leaf.max_definition_level <= 1
        if not flat or column.compression not in CODECS or not ENCODINGS.issuperset(column.encodings):
            return None
        first = column.dictionary_page_offset if column.has_dictionary_page else None
        start = column.data_page_offset if not first else min(first, column.data_page_offset)
        codec = CODECS[column.compression]
        return cls(start, column.total_compressed_size, group.num_rows, codec, leaf.max_definition_level == 1)


class Page(NamedTuple):
    """One page, unpacked; its bytes live as long as `body`."""

    kind: str
    """dictionary, plain or indices"""
    rows: int
    valid: NDArray[np.uint8] | None
    """uint8[rows]; None: all are."""
    at: int
    """Address of the values."""
    end: int
    """Address of the end of the body."""
    body: Any


class Pages:
    """Reads the pages of a chunk. Not shared between threads."""

    def __init__(self, descriptor: int, chunk: Chunk) -> None:
        """Bind an open file's descriptor."""
        self.descriptor = descriptor
        self.chunk = chunk
        self.next = chunk.start
        self.end = chunk.start + chunk.size
        self.room = np.empty(2 * AHEAD, dtype=np.uint8)
        self.base = address_of(self.room)
        self.low = self.high = 0
        self.codec = pa.Codec(chunk.codec) if chunk.codec in {"zstd", "snappy"} else None
        self.fields = np.empty(kernel.FIELDS, dtype=np.int64)
        self.header: list[int] = []
        """Of the page being read; see `kernels.pages`."""
        self.stack = np.empty((kernel.DEEPEST, 2), dtype=np.int64)

    def fill(self, size: int) -> None:
        """Have `size` bytes of the chunk at hand, and a few more."""
        left = self.high - self.low
        if left >= size:
            return
        if size > left + self.end - self.next:
            message = "a page ends after its column"
            raise Unusual(message)
        room = self.room if size + AHEAD <= len(self.room) else np.empty(size + size // 4 + AHEAD, dtype=np.uint8)
        room[:left] = self.room[self.low : self.high].copy()
        if room is not self.room:
            self.room, self.base = room, address_of(room)
        self.low, self.high = 0, left
        while self.high < size:
            wanted = min(size + AHEAD - self.high, self.end - self.next)
            got = os.preadv(self.descriptor, [room[self.high : self.high + wanted].data], self.next)
            if got == 0:
                message = "the file ends within a column"
                raise Unusual(message)
            self.high += got
            self.next += got

    def read_header(self) -> bool:
        """Read the next page's header; return False at the end of the chunk."""
        size = 1
        while True:
            left = self.high - self.low + self.end - self.next
            if left == 0:
                return False
            self.fill(min(left, size))
            found = kernel.read_header(self.base + self.low, self.base + self.high, self.fields, self.stack)
            if found >= 0:
                self.low, self.header = found - self.base, self.fields.tolist()
                return True
            if found == kernel.WRONG or size >= left:
                message = "a page header that cannot be read"
                raise Unusual(message)
            size = 2 * (self.high - self.low) + 64

    def unpack(self, packed: Any, size: int) -> Any:  # noqa: ANN401 - buffers of any kind
        """Unpack bytes that must come to `size`."""
        codec = self.chunk.codec
        try:
            if codec is None:
                out = pa.py_buffer(bytes(packed))
            elif codec == "gzip":
                out = pa.py_buffer(zlib.decompressobj(GZIP).decompress(packed, size + 1))
            else:
                if codec == "snappy" and length_of_snappy(packed) != size:
                    message = "a page of another length than it says"
                    raise Unusual(message)
                assert self.codec is not None
                out = self.codec.decompress(packed, size)
        except (OSError, pa.ArrowException, zlib.error) as error:
            raise Unusual(str(error)) from error
        if out.size != size:
            message = "a page of another length than it says"
            raise Unusual(message)
        return out

    def __iter__(self) -> Iterator[Page]:
        """Read every page of the chunk.

        Raises:
            Unusual: see above.

        """
        while self.read_header():
            header = self.header
            size, packed = header[kernel.SIZE], header[kernel.PACKED]
            if not (0 <= size <= LARGEST and 0 <= packed <= LARGEST):
                message = "a page of an impossible size"
                raise Unusual(message)
            self.fill(packed)
            body = self.room[self.low : self.low + packed].data
            self.low += packed
            checksum = header[kernel.CHECKSUM]
            if checksum != -1 and zlib.crc32(body) != checksum & 0xFFFFFFFF:
                message = "a page that does not match its checksum"
                raise Unusual(message)
            kind = header[1]
            if kind == DICTIONARY:
                yield self.dictionary(self.unpack(body, size))
            elif kind == DATA:
                yield self.data(self.unpack(body, size))
            elif kind == DATA_2:
                yield self.data_2(body, size)
            elif kind != INDEX:
                message = "a page of an unknown kind"
                raise Unusual(message)

    def dictionary(self, body: Any) -> Page:  # noqa: ANN401 - an Arrow buffer
        """Take a dictionary page."""
        _, count, encoding = self.header[kernel.DICTIONARY : kernel.DICTIONARY + 3]
        if encoding not in {PLAIN, OLD_DICTIONARY} or count < 0:
            message = "a dictionary of an unknown encoding"
            raise Unusual(message)
        return Page("dictionary", count, None, body.address, body.address + body.size, body)

    def data(self, body: Any) -> Page:  # noqa: ANN401 - an Arrow buffer
        """Take a data page of the first version: levels, with their length before them, then values."""
        _, count, encoding, levels = self.header[kernel.DATA : kernel.DATA + 4]
        at, end = body.address, body.address + body.size
        valid = None
        if self.chunk.nullable:
            length = int.from_bytes(memoryview(body)[:4], "little")
            if levels != RUNS or body.size < 4 or length > body.size - 4:  # noqa: PLR2004 - the length's own bytes
                message = "levels of an unknown encoding"
                raise Unusual(message)
            valid = self.levels(at + 4, at + 4 + length, count)
            at += 4 + length
        return Page(kind_of(encoding), self.rows(count), valid, at, end, body)

    def data_2(self, body: memoryview, size: int) -> Page:
        """Take a data page of the second version: levels that are not packed, then values."""
        field = self.header[kernel.DATA_2 : kernel.DATA_2 + 8]
        count, encoding, levels, repeats, packed = field[1], field[4], field[5], max(0, field[6]), field[7] != 0
        if repeats or not 0 <= levels <= min(size, len(body)) or (levels and not self.chunk.nullable):
            message = "levels of an unknown encoding"
            raise Unusual(message)
        valid = None
        if self.chunk.nullable:
            at = address_of(np.frombuffer(body, dtype=np.uint8)) if len(body) else 0
            valid = self.levels(at, at + levels, count)
        rest = body[levels:]
        values = self.unpack(rest, size - levels) if packed and len(rest) else pa.py_buffer(bytes(rest))
        return Page(kind_of(encoding), self.rows(count), valid, values.address, values.address + values.size, values)

    def rows(self, count: int) -> int:
        """Return a page's rows, if a page can have so many."""
        if not 0 <= count <= self.chunk.rows:
            message = "a page with more rows than its row group"
            raise Unusual(message)
        return count

    def levels(self, at: int, end: int, count: int) -> NDArray[np.uint8] | None:
        """Read which rows have a value; None: all."""
        self.rows(count)
        if kernel.all_ones(at, end, count):
            return None
        out = np.empty(count, dtype=np.uint32)
        if not 0 <= kernel.unpack(at, end, 1, out) <= 1:
            message = "levels that cannot be read"
            raise Unusual(message)
        return None if out.all() else out.astype(np.uint8)


def kind_of(encoding: int) -> str:
    """Say how a data page's values are written."""
    if encoding == PLAIN:
        return "plain"
    if encoding in {OLD_DICTIONARY, BY_DICTIONARY}:
        return "indices"
    message = "values of an unknown encoding"
    raise Unusual(message)


def length_of_snappy(packed: memoryview) -> int:
    """Return how long a snappy block says it is; -1 where it does not say."""
    value = 0
    for i, byte in enumerate(packed[:5]):
        value |= (byte & 127) << (7 * i)
        if byte < 128:  # noqa: PLR2004 - the last byte of the number
            return value
    return -1
