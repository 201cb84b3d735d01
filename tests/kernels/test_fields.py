"""Splitting text into fields, held against a walk over its characters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fairpay.kernels import fields as kernel
from fairpay.kernels.gather import gather, measure

WIDTH = 3
WANTED = {1: 0, 2: 1}
SLOTS = np.array([kernel.LOOKED_AT, 0, 1, kernel.EXTRA, kernel.IGNORED])
LINES = (
    b"a,b,c",
    b"",
    b"\r",
    b",,",
    b'"",b',
    b"long" * 40 + b",x,y",
    b"a,b,c,d",
    b"a,b,c,,d",
    b'"q,""r""\n",s,t',
    b"1",
)

pieces = st.sampled_from(
    [b"a", b"bc", b",", b",", b"\n", b"\n", b"\r\n", b"\r", b'"', b'""', b'"x,y"', b"\xc3\xa9", b"z" * 70]
)
texts = st.one_of(st.lists(pieces, max_size=30).map(b"".join), st.lists(st.sampled_from(LINES)).map(b"\n".join))


class Misquoted(Exception):  # noqa: N818 - short, and only here
    """Quotes that do not fit."""


def room(text: bytes) -> np.ndarray:
    """Lay text out with what may be read behind it: bytes that would matter if they counted."""
    return np.frombuffer(text + b',\n"x' * kernel.PAD, np.uint8)


def lines_of(text: bytes, *, quoting: bool, odd: bool = False) -> list[int]:
    """Say where the line breaks are that end lines."""
    found = []
    for at, byte in enumerate(text):
        odd ^= quoting and byte == kernel.QUOTE
        if byte == kernel.NEWLINE and not odd:
            found.append(at)
    return found


def slow_fields(line: bytes, *, quoting: bool) -> list[bytes | None]:
    """Split one line, without its line break; None is null."""
    line = line.removesuffix(b"\r")
    if not quoting:
        return [field or None for field in line.split(b",")]
    found: list[bytes | None] = []
    rest = line
    while True:
        if rest.startswith(b'"'):
            end = 1
            while rest[end : end + 1] != b'"' or rest[end : end + 2] == b'""':
                if end >= len(rest):
                    raise Misquoted
                end += 2 if rest[end : end + 2] == b'""' else 1
            found.append(rest[1:end].replace(b'""', b'"'))
            rest = rest[end + 1 :]
            if rest and not rest.startswith(b","):
                raise Misquoted
        else:
            field = rest.partition(b",")[0]
            if b"\n" in field:
                raise Misquoted
            found.append(field or None)
            rest = rest[len(field) :]
        if not rest:
            return found
        rest = rest[1:]


def slow(text: bytes, stop: int, *, quoting: bool) -> tuple[list[tuple[bytes | None, ...]], int, list[bool]]:
    """Split the lines up to the first that ends at `stop` or later: rows of wanted fields, where to go on, broken."""
    rows, broken, begin = [], [], 0
    for end in lines_of(text, quoting=quoting):
        fields = slow_fields(text[begin:end], quoting=quoting)
        fields += [None] * (WIDTH + 1 - len(fields))
        begin = end + 1
        if any(field is not None for field in fields[: WIDTH + 1]):
            rows.append(tuple(fields[at] for at in WANTED))
            broken.append(fields[WIDTH] is not None)
        if end >= stop:
            break
    return rows, begin, broken


def fast(text: bytes, stop: int, *, quoting: bool) -> tuple[list[tuple[bytes | None, ...]], int, list[bool]]:
    """Split with the kernels."""
    buffer, state = room(text), np.zeros(kernel.STATE, np.int64)
    size = text.count(b"\n") + 1
    spans, broken = np.empty((len(WANTED), size, 2), np.int32), np.empty(size, np.uint8)
    walk = kernel.split_quoted if quoting else kernel.split_plain
    walk(buffer.ctypes.data, (0, stop, len(text)), ord(","), SLOTS, spans, broken, state)
    if state[kernel.STOP] == kernel.MISQUOTED:
        raise Misquoted
    count = int(state[kernel.ROWS])
    assert state[kernel.BROKEN] == broken[:count].sum()
    columns = [column(buffer, spans[i], count) for i in range(len(WANTED))]
    return list(zip(*columns, strict=True)), int(state[kernel.NEXT]), broken[:count].astype(bool).tolist()


def column(buffer: np.ndarray, spans: np.ndarray, rows: int) -> list[bytes | None]:
    """Gather one column."""
    offsets = np.empty(rows + 1, np.int32)
    size, nulls = measure(spans, rows, offsets)
    text = np.zeros(size + kernel.PAD, np.uint8)
    gather(buffer.ctypes.data, spans, offsets, text.ctypes.data)
    found = [None if spans[i, 1] < 0 else text[offsets[i] : offsets[i + 1]].tobytes() for i in range(rows)]
    assert found.count(None) == nulls
    return found


@given(texts, st.integers(0, 80))
@example(b"\n" * 70 + b"a,b\n", 1000)
@example(b"x" * 63 + b"\n" + b"y" * 64 + b",z\n", 1000)
def test_lines_without_quoting_are_split_as_a_walk_over_them_does(text: bytes, stop: int) -> None:
    assert fast(text, stop, quoting=False) == slow(text, stop, quoting=False)


@given(texts, st.integers(0, 80))
@example(b'a,"' + b'""' * 70 + b'",c\n', 1000)
@example(b'a,"x\n' * 2 + b'",c\n', 3)
@example(b'u,12" a,7" b,c\n', 0)
@example(b'u,a"b,"c,d\n', 0)
@example(b'"' + b"x" * 62 + b'",b\n', 0)
def test_lines_with_quoting_are_split_as_a_walk_over_them_does(text: bytes, stop: int) -> None:
    """What a last line without an end may hold is for the reader, which looks for its end."""
    text += b'"\n' if text.count(b'"') % 2 else b"\n"
    try:
        expected = slow(text, stop, quoting=True)
    except Misquoted:
        with pytest.raises(Misquoted):
            fast(text, stop, quoting=True)
    else:
        assert fast(text, stop, quoting=True) == expected


@given(texts, st.booleans(), st.booleans(), st.integers(0, 30))
def test_the_end_of_a_line_is_found(text: bytes, quoting: bool, odd: bool, start: int) -> None:  # noqa: FBT001 - made by hypothesis
    start = min(start, len(text))
    found = lines_of(text[start:], quoting=quoting, odd=odd and quoting)
    expected = found[0] + start if found else -1
    assert kernel.line_end(room(text).ctypes.data, start, len(text), quoting, odd) == expected


@given(texts)
def test_a_survey_counts(text: bytes) -> None:
    state = np.zeros(kernel.STATE, np.int64)
    kernel.survey(room(text).ctypes.data, len(text), state)
    counted = state[[kernel.QUOTES, kernel.NEWLINES, kernel.HIGH]].tolist()
    assert counted == [text.count(b'"'), text.count(b"\n"), sum(byte > 127 for byte in text)]
