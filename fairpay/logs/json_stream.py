"""JSON objects out of a file, one after another, however large the file: lines, one array, or an array in an object."""

from __future__ import annotations

import codecs
import json
from typing import IO, TYPE_CHECKING, Any

from fairpay.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["lone_object", "objects"]

CHUNK = 1 << 20
SPACE = " \t\r\n"
DEEPEST = 3
"""An array of rows is looked for in objects within objects, this deep."""
END = object()
ADVICE = "The file is damaged or cut short, or not JSON; fetch it again."


class Real(str):
    """The text of a number with a fraction or an exponent."""

    __slots__ = ()


class Whole(str):
    """The text of a whole number."""

    __slots__ = ()


DECODER = json.JSONDecoder(parse_float=Real, parse_int=Whole, parse_constant=str)
"""Numbers stay the text they were: an id is not rounded, a duration is not a float."""


class Text:
    """A window on the text of a stream, which moves forward."""

    def __init__(self, stream: IO[bytes], path: str) -> None:
        """Begin at the start."""
        self.stream = stream
        self.path = path
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.buffer = ""
        self.at = 0
        self.ended = False

    def more(self, size: int = CHUNK) -> bool:
        """Read on, and drop what lies behind; False at the end of the file."""
        if self.ended:
            return False
        block = self.stream.read(size)
        self.ended = not block
        self.buffer = self.buffer[self.at :] + self.decoder.decode(block, final=self.ended)
        self.at = 0
        return not self.ended

    def peek(self) -> str:
        """Skip white space; return the next character, empty at the end."""
        while True:
            while self.at < len(self.buffer) and self.buffer[self.at] in SPACE:
                self.at += 1
            if self.at < len(self.buffer):
                return self.buffer[self.at]
            if not self.more():
                return ""

    def value(self) -> Any:  # noqa: ANN401 - JSON
        """Read one whole value.

        Raises:
            InputError: there is none.

        """
        size = CHUNK
        while True:
            self.peek()
            try:
                found, end = DECODER.raw_decode(self.buffer, self.at)
            except (json.JSONDecodeError, RecursionError) as error:
                if not isinstance(error, RecursionError) and self.more(size):
                    size *= 2  # so that a value of any length is tried a few times only
                    continue
                raise self.damaged() from error
            if end == len(self.buffer) and self.more(size):
                continue  # a number could go on
            self.at = end
            return found

    def expect(self, character: str) -> None:
        """Step over one character.

        Raises:
            InputError: another is there.

        """
        if self.peek() != character:
            raise self.damaged()
        self.at += 1

    def damaged(self) -> InputError:
        """Say that this is not JSON."""
        return InputError(f"{self.path}: not whole JSON", advice=ADVICE)


def objects(stream: IO[bytes], path: str, *, within: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the objects that are rows; numbers in them are text.

    Args:
        stream: the file, unpacked.
        path: its name, for messages.
        within: whether the file is one object, which is searched for an array of rows.

    Raises:
        InputError: the text is not JSON, or a row is not an object; with its number.

    """
    text = Text(stream, path)
    start = text.peek()
    if start == "{" and within:
        alone = text.value()
        found = iter(rows_within(alone) or [alone])
    elif start == "{":
        found = one_after_another(text)
    elif start == "[":
        found = array(text, alone=True)
    elif start == "":
        return
    else:
        raise text.damaged()
    row = 0
    while True:
        row += 1
        try:
            value = next(found, END)
        except InputError as error:
            message = f"{path}: not whole JSON at row {row}"
            raise InputError(message, advice=ADVICE) from error
        if value is END:
            return
        if not isinstance(value, dict):
            message = f"{path}: row {row} is not a JSON object"
            raise InputError(message, advice=ADVICE)
        yield value


def lone_object(stream: IO[bytes], path: str) -> dict[str, Any] | None:
    """Return the one object that a file is; None where it is more than that, or no object."""
    text = Text(stream, path)
    if text.peek() != "{":
        return None
    try:
        value = text.value()
    except InputError:
        return None
    return value if isinstance(value, dict) and not text.peek() else None


def one_after_another(text: Text) -> Iterator[Any]:
    """Read values until the end, with nothing but white space between them."""
    while text.peek():
        yield text.value()


def array(text: Text, *, alone: bool = False) -> Iterator[Any]:
    """Read the values of an array; if it should stand alone, nothing may follow."""
    text.expect("[")
    if text.peek() != "]":
        yield text.value()
    while text.peek() != "]":
        text.expect(",")
        yield text.value()
    text.expect("]")
    if alone and text.peek():
        raise text.damaged()


def rows_within(value: dict[str, Any], deepest: int = DEEPEST) -> list[Any] | None:
    """Return the first array of objects in an object, or in the objects within it."""
    for inner in value.values():
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            return inner
        found = rows_within(inner, deepest - 1) if isinstance(inner, dict) and deepest > 1 else None
        if found is not None:
            return found
    return None
