"""Every encoding, codec, page version and type that programs write is paid like the same rows in fractions."""

from __future__ import annotations

import random
from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from naive import round_by_largest_remainder
from paying import paid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Rows = list[tuple[str, "str | None", int]]


def month() -> Rows:
    """Make rows of user, artist (some missing) and milliseconds (some too short)."""
    chance = random.Random(1)  # noqa: S311 - not a secret
    artists = [f"{i:06d}" for i in range(30)] + ["", "Beyoncé", "名前", 'a"b', "long " * 9]
    return [
        (f"user-{chance.randrange(40)}", chance.choice([*artists, None]), chance.randrange(10_000, 400_000))
        for _ in range(3000)
    ]


def by_hand(rows: Rows, fee: int) -> dict[str, str]:
    """Divide each listener's fee by time listened, in fractions; whole cents by largest remainder."""
    time: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for user, artist, ms in rows:
        if artist and ms >= 30_000:
            time[user][artist] += ms
    exact: dict[str, Fraction] = defaultdict(Fraction)
    for heard in time.values():
        for artist, ms in heard.items():
            exact[artist] += Fraction(fee * ms, sum(heard.values()))
    artists = sorted(exact, key=str.encode)
    cents = round_by_largest_remainder([exact[artist] for artist in artists], fee * len(time))
    return {artist: f"{paid // 100}.{paid % 100:02d}" for artist, paid in zip(artists, cents, strict=True)}


ROWS = month()
EXPECTED = by_hand(ROWS, fee=1000)
ARROW = pa.table({
    "user": [user for user, _, _ in ROWS],
    "artist": [artist for _, artist, _ in ROWS],
    "ms": pa.array([ms for _, _, ms in ROWS], pa.int64()),
})  # fmt: skip


def arrow(**options: Any) -> Callable[[Path], None]:  # noqa: ANN401 - of the writer
    return lambda path: pq.write_table(ARROW, path, **options)


def cast(**kinds: pa.DataType) -> Callable[[Path], None]:
    columns = {name: ARROW[name].cast(kinds.get(name, ARROW[name].type)) for name in ARROW.column_names}
    return lambda path: pq.write_table(pa.table(columns), path)


def coded(**kinds: pa.DataType) -> Callable[[Path], None]:
    columns = {n: ARROW[n].cast(k).dictionary_encode() for n, k in kinds.items()}
    return lambda path: pq.write_table(pa.table({"ms": ARROW["ms"], **columns}), path)


