"""JSON logs: lines are read by Polars; arrays, and what Polars does not take, by the standard library."""

from __future__ import annotations

import codecs
import json
import re
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial, reduce
from itertools import count, islice
from typing import IO, TYPE_CHECKING, Any

import polars as pl

from fairpay.errors import InputError
from fairpay.logs.faults import reading_of
from fairpay.logs.files import head_of, open_bytes
from fairpay.logs.names import has_artist, spellings
from fairpay.logs.source import BATCH, Source, first_able

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from fairpay.logs.files import LogFile
    from fairpay.settings.values import Reading

__all__ = ["opened"]

HEAD = 1 << 20
DIGITS = 16
"""Decimal text of this length, with its point, names one float and is named by it."""
LONG = "|".join(rf"\d{{{n}}}\.\d{{{DIGITS - n}}}" for n in range(1, DIGITS))
SAMPLE = 1000
"""Objects looked at to know the columns; the rest is searched for names of columns that these lack."""
LINES = (".jsonl", ".ndjson")
MARK = b"\xef\xbb\xbf"
CHUNK = 1 << 20
SPACE = " \t\r\n"
DEEPEST = 3
"""An array of rows is looked for in objects within objects, this deep."""
END = object()
ADVICE = "The file is damaged or cut short, or not JSON; fetch it again."
FAULTY = "The file was written by a faulty program; write it again."


class Real(str):
    """The text of a number with a fraction or an exponent."""

    __slots__ = ()


class Whole(str):
    """The text of a whole number."""

    __slots__ = ()


DECODER = json.JSONDecoder(parse_float=Real, parse_int=Whole, parse_constant=str)
"""Numbers stay the text they were: an id is not rounded, a duration is not a float."""


@dataclass(slots=True)
class Value:
    """What stands under one name: where it lies, and of what kind it was seen to be."""

    path: tuple[tuple[str, bool], ...]
    """Keys, each with whether a list of objects lies there."""
    several: bool = False
    """Whether a list of values was seen."""
    whole: bool = False
    """Whether a whole number was seen, and nothing else."""
    real: bool = False
    """Whether a number with a fraction or an exponent was seen."""
    long: bool = False
    """Whether one was seen of more digits than a float has, which Polars would make of it."""

    @property
    def kind(self) -> pl.DataType:
        """The kind by which it is judged: an id may not be a number with a fraction."""
        if self.several or any(listed for _, listed in self.path):
            return pl.List(pl.String())
        return pl.Float64() if self.real else pl.String()


def opened(file: LogFile, reading: Reading) -> Source:
    """Look at the objects of a file as far as needed to know its columns.

    Raises:
        InputError: it is not JSON.

    """
    with reading_of(file.path):
        start = head_of(file, HEAD)
        head = start.removeprefix(MARK).lstrip()
        with open_bytes(file.local) as stream:
            alone = lone_object(stream, file.path) if head.startswith(b"{") else None
        within = alone is not None and not is_row(alone, file, reading)
        values: dict[str, Value] = {}
        lines = not within and are_lines(head) and not start.startswith(MARK)
        with open_bytes(file.local) as stream:
            rows = objects(stream, file.path, within=within)
            notice(values, islice(rows, SAMPLE) if lines else rows)
        if lines and (len(start) == HEAD or head.count(b"\n") >= SAMPLE):
            notice_late(values, file, reading)
    check_names(values, file.path)
    fields = {name: value.kind for name, value in values.items()}
    return Source(where=file.path, fields=fields, frames=Rows(file, values, lines, within), nul=True, loose=True)


def check_names(names: Iterable[str], where: str) -> None:
    for name in names:
        if re.search("[\0\ud800-\udfff]", name):
            message = f"{where}: the name of a column holds half a character or a NUL: {name!r}"
            raise InputError(message, advice=FAULTY)


def is_row(value: dict[str, Any], file: LogFile, reading: Reading) -> bool:
    if any(file.name.lower().removesuffix(f".{packing}").endswith(LINES) for packing in ("", "gz", "zst")):
        return True
    values: dict[str, Value] = {}
    notice(values, [value])
    return has_artist([name for name, found in values.items() if not found.path[0][1]], reading)


def are_lines(head: bytes) -> bool:
    line, found, _ = head.partition(b"\n")
    try:
        text = line.decode("utf-8", "surrogatepass" if found else "ignore")
        value, end = DECODER.raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and not text[end:].strip()


