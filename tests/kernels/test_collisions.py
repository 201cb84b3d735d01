"""Hashes forced to meet in the tables: in one slot, in one lane, in all bits but one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from fairpay.engine.columns import Column, Hasher
from fairpay.engine.encoder import Encoder
from fairpay.engine.partition import Partition
from fairpay.kernels import hashing
from fairpay.kernels import partition as kernel
from fairpay.kernels.addresses import address_of
from fairpay.logs.schema import Listens

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOP = 2**64 - 1
ALIKE = {
    "one slot, different lanes": [(5 << 32, k << 40) for k in range(200)],
    "the same first lane": [(7, k) for k in range(200)],
    "the same second lane": [(k << 44, 9) for k in range(200)],
    "the same 96 bits": [(3, (1 << 40) + k) for k in range(200)],
    "one bit apart": [(1 << k, 0) for k in range(64)] + [(0, 1 << k) for k in range(64)],
    "the ends of the range": [(0, 0), (TOP, TOP), (0, TOP), (TOP, 0), (TOP - 1, TOP), (TOP, TOP - 1)],
}


def rows_of(pairs: list[tuple[int, int]]) -> NDArray[np.uint64]:
    """Repeat hashes unevenly and shuffle them: uint64[n, 2]."""
    repeated = [pair for i, pair in enumerate(pairs) for _ in range(1 + i % 5)]
    return np.array(repeated, dtype=np.uint64)[np.random.default_rng(1).permutation(len(repeated))]


@pytest.mark.parametrize("kind", ALIKE)
def test_users_whose_hashes_are_alike_stay_apart(kind: str) -> None:
    """Each has the sum of their own rows, in a table that grows under them."""
    hashes = rows_of(ALIKE[kind])
    raw = np.empty((len(hashes), kernel.NARROW), dtype=np.uint64)
    raw[:, :2] = hashes
    raw[:, 2] = 3 << 32
    partition = Partition()
    codes = np.empty(len(raw), dtype=np.uint32)
    partition.take_in(
        raw, codes, thread=0, facts=np.zeros((1, 4), dtype=np.int64), leave_out=False, kind=kernel.COUNTED
    )
    counts = Counter(map(tuple, hashes.tolist()))
    assert partition.count == len(counts)
    keys, sums = partition.keys[: partition.count], partition.users[: partition.count, kernel.LISTENING]
    found = {(int(a), int(b)): int(x) for (a, b), x in zip(keys, sums, strict=True)}
    assert found == {pair: 3 * n for pair, n in counts.items()}


@pytest.mark.parametrize("kind", ALIKE)
def test_artists_whose_hashes_are_alike_stay_apart(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has the plays of its own rows, in a table that grows under them."""
    hashes = rows_of(ALIKE[kind])
    codes = np.arange(len(hashes), dtype=np.int32)
    described = np.array([hashing.CODED, address_of(codes), address_of(hashes), 0, 0], dtype=np.int64)
    monkeypatch.setattr(Column, "of", lambda *_: Column(described, (hashes, codes)))
    monkeypatch.setattr("fairpay.engine.encoder.FIRST_ARTISTS", 2)
    texts = pa.array([f"{a}/{b}" for a, b in hashes.tolist()])
    encoder = Encoder(lambda e, part: e.fill.__setitem__(part, 0), thread=0, keys=Hasher(some_keys()).keys, bits=2,
                      parts=4, room=10**6)  # fmt: skip
    encoder.take_in(Listens(texts, texts, np.ones(len(hashes), np.bool_), None, None, None))
    names = pa.concat_arrays(encoder.ids).to_pylist()
    counts = Counter(texts.to_pylist())
    assert len(names) == encoder.artists
    assert {name: int(encoder.facts[i, 2]) for i, name in enumerate(names)} == counts


def some_keys() -> NDArray[np.uint64]:
    """Make fixed keys."""
    return np.random.default_rng(3).integers(0, 2**63, hashing.KEYS).astype(np.uint64)


def test_the_hash_reads_nothing_outside_its_buffer() -> None:
    """A short id at the end of a buffer is hashed as the same id in the middle of one."""
    hasher = Hasher(some_keys())
    for text in ("", "a", "abc", "abcdefg"):
        inside = pa.array([text, "followed by a lot of text"])
        alone = np.frombuffer(text.encode(), dtype=np.uint8)
        start = alone.__array_interface__["data"][0]
        offsets = np.array([0, len(text)], dtype=np.int32)
        column = np.array([hashing.TEXT32, offsets.__array_interface__["data"][0], start, start + len(text), 0])
        tight = hasher.hash_all(Column(column, (offsets, alone)), 1)
        assert tight[0].tolist() == hasher.hash_all(Column.of(inside, hasher), 2)[0].tolist()


@pytest.mark.parametrize("bit", [0, 1, 13, 31, 32, 50, 63])
def test_every_bit_of_the_hash_is_used(bit: int) -> None:
    """Over many ids each bit of either lane is set about half of the time."""
    hasher = Hasher(some_keys())
    ids = pa.array(range(4000))
    hashes = hasher.hash_all(Column.of(ids, hasher), len(ids))
    for lane in (0, 1):
        assert 1800 < int(((hashes[:, lane] >> np.uint64(bit)) & np.uint64(1)).sum()) < 2200
