"""Tracks with splits: artists count as one under every rule, and a track is known by its artist too."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laying import by_payee, laid

import fairpay
from fairpay.errors import InputError
from fairpay.ledger.close import close
from fairpay.pipeline.sources import nearly_exact

PLAYS = [("u1", "a", "a1", 1), ("u1", "a", "a2", 1), ("u1", "b", "b1", 2), ("u2", "a", "a1", 1), ("u2", "b", "b1", 9)]
INTRO = [("u1", "A", "Intro", 3), ("u2", "B", "Intro", 3), ("u1", "C", "x", 6)]
RULES = ("market-centric", "user-centric", "equal-split", "top-artist", "norm:p=2", "user-cap:cap=2", "weighted",
         "artist-cap:cap=2", "mix", "uniform", "mix:rules=artist-cap:cap=2+equal-split",
         "median", "independent-markets", "geometric-median")  # fmt: skip
Play = tuple[str, str, str, int]


def log_of(plays: list[Play]) -> str:
    """Plays of one territory."""
    lines = "".join(f'{user},"{artist}",{track},{count}\n' for user, artist, track, count in plays)
    return "user,artist,track,plays\n" + lines


def earned(place: Path, plays: list[Play], *, rule: str, gross: str, splits: str | None = None) -> dict[str, int]:
    """Artist, or track with splits -> minor units of one pool."""
    tables = {"pools": f"pool,gross,rule\np,{gross},{rule}\n", **({"splits": splits} if splits else {})}
    return by_payee(close(laid(place, log_of(plays), **tables), dry_run=True).rows, "earned")


def by_artist(sources: dict[str, int]) -> dict[str, int]:
    """The same, tracks with their artist."""
    found: dict[str, int] = defaultdict(int)
    for source, amount in sources.items():
        found[source.partition(", track ")[0]] += amount
    return dict(found)


def test_an_artist_whose_plays_weigh_nothing_divides_nothing_among_its_tracks(tmp_path: Path) -> None:
    log = "user,artist,track,category\nu1,a,a1,noise\nu1,a,a2,noise\nu1,b,b1,music\n"
    tables = {"splits": "artist,track,payee,share\na,a1,x,1\n", "pools": "pool,gross,policy\np,9.00,none.toml\n"}
    weight = '[[weights]]\nname = "noise"\ncolumn = "category"\nvalues = ["noise"]\ntimes = 0\n'
    (tmp_path / "none.toml").write_text('title = "t"\nsource = "s"\nrule = "market-centric"\n' + weight)
    assert by_payee(close(laid(tmp_path, log, **tables), dry_run=True).rows, "earned") == {"b": 900}


@pytest.mark.parametrize(
    ("rule", "of_b"), [("equal-split", 60000), ("top-artist", 93857), ("norm:p=2", 81047), ("user-centric", 84000)]
)
def test_a_track_with_splits_takes_nothing_from_other_artists(tmp_path: Path, rule: str, of_b: int) -> None:
    splits = "track,artist,payee,share\na1,,x,1/2\na1,,y,1/2\n"
    found = earned(tmp_path, PLAYS, rule=rule, gross="1200.00", splits=splits)
    assert by_artist(found) == {"a": 120000 - of_b, "b": of_b}


def test_each_listeners_part_goes_to_what_that_listener_played_of_the_artist(tmp_path: Path) -> None:
    found = earned(tmp_path, PLAYS, rule="equal-split", gross="1200.00", splits="artist,track,payee,share\na,a1,x,1\n")
    assert found == {"a": 15000, "a, track a1": 45000, "b": 60000}


def test_a_track_is_known_by_artist_and_title(tmp_path: Path) -> None:
    splits = "artist,track,payee,share\nA,Intro,x,1/2\nA,Intro,y,1/2\n"
    found = earned(tmp_path, INTRO, rule="market-centric", gross="12.00", splits=splits)
    assert found == {"A, track Intro": 300, "B": 300, "C": 600}


def test_a_title_that_several_artists_have_needs_the_artist_beside_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="1 track without its artist"):
        earned(tmp_path, INTRO, rule="market-centric", gross="12.00", splits="track,payee,share\nIntro,x,1\n")


def test_an_artist_named_like_a_tracks_account_is_refused(tmp_path: Path) -> None:
    plays = [*INTRO, ("u3", "A, track Intro", "z", 1)]
    with pytest.raises(InputError, match="has the name of a track's account"):
        earned(tmp_path, plays, rule="market-centric", gross="1.00", splits="artist,track,payee,share\nA,Intro,x,1\n")


def test_equal_shares_blurred_by_rounding_are_a_tie_for_the_first() -> None:
    assert nearly_exact(1, [2**61 - 1, 2**61], error=4) == [1, 0]
    assert nearly_exact(1, [2**60, 2**61], error=4) == [0, 1]


@st.composite
def months(draw: st.DrawFn) -> tuple[list[Play], str, int]:
    """Plays by few users of few artists with titles in common, a rule, a pool in minor units."""
    row = st.tuples(
        st.sampled_from(["u1", "u2", "u3"]),
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(["Intro", "x"]),
        st.integers(1, 9),
    )
    return draw(st.lists(row, min_size=1, max_size=12)), draw(st.sampled_from(RULES)), draw(st.integers(1, 10**6))


@settings(max_examples=25, deadline=None)
@given(month=months(), whole=st.booleans(), of=st.sets(st.sampled_from(["a,Intro", "b,Intro", "b,x"])))
def test_a_pool_pays_what_pay_says_of_its_rows(
    month: tuple[list[Play], str, int], *, whole: bool, of: set[str]
) -> None:
    plays, rule, units = month
    lines = [f"{key},p,1\n" for key in sorted(of)] + (["a,,p,1/3\n", "a,,q,2/3\n"] if whole else [])
    splits = "artist,track,payee,share\n" + "".join(lines) if lines else None
    gross = f"{units // 100}.{units % 100:02d}"
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        found = earned(place, plays, rule=rule, gross=gross, splits=splits)
        result = fairpay.pay(place / "log.csv", rule=rule, pool=gross)
    paid = result.outcome.payouts[0].allocation.paid.tolist()
    alone = {artist: n for artist, n in zip(result.outcome.artist.to_pylist(), paid, strict=True) if n}
    assert by_artist(found) == alone
    of_tracks = {source for source in found if ", track " in source}
    assert of_tracks <= {key.replace(",", ", track ", 1) for key in of}
