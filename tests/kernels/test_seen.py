from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from fairpay.fraud.detect.ids import Coder, hash_ids

BATCHES = st.lists(st.lists(st.text(max_size=3), min_size=1, max_size=20), min_size=1, max_size=6)


def encoded(coder: Coder, ids: list[str]) -> list[int]:
    """Encode a batch."""
    column = pa.array(ids, pa.large_string())
    return coder.encode(column, hash_ids(column), np.arange(len(ids))).tolist()


@given(BATCHES)
def test_codes_count_distinct_ids_in_the_order_they_come(batches: list[list[str]]) -> None:
    coder, known = Coder(), dict[str, int]()
    for batch in batches:
        assert encoded(coder, batch) == [known.setdefault(one, len(known)) for one in batch]
    assert coder.count == len(known)


@given(BATCHES)
def test_ids_come_back_in_the_order_of_their_bytes(batches: list[list[str]]) -> None:
    coder = Coder()
    codes = {one: code for batch in batches for one, code in zip(batch, encoded(coder, batch), strict=True)}
    ids, rank = coder.sorted()
    assert ids.to_list() == sorted(codes, key=str.encode)
    assert all(ids[int(rank[code])] == one for one, code in codes.items())


def test_a_table_grows_and_keeps_its_codes() -> None:
    coder = Coder()
    ids = [f"user {k}" for k in range(100_000)]
    first = encoded(coder, ids)
    assert first == list(range(100_000))
    assert encoded(coder, ids[::-1]) == first[::-1]


def test_integers_stand_for_their_text() -> None:
    assert (hash_ids(pa.array([7, -12])) == hash_ids(pa.array(["7", "-12"], pa.string()))).all()
