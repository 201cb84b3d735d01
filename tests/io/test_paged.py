"""Parquet files read page by page: the same values as PyArrow reads, and PyArrow where that cannot be."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairpay.io import paged
from fairpay.io.pages import Unusual
from fairpay.io.parquet import open_log
from fairpay.io.sources import log_file
from fairpay.kernels import pages as kernel
from fairpay.settings import Reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = [
    pa.string(),
    pa.large_string(),
    pa.int32(),
    pa.int64(),
    pa.uint32(),
    pa.uint64(),
    pa.float32(),
    pa.float64(),
    pa.timestamp("ms"),
    pa.timestamp("us", "UTC"),
    pa.timestamp("ns"),
]
UNKNOWN = [
    pa.int8(),
    pa.bool_(),
    pa.date32(),
    pa.decimal128(9, 2),
    pa.list_(pa.int32()),
    pa.binary(),
]


def column(kind: pa.DataType, values: list[int | None]) -> pa.Array:
    """Make a column of a kind from small numbers."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return pa.array([None if v is None else "ü€" * (v % 3) + "x" * (v % 23) + str(v) for v in values], kind)
    return pa.array(values, pa.int64()).cast(kind)


@st.composite
def files(draw: st.DrawFn) -> tuple[pa.Table, dict[str, object]]:
    """Draw a table and how it is written."""
    rows = draw(st.integers(1, 400))
    cells = st.integers(0, draw(st.sampled_from([1, 5, 1000])))
    columns = {}
    for name in ("a", "b"):
        kind = draw(st.sampled_from(KINDS))
        some = draw(st.sampled_from([cells, st.none() | cells, st.none()]))
        values = draw(st.lists(some, min_size=rows, max_size=rows))
        nullable = None in values or draw(st.booleans())
        columns[pa.field(name, kind, nullable=nullable)] = column(kind, values)
    how = {
        "compression": draw(st.sampled_from(["zstd", "snappy", "gzip", "none", "lz4"])),
        "use_dictionary": draw(st.booleans()),
        "dictionary_pagesize_limit": draw(st.sampled_from([16, 200, 10**6])),
        "data_page_size": draw(st.sampled_from([1, 100, 10**6])),
        "write_batch_size": draw(st.sampled_from([1, 7, 1024])),
        "data_page_version": draw(st.sampled_from(["1.0", "2.0"])),
        "write_page_checksum": draw(st.booleans()),
        "row_group_size": draw(st.sampled_from([50, 1000])),
        "write_statistics": draw(st.booleans()),
    }
    return pa.table(list(columns.values()), schema=pa.schema(list(columns))), how


def batches(path: Path, names: list[str], size: int) -> Iterator[pa.RecordBatch]:
    """Read a file page by page; whatever is not for that raises Unusual."""
    file = pq.ParquetFile(path)
    layout = paged.Layout.of(file.metadata, file.schema_arrow, names)
    if layout is None:
        raise Unusual
    descriptor = os.open(path, os.O_RDONLY)
    try:
        for group in range(file.num_row_groups):
            chunks = layout.chunks(file.metadata, group)
            if chunks is None:
                raise Unusual
            rows = file.metadata.row_group(group).num_rows
            yield from paged.read_group(descriptor, layout, chunks, rows=rows, size=size)
    finally:
        os.close(descriptor)


def same(found: list[pa.Array], wanted: pa.ChunkedArray) -> bool:
    """Whether batches hold a column's values."""
    for part in found:
        part.validate(full=True)
    flat = [part.dictionary_decode() if pa.types.is_dictionary(part.type) else part for part in found]
    return pa.chunked_array([part.cast(wanted.type) for part in flat], wanted.type).equals(wanted)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("paged")


@given(files(), st.sampled_from([1, 3, 64, 1000]))
@settings(max_examples=60, deadline=None)
def test_pages_hold_what_pyarrow_reads(folder: Path, file: tuple[pa.Table, dict[str, object]], size: int) -> None:
    table, how = file
    path = folder / "log.parquet"
    pq.write_table(table, path, **how)
    try:
        found = list(batches(path, table.column_names, size))
    except Unusual:
        assert how["compression"] == "lz4"
        return
    for i, name in enumerate(table.column_names):
        assert same([batch.column(i) for batch in found], table.column(name))
    assert how["compression"] != "lz4"


