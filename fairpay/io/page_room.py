"""What page columns are put together in: Arrow's buffers, filled part by part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from fairpay.io.pages import Unusual
from fairpay.kernels import pages as kernel
from fairpay.kernels.addresses import address_of

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

__all__ = ["Mask", "Sink", "flags_of", "room_for"]

LARGEST = 2**31 - 1


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
    return address_of(valid)


def room_for(count: int, kind: DTypeLike) -> NDArray[Any]:
    """Make room for values with Arrow's allocator, which keeps the pages of memory that the last batch let go of."""
    return np.frombuffer(pa.allocate_buffer(count * np.dtype(kind).itemsize), dtype=kind)
