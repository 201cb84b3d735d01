from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairpay.fraud.detect import partitions
from fairpay.fraud.detect.intake import Ids, hash_ids

if TYPE_CHECKING:
    from pathlib import Path

BATCHES = st.lists(st.lists(st.text(max_size=3), min_size=1, max_size=20), min_size=1, max_size=6)


def met(batches: list[list[str]]) -> pl.DataFrame:
    """Take batches of ids in and return their codes."""
    ids = Ids()
    for batch in batches:
        column = pa.array(batch, pa.large_string())
        ids.add(column, pl.DataFrame({"hash": hash_ids(column), "row": np.arange(len(batch))}))
    return ids.coded()


@given(BATCHES)
def test_codes_are_the_places_of_distinct_ids_in_the_order_of_their_bytes(batches: list[list[str]]) -> None:
    expected = sorted({one for batch in batches for one in batch}, key=str.encode)
    assert list(met(batches).select("code", "id").iter_rows()) == list(enumerate(expected))


@given(BATCHES)
def test_each_id_keeps_its_hash(batches: list[list[str]]) -> None:
    found = met(batches)
    assert (found["hash"].to_numpy() == hash_ids(found["id"].to_arrow(compat_level=pl.CompatLevel.oldest()))).all()


def test_ids_that_come_again_and_again_are_held_once() -> None:
    ids = [f"user {k:06}" for k in range(150_000)]
    assert met([ids, ids[::-1], ids])["id"].to_list() == ids


def test_integers_stand_for_their_text() -> None:
    assert (hash_ids(pa.array([7, -12])) == hash_ids(pa.array(["7", "-12"], pa.string()))).all()


@pytest.mark.parametrize("memory", [None, 8], ids=["held", "spilled"])
def test_a_partition_gives_back_its_rows_and_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int | None
) -> None:
    monkeypatch.setattr(partitions, "WAITING", 500)
    store = partitions.Partitions(tmp_path, pl.Schema({"user": pl.Int64}), memory=memory)
    rows = pl.DataFrame({"user": np.arange(1000), "partition": np.arange(1000, dtype=np.uint8) % 7})
    for part in rows.iter_slices(300):
        store.put(part)
    assert any(tmp_path.iterdir()) == (memory is not None)
    for number in range(7):
        taken = store.take(range(number, number + 1))
        assert sorted(taken["user"]) == rows.filter(partition=number)["user"].to_list()
    assert store.take(range(1)).is_empty()
