"""Lines of JSON objects to columns, as fast as lines of fields; a block with anything unusual is read the slow way."""

from __future__ import annotations

import io
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from fairpay.errors import InputError
from fairpay.io.faults import ENCODING
from fairpay.io.fields import Split, UnreadableError, column_of
from fairpay.io.json_stream import ADVICE, DECODER, END, Text, one_after_another
from fairpay.io.json_values import column_at
from fairpay.io.table import Rows
from fairpay.kernels import fields as layout
from fairpay.kernels import json_lines as kernel
from fairpay.kernels.json_text import gather_escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from fairpay.io.fields import Block, Survey

__all__ = ["LineReader", "are_lines"]

ENOUGH = 1000
"""Lines looked at."""
SUBTITLES = "subtitles.name"
"""What YouTube calls an artist, with words added that only the slow way takes away."""


def are_lines(head: bytes, names: Sequence[str]) -> bool:
    """Whether a file begins with several lines that are an object each."""
    found = 0
    if SUBTITLES in names:
        return False
    for line in islice(io.BytesIO(head), ENOUGH):
        if not line.endswith(b"\n"):
            break
        if not line.strip():
            continue
        try:
            if not isinstance(DECODER.decode(line.decode()), dict):
                return False
        except (ValueError, RecursionError):
            return False
        found += 1
    return found > 1


@dataclass(frozen=True, slots=True)
class LineReader:
    """How lines of objects become columns: does for JSON what `fields.Splitter` does for fields."""

    names: tuple[str, ...]
    tree: tuple[NDArray[np.uint8], NDArray[np.int64]]
    """What is wanted, see `kernels.json_lines`."""
    quote: bool = False
    """A line break within quotes is no JSON: every one ends a line."""

    @classmethod
    def of(cls, names: Sequence[str]) -> LineReader:
        """Look for these names, a dot going into objects."""
        paths: dict[tuple[str, ...], int] = {}
        for name in names:
            path = tuple(name.split("."))
            for length in range(1, len(path) + 1):
                paths.setdefault(path[:length], len(paths))
        keys = np.zeros((len(paths), 4), np.int64)
        text = b""
        for path, key in paths.items():
            word = path[-1].encode()
            name = ".".join(path)
            slot = names.index(name) if name in names else -1
            keys[key] = len(text), len(text) + len(word), paths.get(path[:-1], -1), slot
            text += word
        return cls(tuple(names), (np.frombuffer(bytearray(text) or bytearray(1), np.uint8), keys))

    def line_end(self, block: Block, *, odd: bool) -> int:
        """Return where the first line ends; -1: nowhere."""
        return int(layout.line_end(block.address, 0, block.size, False, odd))  # noqa: FBT003 - a kernel

    def split(self, block: Block, start: int, stop: int, seen: Survey) -> Split:
        """Read the lines from `start`, where one begins, to the one that ends at `stop` or behind it.

        Raises:
            UnreadableError: a line is no object, or the text is not UTF-8.

        """
        spans, _ = block.room(len(self.names), seen.newlines + 1)
        path, state = np.empty(kernel.DEEPEST + 1, np.int64), block.state
        if len(self.tree[1]) <= kernel.MOST_KEYS:
            kernel.split_objects(block.address, (start, stop, block.size), self.tree, spans, path, state)
        if len(self.tree[1]) > kernel.MOST_KEYS or state[layout.STOP] == kernel.IRREGULAR:
            return self.split_slowly(block, start, stop)
        count, after, stopped = state[[layout.ROWS, layout.NEXT, layout.STOP]].tolist()
        if seen.high:
            check_utf8(block, start, after)
        columns = {name: column_of(block, spans[i], count, gather_escaped) for i, name in enumerate(self.names)}
        return Split(Rows(columns, count, sound=True), after, stopped == layout.DONE)

    def split_slowly(self, block: Block, start: int, stop: int) -> Split:
        """Read the same lines with Python's own reader, which knows everything JSON may be."""
        text = block.buffer[start : block.size].tobytes()
        cut = text.find(b"\n", max(0, stop - start))
        after = (cut if cut >= 0 else text.rfind(b"\n")) + 1
        rows = list(objects_in(text[:after]))
        columns = {name: column_at(rows, tuple(name.split("."))) for name in self.names}
        return Split(Rows(columns, len(rows), sound=True), start + after, cut >= 0)


def objects_in(text: bytes) -> Iterator[dict[str, Any]]:
    """Read objects one after another.

    Raises:
        UnreadableError: for the first that is not whole, or none.

    """
    values = one_after_another(Text(io.BytesIO(text), ""))
    row = 0
    while True:
        try:
            value = next(values, END)
        except InputError as error:
            raise UnreadableError(row, "this is not whole JSON", ADVICE) from error
        if value is END:
            return
        if not isinstance(value, dict):
            raise UnreadableError(row, "this is not a JSON object", ADVICE)
        yield value
        row += 1


def check_utf8(block: Block, start: int, stop: int) -> None:
    """Refuse text that is not UTF-8.

    Raises:
        UnreadableError: for the first line with such text.

    """
    text = block.buffer[start:stop].tobytes()
    try:
        text.decode()
    except UnicodeDecodeError as error:
        row = sum(1 for line in text[: error.start].split(b"\n")[:-1] if line.strip())
        raise UnreadableError(row, "the text is not UTF-8", ENCODING) from error
