"""A file of lines, from its beginning to its end, block by block."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Protocol

from fairpay.io.faults import reading_of
from fairpay.io.fields import BLOCK, Block, UnreadableError, parts, refused
from fairpay.io.packed import open_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairpay.io.fields import Split, Survey
    from fairpay.io.sources import LogFile
    from fairpay.io.table import Rows

__all__ = ["LineLog", "LineSplitter", "whole_lines"]


class LineSplitter(Protocol):
    """What splits the lines of one kind of file."""

    @property
    def quote(self) -> bool:
        """Whether a line break within quotes ends no line."""

    def line_end(self, block: Block, *, odd: bool) -> int:
        """Return where the first line ends; -1: nowhere. `odd`: a quote is open at the beginning."""

    def split(self, block: Block, start: int, stop: int, seen: Survey) -> Split:
        """Split the lines from `start`, where one begins, to the one that ends at `stop` or behind it.

        `seen` is what there is in the block, or at least in that part of it.

        Raises:
            UnreadableError: for the first row that cannot be read.

        """


class LineLog(Protocol):
    """A file of lines."""

    @property
    def file(self) -> LogFile:
        """The file."""

    @property
    def start(self) -> int:
        """Bytes before the first row."""

    def splitter(self, names: Sequence[str]) -> LineSplitter:
        """Return what splits its lines into these columns."""


def whole_lines(log: LineLog, names: Sequence[str], batch_rows: int) -> Iterator[Rows]:
    """Read the columns in batches, in the order of the file.

    Raises:
        InputError: the file cannot be read, or a row of it.

    """
    before = 0
    with reading_of(log.file.path), open_bytes(log.file.path) as stream:
        skip(stream, log.start)
        try:
            for rows in blocks(stream, log.splitter(names)):
                yield from parts(rows, batch_rows)
                before += rows.rows
        except UnreadableError as error:
            raise refused(log.file.path, before, error) from error


def blocks(stream: IO[bytes], splitter: LineSplitter) -> Iterator[Rows]:
    """Split a stream block by block.

    Raises:
        UnreadableError: for a row; its number is among those behind what was given so far.

    """
    block = Block(BLOCK)
    ended = False
    while not ended:
        ended = block.fill(stream)
        if ended:
            block.end_line()
        split = splitter.split(block, 0, block.size, block.survey())
        yield split.rows
        block.drop(split.next)
        if split.next == 0:
            block.grow()
    if block.size:
        raise UnreadableError(0)  # a quote that is never closed


def skip(stream: IO[bytes], count: int) -> None:
    """Pass over some bytes."""
    while count and (got := len(stream.read(count))):
        count -= got
