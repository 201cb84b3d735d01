"""Id columns of every kind as the kernels see them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from fairpay.engine.columns import Column, Hasher, ids_as_text
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
    "slice": pa.concat_arrays([pa.array(["zz"]), TEXT])[1:],
    "slice of a dictionary": pa.concat_arrays([pa.array(["zz"]), TEXT]).dictionary_encode()[1:],
}


def hasher() -> Hasher:
    """Make a hasher with fixed keys."""
    return Hasher(np.random.default_rng(3).integers(0, 2**63, hashing.KEYS).astype(np.uint64))


@pytest.mark.parametrize("kind", KINDS)
def test_an_id_has_one_hash_whatever_column_it_stands_in(kind: str) -> None:
    h = hasher()
    assert (h.hash_all(Column.of(KINDS[kind], h), len(IDS)) == h.hash_all(Column.of(TEXT, h), len(IDS))).all()


@pytest.mark.parametrize("kind", KINDS)
def test_ids_are_kept_as_text(kind: str) -> None:
    found = ids_as_text(KINDS[kind], np.array([2, 0, 6]))
    assert found.type == pa.large_string()
    assert found.cast(pa.large_binary()).to_pylist() == [IDS[i].encode() for i in (2, 0, 6)]


def test_a_dictionary_that_comes_again_is_not_hashed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    h = hasher()
    words = pa.array(["a", "b"])
    first = Column.of(pa.DictionaryArray.from_arrays(pa.array([0, 1, 1]), words), h)
    monkeypatch.setattr(Hasher, "hash_all", None)
    again = Column.of(pa.DictionaryArray.from_arrays(pa.array([1, 0, 0]), words), h)
    assert first.described[2] == again.described[2]


def test_another_dictionary_is_hashed_even_where_the_first_one_lay() -> None:
    """Dictionaries come and go, and what is remembered is kept alive, so that its place is not taken by another."""
    h = hasher()
    for word in (f"w{i}" for i in range(50)):
        column = pa.DictionaryArray.from_arrays(pa.array([0, 0]), pa.array([word]))
        text = h.hash_all(Column.of(pa.array([word]), h), 1)
        assert (h.hash_all(Column.of(column, h), 2) == text).all()


@pytest.mark.parametrize("code", [-1, 2])
def test_a_code_without_an_entry_is_refused(code: int) -> None:
    codes = pa.array([0, code])
    broken = pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b"]), safe=False)
    with pytest.raises(ValueError, match="stands for no entry"):
        Column.of(broken, hasher())


def test_a_null_row_may_have_any_code() -> None:
    codes = pa.Array.from_buffers(pa.int32(), 2, [pa.py_buffer(b"\1"), pa.py_buffer(np.array([1, 99], np.int32))])
    Column.of(pa.DictionaryArray.from_arrays(codes, pa.array(["a", "b"])), hasher())
