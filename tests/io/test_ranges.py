"""A large text file read in ranges is the same file: rows, numbers, drops and errors."""

from __future__ import annotations

import gzip
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reads import judged, rows, write

from fairpay.errors import InputError
from fairpay.io import fields, ranges
from fairpay.io.listens import open_logs
from fairpay.io.ranges import Ranges
from fairpay.io.sources import log_file
from fairpay.io.text import TextLog
from fairpay.schema import Fate
from fairpay.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairpay.io.files import Unit
    from fairpay.io.table import Rows

Read = list[tuple[int, tuple[str | None, ...], bool]]
NAMES = ("user", "artist", "plays")

cells = st.sampled_from(["", "u", "artist", '"a,b"', '"x\ny"', '""', '"say ""hi"""', 'a"b"c', "é", "long" * 20])
lines = st.one_of(st.lists(cells, max_size=4).map(",".join), st.just("\r"))


def opened(path: Path) -> TextLog:
    """Open a text log."""
    return TextLog.open(log_file(str(path), Reading()), Reading())


def listed(found: Iterable[Rows], before: int = 0) -> Read:
    """List rows: number, fields, whether broken."""
    out: Read = []
    for part in found:
        broken = [False] * part.rows if part.broken is None else part.broken.to_pylist()
        for fields_of_row, bad in zip(
            zip(*(c.to_pylist() for c in part.columns.values()), strict=True), broken, strict=True
        ):
            out.append((before + len(out) + 1, fields_of_row, bad))
    return out


def read_whole(path: Path) -> Read:
    """Read a file from the beginning to its end."""
    return listed(opened(path).read(NAMES, None))


def read_ranges(path: Path, size: int, order: str) -> Read:
    """Read a file in ranges of so many bytes."""
    parts = Ranges(opened(path), NAMES, block=size)
    numbers = list(range(len(parts)))
    if order == "backwards":
        numbers.reverse()

    def one(number: int) -> Read:
        found = list(parts.read(number, None))
        return listed(found, parts.rows_before(number))

    if order == "threads":
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(one, numbers))
    else:
        found = [one(number) for number in numbers]
    return sorted(row for some in found for row in some)


