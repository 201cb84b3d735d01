"""Damage of any kind ends in a word: never a traceback, never an abort."""

from __future__ import annotations

import gzip
import io
import json
import random
from typing import TYPE_CHECKING

import polars as pl
import pyarrow as pa
import pytest
from reads import judged, write

from fairpay.errors import FairpayError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLAYS = [
    {"user": f"u{i}", "artist": f'a"{i % 3}', "seconds": 30 + i / 4, "ts": "2026-10-01T00:00:00Z"} for i in range(40)
]
CSV = "user,artist,seconds,ts\n" + "".join(
    f'{p["user"]},"a""{i % 3}",{p["seconds"]},{p["ts"]}\n' for i, p in enumerate(PLAYS)
)


def parquet() -> bytes:
    out = io.BytesIO()
    pl.DataFrame(PLAYS * 5).write_parquet(out)
    return out.getvalue()


KINDS = {
    "log.csv": CSV.encode(),
    "log.tsv": CSV.replace(",", "\t").encode(),
    "log.csv.gz": gzip.compress(CSV.encode(), mtime=0),
    "log.csv.zst": pa.Codec("zstd").compress(CSV.encode()).to_pybytes(),
    "log.json": json.dumps(PLAYS).encode(),
    "log.jsonl": "\n".join(map(json.dumps, PLAYS)).encode(),
    "log.json.gz": gzip.compress(json.dumps(PLAYS).encode(), mtime=0),
    "log.parquet": parquet(),
    "log.jsonl.zst": pa.Codec("zstd").compress("\n".join(map(json.dumps, PLAYS)).encode()).to_pybytes(),
}


def damaged(whole: bytes, tries: int) -> Iterator[bytes]:
    """Cut, flip, insert and repeat at random."""
    chance = random.Random(7)  # noqa: S311 - not a secret
    for _ in range(tries):
        at = chance.randrange(len(whole))
        noise = chance.randbytes(chance.randint(1, 8))
        yield chance.choice([
            whole[:at],
            whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :],
            whole[:at] + noise + whole[at:],
            whole[:at] + noise + whole[at + len(noise) :],
            whole[:at] + whole[at // 2 :],
            whole[at:],
        ])  # fmt: skip


def survives(path: Path, content: bytes) -> bool:
    """Read damaged content; say whether it was refused in words."""
    write(path, content)
    try:
        judged(path, wanted=("seconds", "time"))
    except FairpayError:
        return True
    return False


@pytest.mark.parametrize("name", KINDS)
def test_damage_ends_in_a_word(tmp_path: Path, name: str) -> None:
    assert sum(survives(tmp_path / name, content) for content in damaged(KINDS[name], 30)) > 2


@pytest.mark.nightly
@pytest.mark.parametrize("name", KINDS)
def test_much_damage_ends_in_a_word(tmp_path: Path, name: str) -> None:
    assert sum(survives(tmp_path / name, content) for content in damaged(KINDS[name], 3000)) > 250


@pytest.mark.parametrize("name", KINDS)
def test_noise_ends_in_a_word(tmp_path: Path, name: str) -> None:
    chance = random.Random(8)  # noqa: S311 - not a secret
    for size in (1, 2, 3, 4, 10, 1000):
        assert survives(tmp_path / name, chance.randbytes(size))
