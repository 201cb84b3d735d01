"""Artists who live from accounts that play alike: who their regulars are, and which accounts belong together."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from traced import sketched

from fairpay.fraud.detect.intake import PAIRS, Partitions
from fairpay.fraud.detect.walk import HIGHEST, LOWEST, find_regulars, level_of
from fairpay.fraud.signals.shared_source import SharedSource
from fairpay.fraud.signals.sole_source import SoleSource
from fairpay.settings.values import Running

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from fairpay.fraud.traces import Regulars, Sketches

Row = tuple[int, int, int]
"""artist, user, plays."""
DRAWS = np.random.default_rng(11)
PEOPLE = 300


def look(rows: Sequence[Row], folder: Path, *, users: int = 0) -> tuple[Regulars, np.ndarray]:
    """Find the regulars of who played whom; return the plays of each user as well."""
    pairs = Partitions(str(folder), PAIRS, by="artist", running=Running())
    pairs.put(pl.DataFrame(rows, schema=PAIRS, orient="row"))
    plays = np.zeros(users or 1 + max(user for _, user, _ in rows), dtype=np.int64)
    for _, user, count in rows:
        plays[user] += count
    return find_regulars(pairs, plays), plays


def sketches(rows: Sequence[Row], folder: Path) -> Sketches:
    """Put down what the signals look at."""
    found, plays = look(rows, folder)
    return replace(sketched(len(plays), regulars=found), plays=plays)


def groups(rows: Sequence[Row], folder: Path) -> list[list[int]]:
    """Find the groups."""
    return [one.users.tolist() for one in SharedSource().find(sketches(rows, folder))]


def people(first: int = 0) -> list[Row]:
    """Make people of two tastes, who play a few of 40 artists of theirs very often and the others seldom."""
    rows = []
    for user in range(first, first + PEOPLE):
        liked = 40 * (user % 2) + DRAWS.permutation(40)[:15]
        rows += [(int(artist), user, 1 + 120 // (rank + 1) ** 2) for rank, artist in enumerate(liked)]
    return rows


def hired(users: range, artists: Sequence[int], *, each: int, plays: int) -> list[Row]:
    """Make accounts each of which plays some of the artists about equally often."""
    return [
        (artist, user, plays + int(DRAWS.integers(0, plays // 5 + 1)))
        for user in users
        for artist in DRAWS.permutation(artists)[:each].tolist()
    ]


def exact_regulars(rows: Sequence[Row], users: int) -> set[Row]:
    """Find the regulars of artists whom nobody plays by the way in fractions, by plays and by parts of all plays."""
    whole = {user: sum(n for _, other, n in rows if other == user) for _, user, _ in rows}
    parts = [(artist, user, n * 2**20 // max(100, whole[user])) for artist, user, n in rows]
    each = max(Fraction(100), Fraction(sum(n for *_, n in rows), users))
    kept: set[Row] = set()
    for looked, least in ((rows, Fraction(85, 100)), (parts, Fraction(95, 100))):
        found, spreads = exact_spreads(rows, looked)
        level = level_of(np.array(spreads)) if looked is rows else LOWEST
        kept |= {
            row
            for some, spread, held, count in found
            if round(float(spread), 9) <= level and held >= least and 4 * count >= each
            for row in some
        }
    return kept


def exact_spreads(
    rows: Sequence[Row], looked: Sequence[Row]
) -> tuple[list[tuple[list[Row], Fraction, Fraction, int]], list[float]]:
    """Return of each artist its regulars, their spread, part and plays; and the spreads of typical artists."""
    found, spreads = [], []
    for artist in {row[0] for row in rows}:
        of = [(row, x) for row, (one, _, x) in zip(rows, looked, strict=True) if one == artist]
        total, square = sum(x for _, x in of), sum(x * x for _, x in of)
        some = [(row, x) for row, x in of if 3 * x * total >= square]
        size, held, count = len(some), sum(x for _, x in some), sum(row[2] for row, _ in some)
        mean = Fraction(held, size)
        chance = Fraction(sum(x * x // row[2] for row, x in some), size)
        spread = (sum((x - mean) ** 2 for _, x in some) / size - chance) / mean**2
        if count < 3 * size:
            continue
        if size >= 5:
            spreads.append(float(spread))
        if size >= 3:
            found.append(([row for row, _ in some], spread, Fraction(held, total), count))
    return found, spreads


ROWS = st.dictionaries(st.tuples(st.integers(0, 5), st.integers(0, 11)), st.integers(1, 60), min_size=1)


@settings(max_examples=25)
@given(drawn=ROWS)
def test_regulars_are_those_worked_out_in_fractions(
    drawn: dict[tuple[int, int], int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [(artist, user, plays) for (artist, user), plays in drawn.items()]
    found, _ = look(rows, tmp_path_factory.mktemp("pairs"), users=12)
    assert set(found.edges.select("artist", "user", "plays").iter_rows()) == exact_regulars(rows, 12)


def test_how_much_people_differ_is_taken_from_the_log_within_bounds() -> None:
    assert level_of(np.array([0.2, 0.3, 0.9])) == pytest.approx(0.18)
    assert (level_of(np.array([0.0])), level_of(np.array([9.0]))) == (LOWEST, HIGHEST)


def test_people_of_one_taste_are_no_group(tmp_path: Path) -> None:
    assert groups(people(), tmp_path) == []


@pytest.mark.parametrize(("artists", "each"), [(4, 4), (20, 5)], ids=["all play all", "each is hired for some"])
def test_accounts_from_whom_artists_live_are_a_group(artists: int, each: int, tmp_path: Path) -> None:
    fakes = hired(range(PEOPLE, PEOPLE + 40), range(100, 100 + artists), each=each, plays=150)
    camouflage = [
        (int(artist), user, 9) for user in range(PEOPLE, PEOPLE + 40) for artist in DRAWS.permutation(80)[:20]
    ]
    assert groups([*people(), *fakes, *camouflage], tmp_path) == [list(range(PEOPLE, PEOPLE + 40))]


def test_a_group_of_a_tenth_of_all_accounts_is_found_whole(tmp_path: Path) -> None:
    fakes = hired(range(PEOPLE, PEOPLE + 34), range(100, 104), each=4, plays=60)
    assert groups([*people(), *fakes], tmp_path) == [list(range(PEOPLE, PEOPLE + 34))]


def test_two_cells_are_two_groups(tmp_path: Path) -> None:
    cells = [hired(range(first, first + 6), [first, first + 1, first + 2], each=3, plays=200) for first in (300, 306)]
    assert groups([*people(), *cells[0], *cells[1]], tmp_path) == [[*range(300, 306)], [*range(306, 312)]]


def test_who_plays_their_artists_now_and_then_is_not_among_them(tmp_path: Path) -> None:
    fakes = hired(range(PEOPLE, PEOPLE + 40), range(100, 104), each=4, plays=150)
    now_and_then = [(100 + user % 4, user, 3) for user in range(60)]
    assert groups([*people(), *fakes, *now_and_then], tmp_path) == [list(range(PEOPLE, PEOPLE + 40))]


def test_friends_who_share_what_they_like_move_too_little(tmp_path: Path) -> None:
    circle = hired(range(PEOPLE, PEOPLE + 8), range(100, 106), each=6, plays=15)
    assert groups([*people(), *circle], tmp_path) == []


@pytest.mark.parametrize(("passing", "found"), [(0, [[*range(PEOPLE, PEOPLE + 30)]]), (60, [])])
def test_a_release_that_fans_play_together_has_listeners_who_pass_by(
    passing: int, found: list[list[int]], tmp_path: Path
) -> None:
    party = hired(range(PEOPLE, PEOPLE + 30), [100], each=1, plays=700)
    assert groups([*people(), *party, *[(100, user, 1) for user in range(passing)]], tmp_path) == found


def test_what_each_moves_is_told_in_average_accounts(tmp_path: Path) -> None:
    rows = [*people(), *[(artist, user, 100) for artist in (100, 101, 102) for user in range(PEOPLE, PEOPLE + 6)]]
    (group,) = SharedSource().find(sketches(rows, tmp_path))
    mean = sum(plays for *_, plays in rows) / (PEOPLE + 6)
    assert (group.value, group.artists) == (pytest.approx(300 / mean), 3)
    assert (
        f"behind nearly all plays of 3 artists: each gives these as much as {300 / mean:.1f} average"
        in SharedSource().words(group)
    )


def test_one_who_loops_an_artist_of_the_group_more_than_others_do_not_hide_it(tmp_path: Path) -> None:
    looped = hired(range(PEOPLE, PEOPLE + 6), [100], each=1, plays=700)
    beside = [(101, user, 60) for user in range(PEOPLE, PEOPLE + 6)] + [(101, user, 1) for user in range(30)]
    assert groups([*people(), *looped, *beside], tmp_path) == [list(range(PEOPLE, PEOPLE + 6))]


def test_accounts_of_very_different_volume_are_one_group(tmp_path: Path) -> None:
    volumes = np.geomspace(100, 700, 40).astype(int).tolist()
    fakes = [(artist, PEOPLE + k, volume) for k, volume in enumerate(volumes) for artist in range(100, 104)]
    cover = [(k % 80, PEOPLE + k, 2 * volume) for k, volume in enumerate(volumes)]
    assert groups([*people(), *fakes, *cover], tmp_path) == [list(range(PEOPLE, PEOPLE + 40))]


@pytest.mark.parametrize(
    ("accounts", "artists", "plays"), [(60, 30, 4), (4, 50, 18)], ids=["a playlist", "shops of a chain"]
)
def test_who_plays_a_long_list_now_and_then_is_no_group(
    accounts: int, artists: int, plays: int, tmp_path: Path
) -> None:
    names, users = range(100, 100 + artists), range(2 * PEOPLE, 2 * PEOPLE + accounts)
    assert groups([*people(), *people(PEOPLE), *hired(users, names, each=artists, plays=plays)], tmp_path) == []


@pytest.mark.parametrize(("passing", "found"), [(0, [[*range(PEOPLE, PEOPLE + 6)]]), (3, [])])
def test_a_small_group_that_gives_little_must_be_all_that_listens(
    passing: int, found: list[list[int]], tmp_path: Path
) -> None:
    cell = hired(range(PEOPLE, PEOPLE + 6), [100, 101, 102], each=3, plays=40)
    assert groups([*people(), *cell, *[(100, user, 1) for user in range(passing)]], tmp_path) == found


def test_a_chain_of_circles_is_no_group(tmp_path: Path) -> None:
    circles = [
        row
        for k in range(24)
        for row in hired(range(PEOPLE + 5 * k, PEOPLE + 5 * k + 8), range(100 + 4 * k, 104 + 4 * k), each=4, plays=40)
    ]
    assert groups([*people(), *circles], tmp_path) == []


@pytest.mark.parametrize(
    ("others", "each", "value"),
    [(9, 80, 900), (10, 80, 0), (10, 4, 900), (10, 5, 0)],
    ids=["ten listeners", "eleven", "who hardly play it", "who play a twentieth of it"],
)
def test_an_account_is_the_source_of_an_artist_with_few_listeners(
    others: int, each: int, value: int, tmp_path: Path
) -> None:
    rows = [(0, 0, 900), *[(0, user, each) for user in range(1, 1 + others)]]
    seen = sketches([*rows, *[(1, user, 50) for user in range(100)]], tmp_path)
    assert SoleSource().of(seen)[0] == pytest.approx(value / seen.regulars.mean)


def test_it_must_give_the_artist_a_third_of_its_plays(tmp_path: Path) -> None:
    rows = [(0, 0, 200), (0, 1, 399), (0, 2, 1), (1, 3, 199), (1, 4, 401)]
    found = SoleSource().of(sketches(rows, tmp_path))
    assert (found > 0).tolist() == [True, True, False, False, True]
