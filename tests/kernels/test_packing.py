"""Rows packed by the bit and read again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fairpay.engine.partition import NO_DETAIL, Packed
from fairpay.kernels import partition as kernel

if TYPE_CHECKING:
    from fairpay.engine.spool import Spool

SPOOL: Spool = type("InMemory", (), {"load": lambda _self, kept: kept})()
USERS, ARTISTS = 40, 50
AMOUNTS = st.integers(0, 63)


def numbers(rng: np.random.Generator, bits: int, rows: int) -> np.ndarray:
    """Make numbers of at most so many bits."""
    return rng.integers(0, 2**bits, rows, dtype=np.uint64)


@given(AMOUNTS, st.integers(0, 63), st.integers(0, 63), st.integers(0, 200), st.integers(0, 2**32 - 1))
def test_rows_come_out_as_they_went_in(amounts: int, plays: int, ms: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    user, artist = rng.integers(0, USERS, rows), rng.integers(0, ARTISTS, rows)
    amount = numbers(rng, amounts, rows) * (rng.random(rows) > 0.2)
    more, other = numbers(rng, plays, rows), numbers(rng, ms, rows)
    raw = np.stack(
        [user.astype(np.uint64), artist.astype(np.uint64), amount.astype(np.uint64), more, other, 0 * more], 1
    )
    main = Packed.of(raw, 0, (6, 6, amounts))
    detail = Packed.of(raw, 3, (plays, ms, 0)) if plays or ms else NO_DETAIL
    heard = raw[:, 2] > 0
    sizes = np.bincount(user[heard], minlength=USERS)
    at = np.cumsum(sizes) - sizes
    out, much = np.empty(heard.sum(), dtype=np.uint32), np.empty(heard.sum(), dtype=np.int64)
    facts = np.zeros((ARTISTS, 3), dtype=np.int64)
    remap = rng.permutation(ARTISTS).astype(np.uint32)
    kernel.spread(main.load(SPOOL), detail.load(SPOOL), rows, np.empty(0, np.uint32), remap, at, out, much, facts)
    order = np.argsort(user[heard], kind="stable")
    assert out.tolist() == remap[artist[heard]][order].tolist()
    assert much.tolist() == raw[heard, 2][order].tolist()
    wanted = np.zeros((ARTISTS, 3), dtype=np.uint64)
    np.add.at(wanted, remap[artist], np.stack([raw[:, 2], more ^ np.uint64(1), other ^ raw[:, 2]], axis=1))
    assert (facts.view(np.uint64) == wanted).all()


@given(AMOUNTS, st.integers(0, 200), st.integers(0, 2**32 - 1))
def test_artists_of_rows_are_marked(amounts: int, rows: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    raw = np.stack([numbers(rng, 6, rows), numbers(rng, 7, rows), numbers(rng, amounts, rows)], axis=1)
    seen = np.zeros(128, dtype=np.bool_)
    kernel.mark_artists(Packed.of(raw, 0, (6, 7, amounts)).load(SPOOL), rows, seen)
    assert np.flatnonzero(seen).tolist() == sorted({*raw[:, 1].tolist()})
