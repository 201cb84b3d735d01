"""Sets of artist codes as bitmaps, and codes counted off in them, against sets and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairpay.kernels import partition
from fairpay.kernels import rosters as kernel

if TYPE_CHECKING:
    from numpy.typing import NDArray

CODES = st.sets(st.integers(0, 299), max_size=80)


def bitmap(codes: set[int], size: int = 300) -> NDArray[np.uint64]:
    """Enter codes into an empty set."""
    seen = np.zeros(-(-size // 64), dtype=np.uint64)
    kernel.see(np.array([*codes, *codes], dtype=np.int64), seen)
    return seen


@given(CODES)
def test_members_come_back_in_order(codes: set[int]) -> None:
    """Each once, ascending, with the count of those before each word."""
    seen = bitmap(codes)
    before = np.empty(len(seen), dtype=np.uint32)
    who = np.empty(kernel.number(seen, before), dtype=np.uint32)
    kernel.members(seen, who)
    assert who.tolist() == sorted(codes)
    assert before.tolist() == [sum(c < 64 * k for c in codes) for k in range(len(seen))]


@given(CODES, CODES, st.integers(0, 2**32 - 1))
def test_two_threads_codes_become_one_numbering(mine: set[int], others: set[int], seed: int) -> None:
    """Each thread's code goes to the rank of its artist among those of either."""
    rng = np.random.default_rng(seed)
    places = [rng.permutation(400)[:300].astype(np.uint32) for _ in range(2)]
    seen = [bitmap(mine), bitmap(others)]
    everyone = np.zeros(7, dtype=np.uint64)
    for codes, place in zip(seen, places, strict=True):
        kernel.enroll(codes, place, everyone)
    ranks = sorted({int(p[c]) for codes, p in zip((mine, others), places, strict=True) for c in codes})
    before = np.empty(len(everyone), dtype=np.uint32)
    assert kernel.number(everyone, before) == len(ranks)
    for codes, bits, place in zip((mine, others), seen, places, strict=True):
        remap = np.zeros(300, dtype=np.uint32)
        kernel.positions(bits, place, everyone, before, remap)
        assert {c: int(remap[c]) for c in codes} == {c: ranks.index(int(place[c])) for c in codes}


@pytest.mark.parametrize("width", [0, 31, 47, 64])
@pytest.mark.parametrize("kind", [partition.PLAIN, partition.TIMED, partition.OWN])
def test_rows_are_seen_and_added_up(width: int, kind: int) -> None:
    """Packed by the bit, or into two words; rows that are not kept are passed over."""
    rng = np.random.default_rng(4)
    artist, amount = rng.integers(0, 200, 500), rng.integers(1, 2**20, 500)
    codes = rng.integers(0, 8, 500).astype(np.uint32)
    codes[::7], codes[::11] = 0xFFFFFFFF, 0xFFFFFFFE
    raw = np.zeros((500, 3), dtype=np.uint64)
    raw[:, 2] = (amount << 32) | artist
    kept = np.flatnonzero(codes < 8)
    bits = (width, 3, 8)
    packed = np.empty(partition.words_for(len(kept), width), dtype=np.uint64)
    partition.pack(raw, codes, packed, bits)
    seen = np.zeros(4, dtype=np.uint64)
    kernel.see_rows(packed, len(kept), bits, seen)
    assert (seen == bitmap({*artist[kept].tolist()}, 200)).all()
    own = rng.integers(0, 50, (len(kept), 2))
    remap = rng.permutation(200).astype(np.uint32)
    facts = np.zeros((200, 3), dtype=np.int64)
    kernel.add_facts(packed, len(kept), bits, remap, kind, own, facts)
    wanted = np.zeros((200, 3), dtype=np.int64)
    plays, ms = {
        partition.PLAIN: (np.ones(len(kept), int), np.zeros(len(kept), int)),
        partition.TIMED: (np.ones(len(kept), int), amount[kept]),
        partition.OWN: (own[:, 0], own[:, 1]),
    }[kind]
    np.add.at(wanted, remap[artist[kept]], np.stack((amount[kept], plays, ms), axis=1))
    assert (facts == wanted).all()
