"""A large text file cut into ranges of bytes that are read independently, each from a line's beginning to a line's end.

A line break ends a line where an even number of quotes comes before it. So a range may be split as soon as the quotes
before it are counted, which takes a fraction of the time that splitting takes: the thread that reads a range counts its
quotes first of all, and whoever needs the count of a range that is not known yet counts it as well. A range has the
lines that begin behind its first line break that ends one, up to the line that goes on into the next range.

Row numbers need the rows of all ranges before. They are only asked for where a row must be named; what is not known by
then is counted by splitting.
"""

from __future__ import annotations

from operator import add
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from fairpay.errors import InputError
from fairpay.io.faults import reading_of
from fairpay.io.fields import BATCH, BLOCK, Block, Survey, UnreadableError, parts, refused
from fairpay.io.packed import packing_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import IO

    from fairpay.io.lines import LineLog
    from fairpay.io.sources import LogFile
    from fairpay.io.table import Rows

__all__ = ["Ranges", "cuttable"]

MOST = 1 << 16
"""Ranges a file is cut into at most."""
BEHIND = 1 << 14
"""Bytes read behind a range, where its last line should end."""


def cuttable(file: LogFile) -> bool:
    """Whether a file is text that is worth cutting up, and can be if it is in lines."""
    return file.format in {"csv", "json"} and not file.remote and file.size > BLOCK and packing_of(file.path) is None


class Ranges:
    """The ranges of one file. They may be read in any order, on any threads."""

    def __init__(self, log: LineLog, names: Sequence[str], *, block: int | None = None) -> None:
        """Cut the file up; `names` are the columns wanted, `block` is how many bytes a range has."""
        size = max(block or BLOCK, -(-(log.file.size - log.start) // MOST))
        self.path = log.file.path
        self.splitter = log.splitter(names)
        self.cuts: list[int] = [*range(log.start, log.file.size, size), log.file.size]
        self.quotes: list[int | None] = [None] * len(self)
        self.rows: list[int | None] = [None] * len(self)
        self.odd = [False]
        self.before = [0]
        self.counting = Lock()
        self.numbering = Lock()
        self.spare: list[Block] = []

    def __len__(self) -> int:
        """How many there are."""
        return len(self.cuts) - 1

    def length(self, number: int) -> int:
        """How long a range is."""
        return self.cuts[number + 1] - self.cuts[number]

    def read(self, number: int, batch_rows: int | None) -> Iterator[Rows]:
        """Read a range in batches.

        Raises:
            InputError: it cannot be read, or a row of it.

        """
        with reading_of(self.path):
            try:
                found = self.split(number)
            except UnreadableError as error:
                raise refused(self.path, self.rows_before(number), error) from error
        for rows in found:
            yield from parts(rows, batch_rows or BATCH)

    def split(self, number: int) -> list[Rows]:
        """Split a range, and keep how many quotes and rows it has."""
        block = self.spare.pop() if self.spare else Block(self.length(0) + BEHIND)
        with Path(self.path).open("rb", buffering=0) as file:
            found = self.lines(number, block, file)
        self.rows[number] = sum(rows.rows for rows in found)
        if not block.grown:
            self.spare.append(block)
        return found

    def lines(self, number: int, block: Block, file: IO[bytes]) -> list[Rows]:
        """Split the lines of a range into batches: one, and perhaps a long line."""
        size, last = self.length(number), number == len(self) - 1
        self.load(number, block, file, size if last else size + BEHIND)
        mine = block.survey(0, size)
        self.quotes[number] = mine.quotes
        start = 0 if number == 0 else 1 + self.splitter.line_end(block, odd=self.odd_before(number))
        if start > size or (start == 0 and number):
            return []
        if last:
            block.end_line()
        seen = Survey(*map(add, mine, block.survey(size)))
        found: list[Rows] = []
        try:
            for split in self.splits(block, file, (start, block.size if last else size), seen, ended=last):
                found.append(split)  # noqa: PERF402 - what was found until an error is needed
        except UnreadableError as error:
            error.row += sum(rows.rows for rows in found)
            raise
        return found

    def splits(
        self, block: Block, file: IO[bytes], places: tuple[int, int], seen: Survey, *, ended: bool
    ) -> Iterator[Rows]:
        """Split from one place until a line has ended at the other or behind it; a long line is read to its end."""
        start, stop = places
        while True:
            split = self.splitter.split(block, start, stop, seen)
            yield split.rows
            if split.done or (ended and split.next == block.size):
                return
            if ended:
                raise UnreadableError(0)  # a quote that is never closed
            start = split.next
            block.grow()
            ended = block.fill(file)
            if ended:
                block.end_line()
            seen = block.survey()

    def load(self, number: int, block: Block, file: IO[bytes], most: int) -> None:
        """Read the bytes of a range.

        Raises:
            InputError: there are fewer than there were.

        """
        file.seek(self.cuts[number])
        block.size = 0
        block.fill(file, most)
        if block.size < self.length(number):
            message = f"{self.path}: the file has become shorter while it was read"
            raise InputError(message, advice="Run again when nobody writes to it.")

    def odd_before(self, number: int) -> bool:
        """Whether the text before a range leaves a quote open."""
        if not self.splitter.quote:
            return False
        with self.counting:
            for before in range(len(self.odd) - 1, number):
                count = self.quotes[before]
                some = self.count_quotes(before) if count is None else count
                self.odd.append(self.odd[before] != bool(some & 1))
            return self.odd[number]

    def count_quotes(self, number: int) -> int:
        """Count the quotes of a range that nobody has read yet."""
        block = Block(self.length(number))
        with Path(self.path).open("rb", buffering=0) as file:
            self.load(number, block, file, self.length(number))
        count = self.quotes[number] = block.survey().quotes
        return count

    def rows_before(self, number: int) -> int:
        """How many rows come before a range.

        Raises:
            InputError: a row of these cannot be read.

        """
        with self.numbering:
            for before in range(len(self.before) - 1, number):
                if self.rows[before] is None:
                    self.count_rows(before)
                self.before.append(self.before[before] + (self.rows[before] or 0))
            return self.before[number]

    def count_rows(self, number: int) -> None:
        """Count the rows of a range that nobody has read yet; those before it are counted.

        Raises:
            InputError: a row cannot be read.

        """
        with reading_of(self.path):
            try:
                self.split(number)
            except UnreadableError as error:
                raise refused(self.path, self.before[number], error) from error
