from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fairpay.fraud.detect import intake
from fairpay.fraud.detect.intake import Ids, Partitions
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from pathlib import Path


def ranked(batches: list[list[str]] | list[list[int]]) -> tuple[list[str], list[int]]:
    """Number batches of ids; return all ids in order, and the place among them of each that came."""
    ids = Ids()
    codes = [ids.codes(pa.array(batch), np.arange(len(batch))) for batch in batches]
    known, place = ids.ranked
    return known.to_list(), place[np.concatenate(codes)].tolist()


@settings(max_examples=40)
@given(st.lists(st.lists(st.text(max_size=3), min_size=1, max_size=20), min_size=1, max_size=6))
def test_ids_are_ranked_once_each_in_the_order_of_their_bytes(batches: list[list[str]]) -> None:
    came = [one for batch in batches for one in batch]
    expected = sorted(set(came), key=str.encode)
    assert ranked(batches) == (expected, [expected.index(one) for one in came])


def test_integers_stand_for_their_text() -> None:
    assert ranked([[7, -12], [7]]) == (["-12", "7"], [1, 0, 1])


@pytest.mark.parametrize("memory", [None, 8], ids=["held", "spilled"])
def test_every_row_comes_back_once_beside_those_that_agree_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, memory: int | None
) -> None:
    monkeypatch.setattr(intake, "WAITING", 500)
    monkeypatch.setattr(intake, "FEW", 0)
    schema = pl.Schema({"user": pl.Int64, "row": pl.Int64})
    store = Partitions(str(tmp_path), schema, by="user", running=Running(threads=2, memory=memory))
    rows = pl.DataFrame({"user": np.arange(1000) % 300, "row": np.arange(1000)})
    for part in rows.iter_slices(300):
        store.put(part)
    assert any(tmp_path.rglob("*.arrow")) == (memory is not None)
    back = store.each(lambda frame: frame)
    assert pl.concat(back).sort("row").equals(rows)
    assert sum(frame["user"].n_unique() for frame in back) == 300
    assert not any(tmp_path.rglob("*.arrow"))
