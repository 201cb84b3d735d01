"""Rows packed by the bit and read again."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairpay.kernels import partition as kernel


@given(st.integers(1, 12), st.integers(1, 16), st.integers(1, 60), st.integers(0, 200), st.integers(0, 2**32 - 1))
def test_rows_come_out_as_they_went_in(users: int, artists: int, amounts: int, rows: int, seed: int) -> None:
    """Whatever words they fall into, by the bit or in two words; rows of nobody are passed over."""
    rng = np.random.default_rng(seed)
    who = rng.integers(0, 2**users, rows).astype(np.uint32)
    whom, much = rng.integers(0, 2**artists, rows), rng.integers(0, 2**amounts, rows)
    who[rng.random(rows) < 0.1] = kernel.NOBODY
    raw = np.zeros((rows, 6), dtype=np.uint64)
    raw[:, 2], raw[:, 3] = whom, much
    kept = who != kernel.NOBODY
    count, width = int(kept.sum()), users + artists + amounts
    bits = (width if width <= kernel.WORD_BITS else 0, users, artists)
    packed = np.full(kernel.words_for(count, bits[0]), 2**64 - 1, dtype=np.uint64)
    kernel.pack(raw, who, packed, bits)
    at = np.cumsum(np.bincount(who[kept], minlength=2**users)) - np.bincount(who[kept], minlength=2**users)
    artist, amount = np.empty(count, dtype=np.uint32), np.empty(count, dtype=np.int64)
    same = np.arange(2**artists, dtype=np.uint32)
    kernel.spread(packed, count, bits, np.empty(0, np.uint32), same, at, artist, amount)
    order = np.argsort(who[kept], kind="stable")
    assert artist.tolist() == whom[kept][order].tolist()
    assert amount.tolist() == much[kept][order].tolist()
