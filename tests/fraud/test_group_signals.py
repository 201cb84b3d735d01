from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from traced import person, sketched, traces

from fairpay.fraud.detect.intake import PAIRS
from fairpay.fraud.detect.walk import moments_of
from fairpay.fraud.signals import group_signals
from fairpay.fraud.signals.lockstep import Lockstep
from fairpay.fraud.signals.same_artists import SameArtists
from fairpay.fraud.traces import seeds, sign_sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairpay.fraud.signals import GroupSignal
    from fairpay.fraud.traces import Sketches

ARTISTS = 400
DRAWS = np.random.default_rng(4)


def crowd(cores: Sequence[Sequence[int]], moments: Sequence[Sequence[int]] = ()) -> Sketches:
    """Make accounts by their core artists, each played ten times by them and twice by others."""
    edges = np.concatenate([[0], np.cumsum([len(one) for one in moments])])
    core = [(artist, user, 10) for user, mine in enumerate(cores) for artist in sorted(mine)]
    artist = [one for one, *_ in core]
    element = np.array([value for one in moments for value in one], dtype=np.uint32)
    return sketched(
        len(cores),
        plays=500,
        core=pl.DataFrame(core, schema=PAIRS, orient="row"),
        artist_plays=np.bincount(artist, minlength=ARTISTS) * 12,
        moments=sign_sets(edges, element, seeds("lockstep", 32)) if moments else np.empty((len(cores), 0), np.uint32),
        timed=np.arange(len(cores)),
    )


def some(count: int, of: int, *, beyond: int = 0) -> list[int]:
    """Draw so many of the artists from `beyond` on."""
    return (beyond + DRAWS.choice(of, count, replace=False)).tolist()


def fans(count: int) -> list[list[int]]:
    """Make accounts with five core artists of their own among the first 300."""
    return [some(5, 300) for _ in range(count)]


@pytest.mark.parametrize(
    "hired",
    [
        pytest.param([[301, 302, 303, 304]] * 20, id="accounts with the same core"),
        pytest.param(
            [[one for one in range(301, 312) if one != 301 + k % 11] for k in range(30)], id="nearly the same is enough"
        ),
    ],
)
def test_accounts_with_the_same_core_are_a_group(hired: list[list[int]]) -> None:
    found = SameArtists().find(crowd([*fans(200), *hired]))
    assert [group.users.tolist() for group in found] == [list(range(200, 200 + len(hired)))]


def test_a_group_of_the_same_core_is_wholly_alike() -> None:
    assert [group.value for group in SameArtists().find(crowd([[301, 302, 303]] * 5))] == [1.0]


def test_fans_of_the_same_two_artists_are_no_group() -> None:
    assert SameArtists().find(crowd([*fans(200), *[[301, 302]] * 50])) == []


@pytest.mark.parametrize("signal", group_signals(), ids=lambda signal: signal.name)
def test_people_with_tastes_of_their_own_are_no_group(signal: GroupSignal) -> None:
    assert signal.find(crowd(fans(2000), DRAWS.integers(0, 5000, (2000, 100)).tolist())) == []


def test_accounts_that_share_their_moments_are_in_lockstep() -> None:
    script = DRAWS.integers(0, 2**32, 600).tolist()
    choir = [script[k::40] + script[:300] + DRAWS.integers(0, 2**32, 300).tolist() for k in range(12)]
    people = DRAWS.integers(0, 2**32, (100, 600)).tolist()
    found = Lockstep().find(crowd([[1]] * 112, [*people, *choir]))
    assert [group.users.tolist() for group in found] == [list(range(100, 112))]


def test_the_artist_an_account_plays_most_tells_no_moments() -> None:
    party = [(99, k * 60, 60_000, 900 + k % 8) for k in range(300)]
    owner, moments = moments_of(traces([*party, *person(5)], person(5, seed=2)))
    most = max(Counter(artist for artist, *_ in person(5, seed=2)).values())
    assert np.bincount(owner).tolist() == [150, 150 - most]
    assert len(owner) == len(moments)