def duck(options: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with duckdb.connect() as connection:
            connection.register("month", ARROW)
            connection.execute(f"COPY month TO '{path}' (FORMAT parquet, {options})")

    return write


PARQUET: dict[str, Callable[[Path], None]] = {
    **{
        f"pyarrow, {codec}, pages {version}": arrow(compression=codec, data_page_version=version)
        for codec in ("none", "snappy", "gzip", "brotli", "lz4", "zstd")
        for version in ("1.0", "2.0")
    },
    **{
        f"pyarrow, {encoding}": arrow(use_dictionary=False, column_encoding={"user": encoding, "artist": encoding})
        for encoding in ("PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY")
    },
    **{
        f"pyarrow, numbers {encoding}": arrow(use_dictionary=False, column_encoding={"ms": encoding})
        for encoding in ("PLAIN", "DELTA_BINARY_PACKED", "BYTE_STREAM_SPLIT")
    },
    "pyarrow, small pages and groups": arrow(data_page_size=100, row_group_size=97, write_page_index=True),
    "pyarrow, checksums": arrow(write_page_checksum=True),
    "pyarrow, format 1.0": arrow(version="1.0"),
    "pyarrow, no statistics": arrow(write_statistics=False),
    "pyarrow, dictionary that overflows": arrow(dictionary_pagesize_limit=50),
    **{f"ids of {kind}": cast(user=kind, artist=kind) for kind in (pa.large_string(), pa.string_view(), pa.binary())},
    "ids in dictionaries": coded(user=pa.string(), artist=pa.string()),
    "ids in dictionaries of large text": coded(user=pa.large_string(), artist=pa.large_string()),
    **{
        f"ms of {kind}": cast(ms=kind)
        for kind in (pa.int32(), pa.uint32(), pa.uint64(), pa.float64(), pa.decimal128(19, 0), pa.string())
    },
    "ms of decimals with a scale": cast(ms=pa.decimal128(22, 3)),
    "ms as durations": cast(ms=pa.duration("ms")),
    "polars": lambda path: pl.DataFrame(ARROW).write_parquet(path),
    "polars, lz4, small groups": lambda path: pl.DataFrame(ARROW).write_parquet(
        path, compression="lz4", row_group_size=50, data_page_size=64
    ),
    "polars, categories": lambda path: (
        pl.DataFrame(ARROW).with_columns(pl.col("user", "artist").cast(pl.Categorical)).write_parquet(path)
    ),
    "pandas": lambda path: ARROW.to_pandas().to_parquet(path),
    "pandas, categories": lambda path: ARROW.to_pandas().astype({"user": "category"}).to_parquet(path, index=False),
    "duckdb": duck("COMPRESSION zstd"),
    "duckdb, format 2": duck("PARQUET_VERSION v2, COMPRESSION snappy"),
    "duckdb, small groups": duck("ROW_GROUP_SIZE 2048"),
}


@pytest.mark.parametrize("name", PARQUET)
def test_parquet_of_every_kind_is_paid_like_the_same_rows_in_fractions(tmp_path: Path, name: str) -> None:
    path = tmp_path / "month.parquet"
    PARQUET[name](path)
    assert paid(path) == EXPECTED


FRAME = pl.DataFrame(ARROW)
PANDAS = pd.DataFrame({name: ARROW[name].to_pylist() for name in ARROW.column_names})
TEXT: dict[str, Callable[[Path], Any]] = {
    "polars.csv": FRAME.write_csv,
    "polars.tsv": lambda path: FRAME.write_csv(path, separator="\t"),
    "semicolons.csv": lambda path: FRAME.write_csv(path, separator=";"),
    "quoted.csv": lambda path: FRAME.write_csv(path, quote_style="always"),
    "windows.csv": lambda path: FRAME.write_csv(path, line_terminator="\r\n", include_bom=True),
    "pandas.csv": lambda path: PANDAS.to_csv(path, index=False),
    "pandas.tsv": lambda path: PANDAS.to_csv(path, sep="\t", index=False),
    "pandas.csv.gz": lambda path: PANDAS.to_csv(path, index=False),
    "pandas.csv.bz2": lambda path: PANDAS.to_csv(path, index=False),
    "pandas.csv.xz": lambda path: PANDAS.to_csv(path, index=False),
    "pandas.json": lambda path: PANDAS.to_json(path, orient="records"),
    "pandas.jsonl": lambda path: PANDAS.to_json(path, orient="records", lines=True),
    "polars.ndjson": FRAME.write_ndjson,
    "polars.json": FRAME.write_json,
}


@pytest.mark.parametrize("name", TEXT)
def test_text_of_every_kind_is_paid_like_the_same_rows_in_fractions(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    TEXT[name](path)
    assert paid(path) == EXPECTED


def tables() -> dict[str, object]:
    """Make the same table of every library."""
    connection = duckdb.connect()
    connection.register("month", ARROW)
    return {
        "pyarrow": ARROW,
        "pyarrow, a batch": ARROW.combine_chunks().to_batches()[0],
        "polars": FRAME,
        "polars, lazy": FRAME.lazy(),
        "polars, categories": FRAME.with_columns(pl.col("artist").cast(pl.Categorical)),
        "pandas": PANDAS,
        "duckdb": connection.sql("FROM month"),
    }


@pytest.mark.parametrize("name", tables())
def test_tables_in_memory_are_paid_like_the_same_rows_in_fractions(name: str) -> None:
    assert paid(tables()[name]) == EXPECTED
