"""Large files of JSON lines are read by kernels: the same rows as Python's own reader gives, and the same refusals."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reads import judged, rows, write

from fairpay.errors import InputError
from fairpay.io import fields, json_logs, ranges
from fairpay.io.json_logs import JsonLog
from fairpay.io.ranges import Ranges
from fairpay.io.sources import log_file
from fairpay.schema import Fate
from fairpay.settings import Reading

NAMES = ["user", "artist", "track.name", "track.album.id", "plays"]

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["a" * 70, 'é"\\', "😀", "\ud800"]),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
words = st.sampled_from(["user", "artist", "track", "name", "album", "id", "plays", "x"])
trees = st.recursive(scalars, lambda inner: st.dictionaries(words, inner, max_size=4), max_leaves=6)
objects = st.dictionaries(words | st.text(max_size=3), trees | values, max_size=6)


def line(row: dict[str, Any], ascii_only: bool, spaced: bool) -> str:  # noqa: FBT001 - made by hypothesis
    """Write one line."""
    try:
        text = json.dumps(row, ensure_ascii=ascii_only, separators=(" ,\t", " : ") if spaced else (",", ":"))
        text.encode()
    except UnicodeEncodeError:
        text = json.dumps(row)
    return text


lines = st.builds(line, objects, st.booleans(), st.booleans())
DAMAGE = (
    "", " \t", "{}", "[1]", "{",
    '{"user":1}{"user":2}', '{"user":01}', '{"user":tru}', '{"user":"a\tb"}', '{"user":1,}',
    '{"user":1,"user":2}',
    '{"us\\u0065r":3}', '{"user":"\\x"}', '{"user":"\\u12g4"}', '{"user":[[[1]]],"plays":-0.5E+3}',
    '{"user":NaN}', "x" * 70, '{"a":' * 70 + "1" + "}" * 70, '{"user":1} 5', '{"user" 1}', "{,}", '{"user":-}',
    '{"track":{"name":1},"track":{}}',
    '{"user":"\\ud83d\\ude00 \\ud83d"}', '{"user":"\\ud83d\\ude00\\n\\/"}',
    '{"user":1.}', '{"user":1e}', '{"user":"a',
)  # fmt: skip
damage = st.sampled_from(DAMAGE)


def read(path: Path, how: str, size: int) -> list[tuple[str | None, ...]] | str:
    """Read a file one way; what is refused is only said to be."""
    file = log_file(str(path), Reading())
    try:
        if how == "slow":
            parts = list(JsonLog(file, NAMES).read(NAMES, None))
        elif how == "whole":
            parts = list(JsonLog(file, NAMES, lines=True).read(NAMES, None))
        else:
            cut = Ranges(JsonLog(file, NAMES, lines=True), NAMES, block=size)
            parts = [part for number in range(len(cut)) for part in cut.read(number, None)]
    except InputError:
        return "refused"
    return [row for part in parts for row in zip(*(part.columns[name].to_pylist() for name in NAMES), strict=True)]


def compare(content: list[str], size: int) -> None:
    """Hold the ways to read against each other."""
    with TemporaryDirectory() as folder:
        text = "\n".join(['{"user":"u"}', *content, '{"user":"v"}'])
        path = write(Path(folder) / "log.jsonl", text)
        expected = read(path, "slow", 0)
        assert read(path, "whole", 0) == expected
        assert read(path, "ranges", size) == expected


@settings(max_examples=150)
@given(st.lists(lines, max_size=5), st.integers(1, 200))
@example([json.dumps({"user": "\u00e9\u0416\U0001f600 \n", "track": {"album": {"id": 5}, "name": "\x7f\u0080"}})], 30)
def test_lines_are_read_as_python_reads_them(content: list[str], size: int) -> None:
    compare(content, size)


@pytest.mark.parametrize("odd", DAMAGE)
def test_odd_lines_are_read_or_refused_as_python_does(odd: str) -> None:
    compare(['{"user":"a","artist":"b"}', odd, '{"user":"c"}'], 10_000)


@settings(max_examples=100)
@given(st.lists(st.one_of(lines, damage), max_size=4), st.data())
def test_damage_is_refused_or_read_as_python_does(content: list[str], data: st.DataObject) -> None:
    text = "\n".join(content)
    if text:
        at = data.draw(st.integers(0, len(text) - 1))
        text = text[:at] + data.draw(st.sampled_from(["", '"', "\\", "}", ",", "0", " ", "e"])) + text[at + 1 :]
    compare([text], 10_000)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take files for large, and cut them up, from 2,000 bytes on."""
    for module in (fields, ranges, json_logs):
        monkeypatch.setattr(module, "BLOCK", 1000)


PLAYS = [
    {"user": f"u{i}", "artist": 'a\u00e9"' if i % 7 else None, "seconds": 30 + i / 8, "x": [{}]} for i in range(900)
]


@pytest.mark.usefixtures("small")
def test_usual_lines_do_not_go_the_slow_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError

    log = write(tmp_path / "a.jsonl", "\n".join(map(json.dumps, PLAYS)))
    monkeypatch.setattr("fairpay.io.json_lines.LineReader.split_slowly", refuse)
    assert judged(log)[1].dropped == {Fate.NO_ARTIST: 129}


@pytest.mark.usefixtures("small")
def test_lines_packed_or_cut_up_or_in_one_array_are_the_same(tmp_path: Path) -> None:
    text = "\r\n".join(map(json.dumps, PLAYS))
    expected = judged(write(tmp_path / "a.json", json.dumps(PLAYS)))
    assert len(expected[0]) == 771
    assert judged(write(tmp_path / "a.jsonl", "\ufeff" + text)) == expected
    assert judged(write(tmp_path / "b.jsonl.gz", gzip.compress(text.encode()))) == expected
    assert judged(write(tmp_path / "c.jsonl.zst", pa.Codec("zstd").compress(text.encode()).to_pybytes())) == expected
    assert [row["row"] for row in rows(tmp_path / "a.jsonl", batch_rows=7)] == list(range(1, 901))


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (b"{", "row 801: this is not whole JSON"),
        (b"[1]", "row 801: this is not a JSON object"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: bytes, words: str) -> None:
    monkeypatch.setattr(json_logs, "HEAD", 1000)
    monkeypatch.setattr(json_logs, "SAMPLE", 10)
    whole = [json.dumps(play).encode() for play in PLAYS]
    log = write(tmp_path / "a.jsonl", b"\n\n".join([*whole[:800], bad, *whole[800:]]))
    with pytest.raises(InputError, match=words):
        rows(log)


def test_text_that_is_not_utf_8_is_named_by_row(tmp_path: Path) -> None:
    line = b'{"user": "u", "artist": "a"}' + b" " * 100
    log = write(tmp_path / "a.jsonl", b"\n".join([*[line] * 19_999, b'{"user": "\xe9"}', line]))
    with pytest.raises(InputError, match="row 20000: the text is not UTF-8"):
        rows(log)