def notice(values: dict[str, Value], rows: Iterable[dict[str, Any]]) -> None:
    """Note every name in some objects, and of what kind its values are."""
    for row in rows:
        for name, path, found in leaves(row, "", ()):
            value = values.get(name)
            if value is None:
                value = values[name] = Value(path, whole=type(found) is Whole)
            value.whole &= found is None or type(found) is Whole
            value.several |= isinstance(found, list)
            value.real |= type(found) is Real
            value.long |= type(found) is Real and len(found) > DIGITS


def leaves(
    value: dict[str, Any], before: str, path: tuple[tuple[str, bool], ...]
) -> Iterator[tuple[str, tuple[tuple[str, bool], ...], Any]]:
    """Yield the dotted name, path and value of what lies in an object; of a list of objects, those of its first."""
    for key, inner in value.items():
        listed = isinstance(inner, list) and bool(inner) and isinstance(inner[0], dict)
        one = inner[0] if listed else inner
        if isinstance(one, dict):
            yield from leaves(one, f"{before}{key}.", (*path, (key, listed)))
        else:
            yield before + key, (*path, (key, False)), one


def notice_late(values: dict[str, Value], file: LogFile, reading: Reading) -> None:
    """Search the lines behind the sample for names of columns that it lacks: no order of rows may hide one.

    And, where the file has fractions, for numbers that no float can hold.
    """
    there = {name.rsplit(".", 1)[-1].casefold() for name in values}
    names = [*spellings(list(values)), *(name.rsplit(".", 1)[-1] for name in reading.columns.values())]
    missing = [f'"{name}"' for name in names if name.casefold() not in there]
    line = pl.col("line")
    odd = line.str.contains_any(missing, ascii_case_insensitive=True)
    if any(value.real for value in values.values()):
        odd |= line.str.contains(LONG)
    found = pl.scan_lines(file.local, glob=False).filter(odd)
    for frame in found.collect_batches(chunk_size=BATCH, maintain_order=True, lazy=True):
        for text in frame["line"]:
            with suppress(ValueError, RecursionError):  # what cannot be read is met again, and refused, with the rows
                row = DECODER.decode(text)
                notice(values, [row] if isinstance(row, dict) else [])


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a file; those of a file of lines are read by Polars as long as they are of the kinds seen first."""

    file: LogFile
    values: dict[str, Value]
    lines: bool
    within: bool

    def __call__(self, names: Sequence[str], rows: int | None, keep: pl.Expr | None) -> Iterator[pl.DataFrame]:  # noqa: ARG002 - see Source
        """Read lines; from the first on that is not as seen, numbers as text; all else by the standard library."""
        values = [self.values[name] for name in names]
        chosen = [expression(self.values[name]).alias(name) for name in names]
        polars = self.lines and not any(value.long for value in values)
        schemas = [schema_of(values, numbers=numbers) for numbers in ((True, False) if polars else ())]
        queries = (
            (pl.scan_ndjson(self.file.local, schema=schema).select(chosen), lambda frame, _: frame)
            for schema in schemas
            if schema is not None
        )
        return first_able(queries, rows, partial(self.one_by_one, names, rows or BATCH // 4))

    def one_by_one(self, names: Sequence[str], size: int, done: int) -> Iterator[pl.DataFrame]:
        """Read the rows from `done` on, every value as text or a list of texts."""
        paths = {name: tuple(key for key, _ in self.values[name].path) for name in names}
        with open_bytes(self.file.local) as stream:
            found = islice(objects(stream, self.file.path, within=self.within), done, None)
            while some := list(islice(found, size)):
                try:
                    yield pl.DataFrame([column(name, some, path) for name, path in paths.items()])
                except UnicodeEncodeError as error:
                    which = f"rows {done + 1} to {done + len(some)}"
                    message = f"{self.file.path}: {which} hold half a character ({error.reason})"
                    raise InputError(message, advice=FAULTY) from error
                done += len(some)


def column(name: str, rows: list[dict[str, Any]], path: tuple[str, ...]) -> pl.Series:
    """Return the values at a path as text; as lists of texts where any row has a list there."""
    found = [row.get(path[0]) for row in rows] if len(path) == 1 else [value_at(row, path) for row in rows]
    if any(isinstance(value, list) for value in found):
        several = [value if isinstance(value, list) or value is None else [value] for value in found]
        texts = [None if some is None else [text_of(one) for one in some] for some in several]
        return pl.Series(name, texts, pl.List(pl.String))
    return pl.Series(name, [text_of(value) for value in found], pl.String)


def value_at(value: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - JSON
    """Return what lies at a path; None where nothing does; of a list of objects, the values of all.

    Of a list within such a list, such as the aliases of each artist of a play, the primary value, else the first.
    """
    for place, key in enumerate(path):
        if isinstance(value, list):
            inner = [value_at(one, path[place:]) for one in sorted(value, key=is_secondary)]
            return [one[0] if isinstance(one, list) else one for one in inner if one is not None] or None
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def is_secondary(value: Any) -> bool:  # noqa: ANN401 - JSON
    """Whether an object does not say that it is the primary one of its list."""
    return not (isinstance(value, dict) and value.get("is_primary") is True)


def text_of(value: Any) -> str | None:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return None


def schema_of(values: Collection[Value], *, numbers: bool) -> dict[str, pl.DataType] | None:
    """Return the kinds of the keys that values lie under; None where one key is both an object and a value.

    With `numbers`, what was seen to be whole numbers is read as such, which Polars refuses of anything else.
    """
    keys: dict[str, list[Value]] = {}
    for value in values:
        keys.setdefault(value.path[0][0], []).append(value)
    found: dict[str, pl.DataType] = {}
    for key, under in keys.items():
        leaf = [value for value in under if len(value.path) == 1]
        if (leaf and len(under) > 1) or len({value.path[0][1] for value in under}) > 1:
            return None
        if leaf:
            one = pl.Int64() if numbers and leaf[0].whole else pl.String()
            found[key] = pl.List(pl.String()) if leaf[0].several else one
            continue
        inner = schema_of([replace(value, path=value.path[1:]) for value in under], numbers=numbers)
        if inner is None:
            return None
        struct = pl.Struct(inner)
        found[key] = pl.List(struct) if under[0].path[0][1] else struct
    return found


def expression(value: Value) -> pl.Expr:
    (first, listed), *rest = value.path
    expr = pl.col(first)
    for place, (key, more) in enumerate(rest):
        if listed:
            keys = [name for name, _ in rest[place:]]
            return expr.list.eval(reduce(lambda inner, name: inner.struct.field(name), keys, pl.element()))
        expr, listed = expr.struct.field(key), more
    return expr


class Text:
    """A window on the text of a stream, which moves forward: of JSON, however large."""

    def __init__(self, stream: IO[bytes], path: str) -> None:
        """Begin at the start."""
        self.stream = stream
        self.path = path
        self.decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self.buffer = ""
        self.at = 0
        self.ended = False

    def more(self, size: int) -> bool:
        """Read on, and drop what lies behind; False at the end of the file."""
        if self.ended:
            return False
        block = self.stream.read(size)
        self.ended = not block
        self.buffer = self.buffer[self.at :] + self.decoder.decode(block, final=self.ended)
        self.at = 0
        return not self.ended

    def peek(self) -> str:
        while True:
            while self.at < len(self.buffer) and self.buffer[self.at] in SPACE:
                self.at += 1
            if self.at < len(self.buffer):
                return self.buffer[self.at]
            if not self.more(CHUNK):
                return ""

    def value(self) -> Any:  # noqa: ANN401 - JSON
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

    def values(self) -> Iterator[Any]:
        """Read the values of one array that stands alone, or one value after another, to the end."""
        if self.peek() != "[":
            while self.peek():
                yield self.value()
            return
        self.at += 1
        separator = self.peek()
        while separator != "]":
            yield self.value()
            separator = self.peek()
            if separator not in {",", "]"}:
                raise self.damaged()
            self.at += separator == ","
        self.at += 1
        if self.peek():
            raise self.damaged()

    def damaged(self) -> InputError:
        return InputError(f"{self.path}: not whole JSON", advice=ADVICE)


def objects(stream: IO[bytes], path: str, *, within: bool = False) -> Iterator[dict[str, Any]]:
    """Yield the objects that are rows; numbers in them are text.

    Args:
        stream: the file, unpacked.
        path: its name, for messages.
        within: whether the file is one object, which is searched for an array of rows.

    """
    text = Text(stream, path)
    if text.peek() not in {"{", "[", ""}:
        raise text.damaged()
    alone = text.value() if within else None
    found = text.values() if alone is None else iter(rows_within(alone) or [alone])
    for row in count(1):
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


def rows_within(value: dict[str, Any], deepest: int = DEEPEST) -> list[Any] | None:
    """Return the first array of objects in an object, or in the objects within it."""
    for inner in value.values():
        if isinstance(inner, list) and inner and isinstance(inner[0], dict):
            return inner
        found = rows_within(inner, deepest - 1) if isinstance(inner, dict) and deepest > 1 else None
        if found is not None:
            return found
    return None
