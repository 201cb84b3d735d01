"""Malformed inputs out of a number: real files of every format, cut, flipped, repeated and mixed."""

from __future__ import annotations

import gzip
import io
import json
import random
import zipfile
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import xlsxwriter

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["SUFFIXES", "malformed"]

SUFFIXES = (
    ".csv", ".tsv", ".csv.gz", ".csv.zst", ".json", ".json.gz", ".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet",
    ".v2.parquet", ".spark.parquet", ".xlsx", ".zip", "",
)  # fmt: skip
ODD = (
    b"\x00", b"\xff", b'"', b'""', b",", b"\t", b"\n", b"\r\n", b"\\N", b"\\u0000", b"\\ud800", b"1e999", b"-1", b"NaN",
    b"99999999999999999999999", b"\xef\xbb\xbf", b"{", b"}", b"[", b"]", b"null", b"user,artist\n", b"9999-12-31",
    "é".encode(), "\u202e".encode(), b"0x10", b" ", b";",
)  # fmt: skip


def month(chance: random.Random) -> pl.DataFrame:
    """Make a small log."""
    count = chance.randrange(1, 60)
    return pl.DataFrame({
        "user": [f"u{chance.randrange(5)}" for _ in range(count)],
        "artist": [chance.choice(["a", "b", 'c"d', "é, f", None]) for _ in range(count)],
        "seconds": [chance.randrange(20, 400) for _ in range(count)],
        "ts": [f"2026-10-{chance.randrange(1, 32):02d}T10:00:00Z" for _ in range(count)],
    })  # fmt: skip


def whole(suffix: str, chance: random.Random) -> bytes:
    """Write a log in one of the formats."""
    frame = month(chance)
    out = io.BytesIO()
    if suffix in {".csv", ".csv.gz", ".csv.zst", ""}:
        frame.write_csv(out)
    elif suffix == ".tsv":
        frame.write_csv(out, separator="\t")
    elif suffix.startswith(".jsonl"):
        out.write("\n".join(map(json.dumps, frame.to_dicts())).encode())
    elif suffix.startswith(".json"):
        rows: Any = frame.to_dicts()
        out.write(json.dumps({"plays": rows} if chance.random() < 0.3 else rows).encode())
    elif suffix.endswith(".parquet"):
        options: dict[str, dict[str, Any]] = {
            ".parquet": {"row_group_size": 7},
            ".v2.parquet": {"data_page_version": "2.0", "compression": "zstd", "use_dictionary": False},
            ".spark.parquet": {"write_page_checksum": True, "compression": "gzip"},
        }
        pq.write_table(frame.to_arrow(), out, **options[suffix])
    elif suffix == ".xlsx":
        with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
            sheet = book.add_worksheet()
            for row, values in enumerate([frame.columns, *frame.rows()]):
                sheet.write_row(row, 0, values)
    else:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("MyData/StreamingHistory_music_0.json", json.dumps(frame.drop("user").to_dicts()))
            archive.writestr("MyData/Userdata.json", "{}")
    data = out.getvalue()
    if suffix.endswith(".gz"):
        return gzip.compress(data, mtime=0)
    return pa.Codec("zstd").compress(data).to_pybytes() if suffix.endswith(".zst") else data


def damages(chance: random.Random) -> list[Callable[[bytes], bytes]]:
    """Return ways to damage bytes, each at a place of its own."""

    def at(data: bytes) -> int:
        return chance.randrange(len(data) + 1)

    def flip(data: bytes) -> bytes:
        place = chance.randrange(max(1, len(data)))
        return data[:place] + bytes([data[place] ^ (1 << chance.randrange(8))]) + data[place + 1 :] if data else data

    def insert(data: bytes) -> bytes:
        place = at(data)
        return data[:place] + chance.choice(ODD) * chance.randrange(1, 4) + data[place:]

    def replace(data: bytes) -> bytes:
        place, odd = at(data), chance.choice(ODD)
        return data[:place] + odd + data[place + len(odd) :]

    def cut(data: bytes) -> bytes:
        return data[: at(data)]

    def repeat(data: bytes) -> bytes:
        first, last = sorted((at(data), at(data)))
        return data[:last] + data[first:last] + data[last:]

    def drop(data: bytes) -> bytes:
        first, last = sorted((at(data), at(data)))
        return data[:first] + data[last:]

    def noise(data: bytes) -> bytes:
        place = at(data)
        return data[:place] + chance.randbytes(chance.randrange(1, 40)) + data[place:]

    def nothing_but_noise(_: bytes) -> bytes:
        return chance.randbytes(chance.choice((1, 2, 3, 4, 10, 1000)))

    return [flip, flip, flip, insert, insert, replace, cut, repeat, drop, noise, nothing_but_noise]


def malformed(number: int) -> tuple[str, bytes]:
    """Return the name and the bytes of the input of a number: always the same."""
    chance = random.Random(number)  # noqa: S311 - not a secret
    suffix = SUFFIXES[number % len(SUFFIXES)]
    data = whole(suffix, chance)
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        data = chance.choice(damages(chance))(data)
    return f"input-{number}{suffix}", data
