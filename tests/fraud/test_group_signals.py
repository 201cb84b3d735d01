from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fairpay.fraud.signals.dense_block import DenseBlock
from fairpay.fraud.signals.lockstep import Lockstep
from fairpay.fraud.signals.same_artists import SameArtists
from fairpay.fraud.traces import Pairs, Sketches, seeds, sign_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

ARTISTS = 400


def crowd(cores: Sequence[Sequence[int]], *, moments: Sequence[Sequence[int]] | None = None) -> Sketches:
    """Make accounts by their core artists, each played ten times by them and twice by others."""
    start = np.concatenate([[0], np.cumsum([len(core) for core in cores])])
    artist = np.array([one for core in cores for one in sorted(core)], dtype=np.uint32)
    played = np.bincount(artist, minlength=ARTISTS) * 12
    signs = np.empty((len(cores), 0), dtype=np.uint32)
    if moments is not None:
        edges = np.concatenate([[0], np.cumsum([len(one) for one in moments])])
        element = np.array([value for one in moments for value in one], dtype=np.uint32)
        signs = sign_sets(edges, element, seeds("lockstep", 32))
    return Sketches(
        core=Pairs(start, artist, np.full(len(artist), 10)),
        plays=np.full(len(cores), 500),
        artist_plays=played,
        moments=signs,
        timed=np.arange(len(cores)),
    )


def fans(count: int, *, seed: int = 1) -> list[list[int]]:
    """Make accounts with five core artists of their own among the first 300."""
    draws = np.random.default_rng(seed)
    return [sorted(draws.choice(300, 5, replace=False).tolist()) for _ in range(count)]


def test_accounts_with_the_same_core_are_a_group() -> None:
    found = SameArtists().find(crowd([*fans(200), *[[301, 302, 303, 304]] * 20]))
    assert [group.users.tolist() for group in found] == [list(range(200, 220))]
    assert found[0].value == 1.0


def test_nearly_the_same_core_is_enough() -> None:
    hired = [[one for one in range(301, 312) if one != 301 + k % 11] for k in range(30)]
    found = SameArtists().find(crowd([*fans(200), *hired]))
    assert [group.users.tolist() for group in found] == [list(range(200, 230))]


def test_fans_of_the_same_two_artists_are_no_group() -> None:
    assert SameArtists().find(crowd([*fans(200), *[[301, 302]] * 50])) == []


def test_people_with_tastes_of_their_own_are_no_group() -> None:
    draws = np.random.default_rng(2)
    people = crowd(fans(2000), moments=draws.integers(0, 5000, (2000, 100)).tolist())
    assert SameArtists().find(people) == []
    assert Lockstep().find(people) == []
    assert DenseBlock().find(people) == []


def test_accounts_that_share_their_moments_are_in_lockstep() -> None:
    draws = np.random.default_rng(3)
    script = draws.integers(0, 2**32, 600).tolist()
    choir = [script[k::40] + script[:300] + draws.integers(0, 2**32, 300).tolist() for k in range(12)]
    people = [draws.integers(0, 2**32, 600).tolist() for _ in range(100)]
    found = Lockstep().find(crowd([[1]] * 112, moments=[*people, *choir]))
    assert [group.users.tolist() for group in found] == [list(range(100, 112))]


def test_a_farm_whose_accounts_share_some_of_many_artists_is_a_dense_block() -> None:
    draws = np.random.default_rng(4)
    hired = [(310 + draws.choice(30, 8, replace=False)).tolist() for _ in range(60)]
    found = DenseBlock().find(crowd([*fans(1000), *hired]))
    assert [group.users.tolist() for group in found] == [list(range(1000, 1060))]


def test_camouflage_does_not_hide_a_dense_block() -> None:
    draws = np.random.default_rng(5)
    hired = [
        [*(310 + draws.choice(30, 8, replace=False)).tolist(), *draws.choice(20, 3, replace=False).tolist()]
        for _ in range(60)
    ]
    found = DenseBlock().find(crowd([*fans(1000), *hired]))
    assert [group.users.tolist() for group in found] == [list(range(1000, 1060))]