@settings(max_examples=60)
@given(
    content=st.lists(lines, max_size=12),
    ending=st.sampled_from(["\n", "\r\n"]),
    ended=st.booleans(),
    size=st.integers(1, 90),
    order=st.sampled_from(["forwards", "backwards", "threads"]),
)
@example(content=["a,b,1"] * 5, ending="\n", ended=True, size=6, order="backwards")
@example(content=['"x\ny",b,1'] * 5, ending="\n", ended=False, size=3, order="backwards")
def test_ranges_of_any_size_in_any_order_give_the_rows_of_the_whole_file(
    content: list[str], ending: str, ended: bool, size: int, order: str,  # noqa: FBT001 - made by hypothesis
) -> None:  # fmt: skip
    text = ending.join(["user,artist,plays", *content]) + (ending if ended else "")
    with TemporaryDirectory() as folder:
        path = write(Path(folder) / "log.csv", text)
        assert read_ranges(path, size, order) == sorted(read_whole(path))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cut files up from 2,000 bytes on."""
    for module in (fields, ranges):
        monkeypatch.setattr(module, "BLOCK", 1000)


@pytest.mark.usefixtures("small")
def test_a_large_file_is_cut_up_and_a_packed_one_is_not(tmp_path: Path) -> None:
    text = "user,artist\n" + "u,a\n" * 2000
    assert len(units(write(tmp_path / "log.csv", text))) == 8
    packed = gzip.compress(text.encode(), compresslevel=0)
    assert len(units(write(tmp_path / "b.csv", packed))) == 1


def units(path: Path) -> list[Unit]:
    """Cut a log into units."""
    return open_logs(path, Reading(), wanted=()).units()


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("batch_rows", [1, 7, None])
def test_rows_keep_their_numbers(tmp_path: Path, batch_rows: int | None) -> None:
    log = write(tmp_path / "log.csv", "user,artist\n" + "".join(f'u{i},"a\n{i}"\n\n' for i in range(1, 500)))
    assert [(r["user"], r["row"]) for r in rows(log, batch_rows=batch_rows)] == [(f"u{i}", i) for i in range(1, 500)]


@pytest.mark.usefixtures("small")
def test_drops_are_counted_and_bad_rows_named_as_in_the_whole_file(tmp_path: Path) -> None:
    text = "user,artist,seconds\n" + "".join(f"u{i % 9},a,{'x' if i % 700 == 650 else 40}\n" for i in range(1, 2000))
    cut = judged(write(tmp_path / "log.csv", text))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fairpay.io.files.cuttable", lambda _: False)
        whole = judged(tmp_path / "log.csv")
    assert cut == whole
    assert cut[1].dropped == {Fate.BAD_DURATION: 2}
    assert cut[1].problems[0].where == "first at row 650"


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(("at", "row"), [(10, 10), (900, 900), (1999, 1999)])
def test_a_quote_that_is_never_closed_is_refused_with_its_row(tmp_path: Path, at: int, row: int) -> None:
    lines = [f"u{i},a" for i in range(1, 2000)]
    lines[at - 1] += ',"'
    path = write(tmp_path / "log.csv", "user,artist,plays\n" + "\n".join(lines) + "\n")
    with pytest.raises(InputError, match=f"row {row}: a quoted field does not end where it should"):
        read_whole(path)
    with pytest.raises(InputError, match=f"row {row}: a quoted field does not end where it should"):
        rows(path)


@pytest.mark.usefixtures("small")
def test_the_first_row_that_cannot_be_read_is_named_whichever_range_is_read_first(tmp_path: Path) -> None:
    lines = [f"u{i},a" for i in range(1, 2000)]
    lines[99] = lines[1499] = 'u,"a"b'
    path = write(tmp_path / "log.csv", "user,artist\n" + "\n".join(lines) + "\n")
    parts = Ranges(opened(path), ["user", "artist"])
    with pytest.raises(InputError, match="row 100: "):
        _ = [list(parts.read(number, None)) for number in reversed(range(len(parts)))]


@pytest.mark.usefixtures("small")
def test_a_line_longer_than_a_range_is_read(tmp_path: Path) -> None:
    artist = "x" * 70_000
    path = write(tmp_path / "log.csv", f"user,artist\nu1,a\nu2,{artist}\nu3,c\n" + "u,d\n" * 1000)
    found = rows(path)
    assert [r["artist"] for r in found[:3]] == ["a", artist, "c"]
    assert len(found) == 1003


def test_a_line_of_many_million_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "LONGEST", 10_000)
    monkeypatch.setattr(ranges, "BLOCK", 1000)
    path = write(tmp_path / "log.csv", 'user,artist\nu1,a\nu2,"' + "x\n" * 30_000 + '"\nu3,c\n')
    with pytest.raises(InputError, match="row 2: a quoted field does not end where it should"):
        rows(path)


def test_a_file_that_became_shorter_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "log.csv", "user,artist,plays\n" + "u,a,1\n" * 100)
    parts = Ranges(opened(path), NAMES, block=100)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(InputError, match="has become shorter"):
        list(parts.read(len(parts) - 1, None))


@pytest.mark.usefixtures("small")
def test_text_that_is_not_utf_8_is_refused_with_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [b"u,a,t"] * 3000
    lines[1000], lines[2000] = b"u,a,\xe9", b"u,\xe9,t"
    path = write(tmp_path / "log.csv", b"user,artist,track\n" + b"\n".join(lines))
    monkeypatch.setattr("fairpay.io.text.HEAD", 1000)
    with pytest.raises(InputError, match="row 2001: the text is not UTF-8"):
        rows(path)
