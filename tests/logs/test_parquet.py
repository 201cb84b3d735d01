"""Parquet files: types of ids, row groups, pruning by time, and damage."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from reads import judged, listens

from fairpay.errors import InputError
from fairpay.logs.read import open_logs
from fairpay.logs.schema import Fate
from fairpay.settings.values import Qualifying, Reading

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86_400


def log(path: Path, rows_per_group: int | None = None, **columns: object) -> Path:
    columns = {"user": ["u1", "u2"], "artist": ["a", "b"], **columns}
    pq.write_table(pa.table(columns), path, row_group_size=rows_per_group)
    return path


@pytest.mark.parametrize("kind", [pa.int8(), pa.int64(), pa.uint16(), pa.uint64()])
def test_integer_ids_stay_integers_until_the_engine(tmp_path: Path, kind: pa.DataType) -> None:
    path = log(tmp_path / "log.parquet", artist=pa.array([7, 100], kind))
    raw = next(open_logs(path, Reading(), wanted=()).units()[0]())
    assert raw.columns["artist"].type == kind
    assert listens(path) == [("u1", "7", 1), ("u2", "100", 1)]


NO_SPELLING = {
    "numbers with a fraction": pa.array([1.0, 2.0]),
    "booleans": pa.array([True, False]),
    "dates": pa.array([0, 1], pa.date32()),
    "moments": pa.array([0, 1], pa.timestamp("us")),
    "lists": pa.array([["x"], ["y"]]),
    "decimals": pa.array([1, 2], pa.decimal128(5, 1)),
}


@pytest.mark.parametrize("kind", NO_SPELLING)
def test_ids_that_have_no_one_spelling_are_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match=r"the user column user is of type .*; ids are text or whole numbers"):
        listens(log(tmp_path / "log.parquet", user=NO_SPELLING[kind]))


def test_amounts_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="seconds is the column seconds, of Boolean, not of numbers"):
        listens(log(tmp_path / "log.parquet", seconds=pa.array([True, False])))


def timed(path: Path, kind: pa.DataType, *, groups: int = 4) -> Path:
    """Write a log of one day per row group, ten plays a day."""
    seconds = np.arange(groups * 10) * (DAY // 10) + 20_000 * DAY
    times = pa.array(seconds).cast(pa.timestamp("s")).cast(kind) if not pa.types.is_integer(kind) else pa.array(seconds)
    n = len(seconds)
    return log(path, 10, user=["u"] * n, artist=["a"] * n, t=times)


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.timestamp("ms", "UTC"), pa.timestamp("ns"), pa.int64()])
def test_row_groups_outside_the_period_are_not_read_but_counted(tmp_path: Path, kind: pa.DataType) -> None:
    path = timed(tmp_path / "log.parquet", kind)
    period = Qualifying(since=20_001 * DAY * 10**6, until=20_002 * DAY * 10**6)
    found, counts = judged(path, period, wanted=("time",), columns={"time": "t"})
    assert len(found) == 10
    assert (counts.rows, counts.used, counts.dropped) == (40, 10, {Fate.OUTSIDE_PERIOD: 30})
    asked = (period.since, period.until)
    units = open_logs(path, Reading(columns={"time": "t"}), wanted=("time",), period=asked).units()
    batches = [raw for unit in units for raw in unit()]
    assert sum(len(raw.columns.get("user", [])) for raw in batches) == 10
    assert next(raw.row(0) for raw in batches if raw.columns) == 11


def test_a_row_group_with_a_missing_time_is_read(tmp_path: Path) -> None:
    times = pa.array([datetime(2020, 1, 1, tzinfo=UTC), None], pa.timestamp("us", "UTC"))
    path = log(tmp_path / "log.parquet", time=times)
    _, counts = judged(path, Qualifying(since=20_000 * DAY * 10**6), wanted=("time",))
    assert counts.dropped == {Fate.OUTSIDE_PERIOD: 1, Fate.BAD_TIME: 1}


def test_only_the_columns_needed_are_read(tmp_path: Path) -> None:
    path = log(tmp_path / "log.parquet", other=["x", "y"], plays=[1, 2])
    raw = next(open_logs(path, Reading(), wanted=("plays",)).units()[0]())
    assert set(raw.columns) == {"user", "artist", "plays"}


@pytest.mark.parametrize("part", ["truncated", "flipped footer", "text"])
def test_a_damaged_file_is_refused_in_words(tmp_path: Path, part: str) -> None:
    path = log(tmp_path / "log.parquet")
    whole = path.read_bytes()
    footer = bytes(b ^ 0xFF for b in whole[-60:-8])
    damaged = {"truncated": whole[: len(whole) // 2], "flipped footer": whole[:-60] + footer + whole[-8:]}
    path.write_bytes(damaged.get(part, b"user,artist\nu,a\n"))
    with pytest.raises(InputError, match=r"log\.parquet: cannot be read") as caught:
        listens(path)
    assert "damaged" in caught.value.advice


def test_a_second_file_without_the_columns_is_named(tmp_path: Path) -> None:
    first, second = log(tmp_path / "1.parquet"), tmp_path / "2.parquet"
    pq.write_table(pa.table({"user": ["u"], "singer": ["a"]}), second)
    with pytest.raises(InputError, match=r"2\.parquet: no column for the artist"):
        listens([first, second])
    pq.write_table(pa.table({"user_id": ["u3"], "artist_name": ["c"]}), second)
    assert listens([first, second])[-1] == ("u3", "c", 1)


def test_two_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    table = pa.table([["u"], ["a"], ["b"]], names=["user", "artist", "artist"])
    pq.write_table(table, tmp_path / "log.parquet")
    with pytest.raises(InputError, match=r"more than one column is named the same.*artist"):
        listens(tmp_path / "log.parquet")


def test_a_column_of_nothing_is_a_column_of_missing_ids(tmp_path: Path) -> None:
    assert judged(log(tmp_path / "log.parquet", artist=pa.nulls(2)))[1].dropped == {Fate.NO_ARTIST: 2}


@pytest.mark.parametrize("role", ["user", "artist"])
@pytest.mark.parametrize("kind", ["text", "bytes", "dictionary"])
def test_ids_that_are_not_utf_8_are_refused(tmp_path: Path, role: str, kind: str) -> None:
    raw = pa.array([b"caf\xc3\xa9", b"caf\xe9"])
    text = pa.Array.from_buffers(pa.string(), 2, raw.buffers())
    ids = {"text": text, "bytes": raw, "dictionary": pa.DictionaryArray.from_arrays([0, 1], text)}[kind]
    with pytest.raises(InputError, match=r"(?i)utf-?8"):
        listens(log(tmp_path / "log.parquet", **{role: ids}))
    with pytest.raises(InputError, match=r"(?i)utf-?8"):
        listens(pa.table({"user": ["u", "v"], "artist": ["a", "b"], role: ids}))
