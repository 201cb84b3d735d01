"""Blocks of separated text to columns: lines are split, fields become Arrow text, what does not fit is named by row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa

from fairpay.errors import InputError
from fairpay.io.faults import ENCODING, QUOTING
from fairpay.io.table import Rows
from fairpay.kernels import fields as kernel
from fairpay.kernels.amounts import is_utf8
from fairpay.kernels.gather import gather, measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from fairpay.io.dialect import Dialect

__all__ = ["BATCH", "BLOCK", "Block", "Split", "Splitter", "UnreadableError", "column_of", "parts", "refused"]

BLOCK = 1 << 21
"""Bytes of text split at a time."""
BATCH = 1 << 17
"""Rows given at a time."""
LONGEST = 1 << 26
"""Bytes a line may have; a longer one has a quote that is never closed."""
UNCLOSED = "a quoted field does not end where it should"


class UnreadableError(Exception):
    """A row that cannot be read."""

    def __init__(self, row: int, words: str = UNCLOSED, advice: str = QUOTING) -> None:
        """Name it by its number among those split at a time, from 0; say what is wrong and what to do."""
        super().__init__(words)
        self.row, self.words, self.advice = row, words, advice


def refused(path: str, before: int, error: UnreadableError) -> InputError:
    """Say what is wrong with a row, which `before` rows of the file come before the block of."""
    return InputError(f"{path}: cannot be read: row {before + error.row + 1}: {error.words}", advice=error.advice)


class Survey(NamedTuple):
    """How many bytes of some text are quotes, line breaks, not ASCII."""

    quotes: int
    newlines: int
    high: int


class Block:
    """Some text in memory that can be read on into, and room to split it. Used by one thread at a time."""

    def __init__(self, size: int) -> None:
        """Make room for `size` bytes."""
        self.buffer = np.empty(size + 1 + kernel.PAD, np.uint8)
        self.size = 0
        self.grown = False
        self.state = np.zeros(kernel.STATE, np.int64)
        self.spans = np.empty((0, 0, 2), np.int32)
        self.broken = np.empty(0, np.uint8)

    @property
    def address(self) -> int:
        """Where the text is."""
        return int(self.buffer.ctypes.data)

    def fill(self, stream: IO[bytes], most: int | None = None) -> bool:
        """Read on until the room, or `most` bytes of text, is full; True: the stream has ended."""
        limit = len(self.buffer) - 1 - kernel.PAD
        limit = limit if most is None else min(limit, most)
        while self.size < limit:
            got = stream.readinto(self.buffer[self.size : limit].data)  # type: ignore[attr-defined]
            if not got:
                return True
            self.size += got
        return False

    def end_line(self) -> None:
        """Put a line break behind the last line of a file that has none."""
        if self.size and self.buffer[self.size - 1] != kernel.NEWLINE:
            self.buffer[self.size] = kernel.NEWLINE
            self.size += 1

    def drop(self, done: int) -> None:
        """Leave out the text before a place."""
        left = self.size - done
        self.buffer[:left] = self.buffer[done : self.size]
        self.size = left

    def grow(self) -> None:
        """Make twice the room.

        Raises:
            UnreadableError: no line is that long.

        """
        if self.size > LONGEST:
            raise UnreadableError(0)
        larger = np.empty(2 * len(self.buffer), np.uint8)
        larger[: self.size] = self.buffer[: self.size]
        self.buffer, self.grown = larger, True

    def survey(self, start: int = 0, stop: int | None = None) -> Survey:
        """Count what there is of some bytes."""
        kernel.survey(self.address + start, (self.size if stop is None else stop) - start, self.state)
        return Survey(*self.state[kernel.QUOTES : kernel.HIGH + 1].tolist())

    def room(self, columns: int, rows: int) -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
        """Return room for the fields of so many rows and for whether they are broken."""
        if self.spans.shape[0] != columns or self.spans.shape[1] < rows:
            self.spans = np.empty((columns, rows + (rows >> 3), 2), np.int32)
            self.broken = np.empty(self.spans.shape[1], np.uint8)
        return self.spans, self.broken


@dataclass(frozen=True, slots=True)
class Split:
    """What came of splitting."""

    rows: Rows
    next: int
    """Where the first line begins that is not in."""
    done: bool
    """Whether a line ended at the place asked for, or behind it; else the text ended first."""


@dataclass(frozen=True, slots=True)
class Splitter:
    """How the lines of one file become columns."""

    separator: int
    quote: bool
    names: tuple[str, ...]
    """The columns wanted."""
    slots: NDArray[np.int64]
    """What becomes of each field, see `kernels.fields`."""

    @classmethod
    def of(cls, dialect: Dialect, names: Sequence[str]) -> Splitter:
        """Look at the first field too, to tell blank lines, and at the one too many, to tell broken ones."""
        width = len(dialect.names)
        slots = np.full(width + 2, kernel.IGNORED, np.int64)
        slots[0], slots[width] = kernel.LOOKED_AT, kernel.EXTRA
        for slot, name in enumerate(names):
            slots[dialect.names.index(name)] = slot
        return cls(ord(dialect.separator), dialect.quote, tuple(names), slots)

    def line_end(self, block: Block, *, odd: bool) -> int:
        """Return where the first line ends; -1: nowhere. `odd`: a quote is open at the beginning."""
        return int(kernel.line_end(block.address, 0, block.size, self.quote, odd))

    def split(self, block: Block, start: int, stop: int, seen: Survey) -> Split:
        """Split the lines from `start`, where one begins, to the one that ends at `stop` or behind it.

        `seen` is what there is in the block, or at least in that part of it.

        Raises:
            UnreadableError: a row has quotes that do not fit, or text that is not UTF-8.

        """
        spans, broken = block.room(len(self.names), seen.newlines + 1)
        state = block.state
        walk = kernel.split_quoted if self.quote and seen.quotes else kernel.split_plain
        walk(block.address, (start, stop, block.size), self.separator, self.slots, spans, broken, state)
        count, after, stopped = state[[kernel.ROWS, kernel.NEXT, kernel.STOP]].tolist()
        if stopped == kernel.MISQUOTED:
            raise UnreadableError(count)
        columns = {name: column_of(block, spans[i], count) for i, name in enumerate(self.names)}
        if seen.high:
            check_utf8(columns)
        marks = pa.array(broken[:count].astype(np.bool_)) if state[kernel.BROKEN] else None
        return Split(Rows(columns, count, marks, sound=True), after, stopped == kernel.DONE)


def parts(rows: Rows, most: int) -> Iterator[Rows]:
    """Cut rows into batches."""
    if rows.rows <= most:
        yield rows
        return
    for at in range(0, rows.rows, most):
        columns = {name: column.slice(at, most) for name, column in rows.columns.items()}
        broken = None if rows.broken is None else rows.broken.slice(at, most)
        yield Rows(columns, min(most, rows.rows - at), broken, sound=rows.sound)


def column_of(block: Block, spans: NDArray[np.int32], rows: int, copy: Callable[..., None] | None = None) -> pa.Array:
    """Copy the fields of one column together, with `gather` or a kernel like it."""
    offsets = pa.allocate_buffer(4 * (rows + 1))
    starts = np.frombuffer(offsets, np.int32)
    size, nulls = measure(spans, rows, starts)
    text = pa.allocate_buffer(size + kernel.PAD)
    (copy or gather)(block.address, spans, starts, text.address)
    valid = pa.py_buffer(np.packbits(spans[:rows, 1] >= 0, bitorder="little")) if nulls else None
    return pa.Array.from_buffers(pa.string(), rows, [valid, offsets, text], nulls)


def check_utf8(columns: Mapping[str, pa.Array]) -> None:
    """Refuse text that is not UTF-8.

    Raises:
        UnreadableError: for the first row with such text.

    """
    wrong = [first_wrong(column) for column in columns.values() if not is_utf8(column)]
    if wrong:
        raise UnreadableError(min(wrong), "the text is not UTF-8", ENCODING)


def first_wrong(column: pa.Array) -> int:
    """Find the first text that is not UTF-8."""
    for row, text in enumerate(column.cast(pa.binary())):
        try:
            (text.as_py() or b"").decode()
        except UnicodeDecodeError:
            return row
    return 0
