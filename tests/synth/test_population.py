"""The realistic population: what is claimed of its people is in the plays, and plants are what was asked."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from fairpay.errors import UsageError
from fairpay.synth import plays as made_plays
from fairpay.synth.catalogue import OLD_TRACKS
from fairpay.synth.listeners import KINDS
from fairpay.synth.make import synth

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ROWS, USERS, ARTISTS, DAYS = 570_000, 1_500, 2_000, 31
SIZES: dict[str, Any] = {"population": "realistic", "rows": ROWS, "users": USERS, "artists": ARTISTS, "ids": "short"}
SMALL = {**SIZES, "rows": 20_000, "users": 400, "artists": 300}
FRIDAYS = (2, 9, 16, 23, 30)


def made(folder: Path, **options: Any) -> pl.DataFrame:  # noqa: ANN401 - whatever `synth` takes
    """Make a month; its plays with `kind` and `group` of the user, `genre` of the artist and `number` of the track."""
    log, truth, artists = (folder / f"{name}.parquet" for name in ("log", "truth", "artists"))
    synth(log, **{**SIZES, "truth": truth, "artist_file": artists, **options})
    plays = pl.read_parquet(log).join(pl.read_parquet(truth), on="user_id")
    plays = plays.join(pl.read_parquet(artists), on="artist_id", how="left")
    return plays.with_columns(pl.col("track_id").str.slice(1).cast(pl.Int64).alias("number"))


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """A month without plants."""
    return made(tmp_path_factory.mktemp("population"))


def overlap(month: pl.DataFrame, pairs: Sequence[tuple[str, str]]) -> float:
    """Return the mean part of artists that the one who has fewer shares with the other."""
    of = {str(user): set(artists) for user, artists in month.group_by("user_id").agg("artist_id").iter_rows()}
    return float(np.mean([len(of[a] & of[b]) / min(len(of[a]), len(of[b])) for a, b in pairs]))


def test_the_population_has_the_plays_and_users_asked_for(month: pl.DataFrame) -> None:
    assert len(month) == ROWS
    assert month["user_id"].n_unique() > 0.97 * USERS


def test_friends_share_more_artists_than_strangers(month: pl.DataFrame) -> None:
    circles = month.filter(kind="person").group_by("group").agg(pl.col("user_id").unique().sort()).drop_nulls()
    few = [users for users in circles.sort("group")["user_id"].to_list() if len(users) > 1]
    friends = overlap(month, [(users[0], users[1]) for users in few])
    strangers = overlap(month, [(one[0], two[1]) for one, two in zip(few[1:], few, strict=False)])
    assert friends > 1.3 * strangers


def test_people_keep_to_genres(month: pl.DataFrame) -> None:
    people = month.filter(kind="person").drop_nulls("genre")
    most = people.group_by("user_id", "genre").len().group_by("user_id").agg(pl.col("len").max() / pl.col("len").sum())
    together = people.group_by("genre").len()["len"]
    assert most["len"].median() > 1.3 * together.max() / together.sum()  # type: ignore[operator]


def test_new_tracks_are_played_most_on_fridays(month: pl.DataFrame) -> None:
    new = month.filter(pl.col("number") % 32 >= OLD_TRACKS, kind="person")
    days = new.group_by(pl.col("ts").dt.weekday().alias("day")).len().sort("day")["len"]
    assert days.arg_max() == 4
    assert days[4] > 2 * days[3]


def test_a_release_is_played_by_many_in_its_first_week(month: pl.DataFrame) -> None:
    new = month.filter(pl.col("number") % 32 >= OLD_TRACKS, kind="person")
    first = new.filter(pl.col("ts").dt.day().is_between(9, 15)).group_by("artist_id").agg(pl.col("user_id").n_unique())
    assert first["user_id"].max() > 0.1 * USERS  # type: ignore[operator]


def test_an_editorial_playlist_gives_its_tracks_to_people_who_are_no_friends(month: pl.DataFrame) -> None:
    people = month.filter(kind="person").group_by("track_id").agg(pl.col("user_id", "group").n_unique())
    assert len(people.filter(pl.col("group") > 50)) > 100


def test_days_are_those_of_the_country(month: pl.DataFrame) -> None:
    people = month.filter(kind="person").group_by("country", pl.col("ts").dt.hour().alias("hour")).len()
    quiet = {
        country: people.filter(country=country).sort("hour")["len"].to_numpy().reshape(24) for country in ("DE", "JP")
    }
    nights = {
        country: int(np.argmin(np.convolve(np.tile(c, 2), np.ones(6), "valid")[:24])) for country, c in quiet.items()
    }
    assert (nights["DE"] - nights["JP"]) % 24 in {7, 8, 9}


def test_one_play_in_five_is_skipped(month: pl.DataFrame) -> None:
    short = (month.filter(kind="person")["ms_played"] < 30_000).mean()
    assert 0.15 < short < 0.3  # type: ignore[operator]


def test_people_skip_unalike(month: pl.DataFrame) -> None:
    people = (
        month.filter(kind="person")
        .group_by("user_id")
        .agg(pl.len(), (pl.col("ms_played") < 30_000).mean().alias("short"))
    )
    short = people.filter(pl.col("len") > 200)["short"]
    assert short.quantile(0.9) > 2 * short.quantile(0.1)  # type: ignore[operator]


def test_plays_of_one_person_do_not_overlap(month: pl.DataFrame) -> None:
    people = month.filter(kind="person", country="GB").sort("user_id", "ts", maintain_order=True)
    begins = pl.col("ts").cast(pl.Int64) - pl.col("ms_played")
    same = (pl.col("user_id") == pl.col("user_id").shift()) & (pl.col("ts").dt.date() == pl.col("ts").shift().dt.date())
    over = people.select((begins < pl.col("ts").shift().cast(pl.Int64) - 1000) & same)
    assert over.to_series().mean() < 0.01  # type: ignore[operator]


def test_people_do_not_listen_every_day(month: pl.DataFrame) -> None:
    days = month.filter(kind="person").group_by("user_id").agg(pl.col("ts").dt.date().n_unique())["ts"]
    assert days.quantile(0.25) < 15 < days.quantile(0.75)  # type: ignore[operator]


def test_sleepers_play_few_tracks_by_night(month: pl.DataFrame) -> None:
    sleepers = month.filter(pl.col("country").is_in(["DE", "FR", "GB", "SE", "NO"]), kind="sleeper")
    top = (
        sleepers.group_by("user_id", "track_id")
        .len()
        .group_by("user_id")
        .agg(pl.col("len").top_k(3).sum() / pl.col("len").sum())
    )
    assert top["len"].min() > 0.7  # type: ignore[operator]
    assert sleepers["ts"].dt.hour().is_in([21, 22, 23, *range(8)]).mean() > 0.85  # type: ignore[operator]


def test_cafes_of_a_chain_play_one_list_and_close_by_night(month: pl.DataFrame) -> None:
    cafes = month.filter(kind="cafe")
    assert cafes["user_id"].n_unique() == round(0.002 * USERS)
    assert cafes["track_id"].n_unique() <= 400
    hours = cafes.group_by("user_id", pl.col("ts").dt.hour().alias("hour")).len()
    busy = hours.group_by("user_id").agg(pl.col("len").top_k(15).sum() / pl.col("len").sum())
    assert busy["len"].min() > 0.95  # type: ignore[operator]


def test_a_family_likes_more_genres_than_a_person_does(month: pl.DataFrame) -> None:
    share = pl.col("len") / pl.col("len").sum()
    many = (
        month.group_by("kind", "user_id", "genre").len().group_by("kind", "user_id").agg((share**2).sum().alias("same"))
    )
    same = dict(many.group_by("kind").agg(pl.col("same").median()).iter_rows())
    assert same["family"] < same["person"]


def test_a_party_of_fans_plays_one_release_on_one_weekend(month: pl.DataFrame) -> None:
    fans = month.filter(kind="fan")
    weekend = fans.filter(pl.col("ts").dt.day().is_between(9, 11))
    top = weekend.drop_nulls("artist_id").group_by("artist_id").len().sort("len", descending=True)
    release = fans.filter(pl.col("number") % 32 >= OLD_TRACKS, artist_id=top["artist_id"][0])
    assert release.filter(pl.col("ts").dt.day().is_between(9, 11))["user_id"].n_unique() == round(0.008 * USERS)
    assert len(release.filter(pl.col("ts").dt.day().is_between(9, 11))) > 0.95 * len(release)


PLANTS = {"copycats": "5:10", "takeover-light": "20:4", "bought-places": "4:30"}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """A small month with plants, by user and in one file."""
    path = tmp_path_factory.mktemp("plain") / "log.parquet"
    synth(path, **SMALL, plants=PLANTS)
    return pl.read_parquet(path)


@pytest.mark.parametrize("options", [{"order": "time"}, {"files": 5}, {"bytes": 777}])
def test_order_files_and_batches_change_no_play(
    plain: pl.DataFrame, tmp_path: Path, options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    if rows := options.pop("bytes", None):
        monkeypatch.setattr(made_plays, "BATCH_ROWS", rows)
        monkeypatch.setattr(made_plays, "BATCH_USERS", 7)
    other = synth(tmp_path / ("two" if options.get("files") else "two.parquet"), **SMALL, plants=PLANTS, **options)
    two = pl.concat(pl.read_parquet(file) for file in other.files)
    assert two.sort(two.columns).equals(plain.sort(plain.columns))
    assert options.get("order") or two.equals(plain)


def test_the_same_seed_gives_the_same_bytes_of_plays_and_truth(tmp_path: Path) -> None:
    for name in ("one", "two"):
        synth(tmp_path / name / "log.parquet", **SMALL, seed=4, truth=tmp_path / name / "truth.csv")
    for file in ("log.parquet", "truth.csv"):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """A month with fourteen accounts of every kind."""
    return made(tmp_path_factory.mktemp("planted"), **{**SMALL, "plants": dict.fromkeys(KINDS, "14:20")})


@pytest.mark.parametrize("kind", KINDS)
def test_a_plant_has_the_accounts_and_plays_asked_for(planted: pl.DataFrame, kind: str) -> None:
    fakes, plant = planted.filter(kind=kind), KINDS[kind]
    assert fakes["user_id"].n_unique() == 14
    played = fakes.filter(pl.col("name").str.starts_with(f"{plant.artist} ") | (pl.col("name") == plant.artist))
    own = 1 - plant.camouflage / 2**16
    assert len(played) == pytest.approx(own * 14 * 20 * DAYS, rel=0.3 if own < 1 else 0)
    if not plant.life:
        assert len(fakes) == 14 * 20 * DAYS


@pytest.mark.parametrize("kind", [kind for kind, plant in KINDS.items() if plant.life == "own"])
def test_accounts_of_people_keep_their_listening(planted: pl.DataFrame, kind: str) -> None:
    fakes = planted.filter(kind=kind)
    assert fakes["user_id"].str.slice(1).cast(pl.Int64).max() < SMALL["users"]  # type: ignore[operator]
    assert fakes.filter(pl.col("genre").is_not_null())["user_id"].n_unique() > 7


def test_a_copycat_is_nearer_to_a_listener_than_listeners_are_to_each_other(tmp_path: Path) -> None:
    month = made(tmp_path, rows=80_000, users=200, plants={"copycats": "20:5"})
    known = month.filter(pl.col("genre").is_not_null(), pl.col("kind").is_in(["copycats", "person"]))
    often = known.group_by("kind", "user_id", "artist_id").len().filter(pl.col("len") > 2).group_by("kind", "user_id")
    of = [(kind, set(artists)) for kind, _, artists in often.agg("artist_id").iter_rows()]
    people = [artists for kind, artists in of if kind == "person"]
    near: dict[str, list[float]] = {"copycats": [], "person": []}
    for kind, mine in of:
        if len(mine) >= 10:
            near[kind].append(max(len(mine & other) / len(mine | other) for other in people if other is not mine))
    assert np.mean(near["copycats"]) > 1.4 * np.mean(near["person"])


def test_cells_share_no_artist(planted: pl.DataFrame) -> None:
    cells = (
        planted.filter(pl.col("name").str.starts_with("Cell Choir")).group_by("group").agg(pl.col("artist_id").unique())
    )
    assert cells["artist_id"].list.len().to_list() == [3, 3]
    assert cells["artist_id"].explode().n_unique() == 6


def test_lists_of_unlike_kinds_are_unlike(planted: pl.DataFrame) -> None:
    lists = [set(planted.filter(kind=kind)["track_id"]) for kind in ("cafe", "injection", "bought-places")]
    assert all(len(one & two) < 0.3 * len(two) for one, two in pairwise(lists))


def test_innocents_play_places_that_were_bought(planted: pl.DataFrame) -> None:
    people = planted.filter(pl.col("name").str.starts_with("Bought Place"), kind="person")
    assert people["user_id"].n_unique() > 50


def test_people_with_plants_have_the_plays_asked_for(tmp_path: Path) -> None:
    month = made(tmp_path, **{**SMALL, "plants": {"bought-places": "9:20", "takeover-heavy": "9:20"}})
    assert len(month) == SMALL["rows"] + 2 * 9 * 20 * DAYS


def test_truth_says_of_every_user_once_what_it_is(tmp_path: Path) -> None:
    synth(tmp_path / "log.parquet", **SMALL, plants={"spread": "9:20"}, truth=tmp_path / "truth.parquet")
    truth = pl.read_parquet(tmp_path / "truth.parquet")
    assert truth["user_id"].n_unique() == len(truth) == SMALL["users"] + 9
    assert len(truth.filter(kind="spread", group="spread 0")) == 9


def test_plain_people_have_a_truth_as_well(tmp_path: Path) -> None:
    synth(tmp_path / "log.parquet", rows=2_000, bots="3:5", truth=tmp_path / "truth.parquet")
    assert pl.read_parquet(tmp_path / "truth.parquet")["kind"].value_counts().sort("kind").rows() == [
        ("bots", 3),
        ("person", 20),
    ]


@pytest.mark.parametrize("sizes", [{"rows": 1, "users": 1, "artists": 1}, {"rows": 50, "users": 100, "artists": 2}])
def test_the_smallest_populations_can_be_made(tmp_path: Path, sizes: dict[str, int]) -> None:
    assert len(made(tmp_path, **sizes)) == sizes["rows"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"plants": {"living-loops": "3:20"}}, "realistic"),
        ({**SMALL, "plants": {"takeover-light": "500:3"}}, "needs the accounts of 500 people"),
        ({"like": "log.csv", "population": "realistic"}, "population is what"),
        ({"like": "log.csv", "truth": "truth.csv"}, "truth is what"),
    ],
)
def test_what_cannot_be_planted_is_refused_in_one_sentence(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        synth(tmp_path / "m.parquet", **options)
    assert refused.value.advice
    assert list(tmp_path.iterdir()) == []