@pytest.mark.parametrize("kind", UNKNOWN, ids=str)
def test_columns_of_other_kinds_are_left_to_pyarrow(tmp_path: Path, kind: pa.DataType) -> None:
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"a": pa.array([None, None], kind)}), path)
    file = pq.ParquetFile(path)
    assert paged.Layout.of(file.metadata, file.schema_arrow, ["a"]) is None


def test_a_column_of_another_encoding_is_left_to_pyarrow(tmp_path: Path) -> None:
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"a": ["x", "y"]}), path, use_dictionary=False, column_encoding={"a": "DELTA_BYTE_ARRAY"})
    with pytest.raises(Unusual):
        list(batches(path, ["a"], 10))


def written(path: Path) -> pa.Table:
    """Write a file that is read page by page, of two row groups."""
    rng = np.random.default_rng(5)
    table = pa.table({"user": [f"u{i:020d}" for i in rng.integers(0, 900, 4000)], "n": rng.integers(0, 10**9, 4000)})
    pq.write_table(table, path, row_group_size=2000, compression="zstd", data_page_size=4000)
    return table


def test_pyarrow_goes_on_where_a_page_is_unusual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that were handed over before are not read again."""
    table = written(tmp_path / "log.parquet")
    whole = paged.read_group

    def until_row_900(*given: object, **named: object) -> Iterator[pa.RecordBatch]:
        for i, batch in enumerate(whole(*given, **named)):  # type: ignore[arg-type]
            if i == 3:
                raise Unusual
            yield batch

    monkeypatch.setattr(paged, "read_group", until_row_900)
    log = open_log(log_file(str(tmp_path / "log.parquet"), Reading())).checked(["user", "n"])
    found = list(log.read(["user", "n"], 300, groups=[0, 1]))
    assert sum(part.rows for part in found) == 4000
    for name in ("user", "n"):
        assert same([part.columns[name] for part in found], table.column(name))


def test_damaged_pages_are_refused_or_read_as_pyarrow_reads_them(tmp_path: Path) -> None:
    """Of files with one bit changed in the pages, none gives other values than PyArrow's; none ends the process."""
    path = tmp_path / "log.parquet"
    written(path)
    good = path.read_bytes()
    rng = np.random.default_rng(11)
    footer = len(good) - 8 - int.from_bytes(good[-8:-4], "little")
    differing = 0
    for place in rng.integers(4, footer, 300).tolist():
        path.write_bytes(good[:place] + bytes([good[place] ^ (1 << int(rng.integers(8)))]) + good[place + 1 :])
        try:
            wanted = pq.read_table(path, page_checksum_verification=True)
        except (OSError, pa.ArrowException):
            wanted = None
        try:
            found = list(batches(path, ["user", "n"], 1000))
        except Unusual:
            continue
        assert wanted is not None
        differing += not all(same([b.column(i) for b in found], wanted.column(i)) for i in range(2))
    assert differing == 0


@given(st.binary(max_size=60))
def test_a_header_of_any_bytes_ends_inside_them_or_is_none(data: bytes) -> None:
    room = np.frombuffer(data + b"\0", dtype=np.uint8)
    at = room.ctypes.data
    out, stack = np.empty(kernel.FIELDS, dtype=np.int64), np.empty((kernel.DEEPEST, 2), dtype=np.int64)
    end = kernel.read_header(at, at + len(data), out, stack)
    assert end in {kernel.WRONG, kernel.SHORT} or at < end <= at + len(data)


@given(st.binary(max_size=60), st.integers(0, 32), st.integers(0, 100))
def test_runs_of_any_bytes_are_read_inside_them(data: bytes, width: int, count: int) -> None:
    room = np.frombuffer(data + b"\0", dtype=np.uint8)
    out = np.empty(count, dtype=np.uint32)
    largest = kernel.unpack(room.ctypes.data, room.ctypes.data + len(data), width, out)
    assert largest == kernel.WRONG or largest == out.max(initial=0) < 1 << width
