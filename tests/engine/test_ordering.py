"""Ids in byte order."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairpay.engine.ordering import order_of

WORDS = st.text(st.sampled_from("ab\0ü€😀"), max_size=30)
PREFIX = st.sampled_from(["", "spotify:artist:", "x" * 100])


@given(st.builds(lambda prefix, words: sorted({prefix + w for w in words}), PREFIX, st.lists(WORDS)), st.randoms())
def test_ids_are_sorted_as_their_bytes_are(ids: list[str], random: object) -> None:
    random.shuffle(ids)  # type: ignore[attr-defined]
    order = order_of(pa.array(ids, pa.large_string()))
    assert [ids[i].encode() for i in order.tolist()] == sorted(text.encode() for text in ids)


@pytest.mark.parametrize("ids", [[], [""], ["", "\0", "\0\0"], ["a\0", "a"]])
def test_empty_ids_and_zeros_at_the_end_are_told_apart(ids: list[str]) -> None:
    order = order_of(pa.array(ids, pa.large_string()))
    assert [ids[i] for i in order.tolist()] == sorted(ids)


def test_a_slice_is_sorted_by_itself() -> None:
    ids = pa.array(["z", "c", "a", "b", "y"], pa.large_string())[1:4]
    assert order_of(ids).tolist() == [1, 2, 0]
