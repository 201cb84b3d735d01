"""Id columns of every kind as keys, as text, and in byte order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairpay.engine.keys import hash_ids, ids_as_text, order_of
from fairpay.kernels import hashing

IDS = ["a", "", "ü€" * 9, "311", "x" * 700, "311", "a"]
TEXT = pa.array(IDS)
KINDS = {
    "string": TEXT,
    "large_string": TEXT.cast(pa.large_string()),
    "string_view": TEXT.cast(pa.string_view()),
    "binary": TEXT.cast(pa.binary()),
    "dictionary": TEXT.dictionary_encode(),
    "dictionary of small codes": TEXT.dictionary_encode().cast(pa.dictionary(pa.uint8(), pa.large_string())),
    "slice of views": pa.concat_arrays([pa.array(["zz"]), TEXT]).cast(pa.string_view())[1:],
    "few rows of a large dictionary": pa.array([*map(str, range(9999)), *IDS]).dictionary_encode()[9999:],
    "dictionary of large": TEXT.cast(pa.large_string()).dictionary_encode(),
    "slice": pa.concat_arrays([pa.array(["zz"]), TEXT])[1:],
    "slice of a dictionary": pa.concat_arrays([pa.array(["zz"]), TEXT]).dictionary_encode()[1:],
}


WORDS = st.text(st.sampled_from("ab\0ü€😀"), max_size=30)
PREFIX = st.sampled_from(["", "spotify:artist:", "x" * 100])
SECRET = np.random.default_rng(3).integers(0, 2**63, hashing.KEYS).astype(np.uint64)


@pytest.mark.parametrize("kind", KINDS)
def test_an_id_has_one_hash_whatever_column_it_stands_in(kind: str) -> None:
    assert (hash_ids(KINDS[kind], SECRET) == hash_ids(TEXT, SECRET)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_kept_as_text(kind: str) -> None:
    found = ids_as_text(KINDS[kind], np.array([2, 0, 6]))
    assert found.type == pa.large_string()
    assert found.cast(pa.large_binary()).to_pylist() == [IDS[i].encode() for i in (2, 0, 6)]


@pytest.mark.parametrize("code", [-1, 2])
def test_a_code_without_an_entry_is_refused(code: int) -> None:
    codes = pa.array([0, code])
    broken = pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b"]), safe=False)
    with pytest.raises(ValueError, match="stands for no entry"):
        hash_ids(broken, SECRET)


def test_a_null_row_may_have_any_code() -> None:
    codes = pa.Array.from_buffers(pa.int32(), 2, [pa.py_buffer(b"\1"), pa.py_buffer(np.array([1, 99], np.int32))])
    ids = pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b"]))
    assert (hash_ids(ids, SECRET)[0] == hash_ids(pa.array(["a" if ids[0].as_py() == "a" else "b"]), SECRET)[0]).all()


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
