"""Hashes forced to meet in the tables: in one slot, in one lane, in all bits but one."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest

from fairpay.engine.encoder import Encoder
from fairpay.engine.keys import KeyTable, hash_ids
from fairpay.engine.partition import Partition
from fairpay.kernels import hashing
from fairpay.kernels import partition as kernel
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
    hashes = rows_of(ALIKE[kind])
    raw = np.zeros((len(hashes), 6), dtype=np.uint64)
    raw[:, :2] = hashes
    raw[:, 3:] = (3, 1, 3)
    partition = Partition()
    partition.take_in(raw, thread=0, leave_out=False)
    counts = Counter(map(tuple, hashes.tolist()))
    count = partition.table.count
    keys, sums = partition.table.keys[:count], partition.users[:count, kernel.LISTENING]
    found = {(int(a), int(b)): int(x) for (a, b), x in zip(keys, sums, strict=True)}
    assert found == {pair: 3 * n for pair, n in counts.items()}


@pytest.mark.parametrize("kind", ALIKE)
def test_keys_that_are_alike_have_codes_in_the_order_they_come(kind: str) -> None:
    hashes = rows_of(ALIKE[kind])
    codes = dict[tuple[int, ...], int]()
    wanted = [codes.setdefault(tuple(pair), len(codes)) for pair in hashes.tolist()]
    table = KeyTable(2)
    assert [*table.enter(hashes[:100]).tolist(), *table.enter(hashes[100:]).tolist()] == wanted


def test_artists_met_in_one_batch_make_the_table_grow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairpay.engine.encoder.FIRST_ARTISTS", 2)
    texts = [f"artist {k % 700}" for k in range(2000)]
    encoder = Encoder(lambda e, part: e.fill.__setitem__(part, 0), thread=0, secret=some_keys(), bits=2, parts=4,
                      room=10**6)  # fmt: skip
    encoder.take_in(Listens(pa.array(texts), pa.array(texts), np.ones(2000, np.bool_), None, None, None))
    assert pa.concat_arrays(encoder.ids).to_pylist() == list(dict.fromkeys(texts))
    keys = encoder.table.keys[: encoder.table.count]
    assert (keys == hash_ids(pa.array(list(dict.fromkeys(texts))), some_keys())).all()


def some_keys() -> NDArray[np.uint64]:
    """Make fixed keys."""
    return np.random.default_rng(3).integers(0, 2**63, hashing.KEYS).astype(np.uint64)


@pytest.mark.parametrize("length", [0, 1, 3, 7, 8, 12, 13, 16, 17, 24, 25, 40, 600])
def test_the_hash_reads_nothing_outside_an_id(length: int) -> None:
    text = "abcdefghij"[:length].ljust(length, "x")
    alone = pa.array([text], pa.string_view())
    between = pa.array(["y" * 50, text, "z" * 50], pa.string()).cast(pa.string_view())
    assert (hash_ids(alone, some_keys())[0] == hash_ids(between, some_keys())[1]).all()


@pytest.mark.parametrize("bit", [0, 1, 13, 31, 32, 50, 63])
def test_every_bit_of_the_hash_is_used(bit: int) -> None:
    hashes = hash_ids(pa.array(range(4000)), some_keys())
    for lane in (0, 1):
        assert 1800 < int(((hashes[:, lane] >> np.uint64(bit)) & np.uint64(1)).sum()) < 2200
