"""Months like a log: its figures, none of its listeners, and what is said of both."""

from __future__ import annotations

import json
from collections import Counter
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest

from fairpay.cli import main
from fairpay.errors import InputError, UsageError
from fairpay.pipeline.run import run
from fairpay.settings.values import Reading
from fairpay.synth import likeness
from fairpay.synth.assignment import BEHIND, assign, listeners_like, repair
from fairpay.synth.likeness import Candidate, request_of
from fairpay.synth.make import Written, synth
from fairpay.synth.survey import Sets, Survey
from tests.support.sample import SAMPLE_DATA

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.synth.survey import Profile

SAMPLE = SAMPLE_DATA / "listens.csv"


def light_listeners(users: int = 300) -> pl.DataFrame:
    """Listeners of one to three of forty artists: sets that are easily met twice."""
    draws = np.random.default_rng(1)
    weight = 1 / np.arange(1, 41)
    rows = [
        (f"u{user}", f"a{artist}", int(draws.integers(1, 20)))
        for user in range(users)
        for artist in draws.choice(40, size=draws.integers(1, 4), replace=False, p=weight / weight.sum())
    ]
    return pl.DataFrame(rows, schema=["user", "artist", "plays"], orient="row")


def tastes() -> pl.DataFrame:
    """Five hundred listeners who each like one of five kinds of artists best."""
    draws = np.random.default_rng(3)
    fame, kind = 1 / np.arange(1, 401) ** 0.8, draws.integers(0, 5, 400)
    rows = []
    for user in range(500):
        weight = fame * np.where(kind == user % 5, 8, 0.3)
        chosen = draws.choice(400, size=draws.integers(5, 40), replace=False, p=weight / weight.sum())
        rows += [(f"u{user}", f"a{artist}", int(draws.integers(1, 12))) for artist in chosen]
    return pl.DataFrame(rows, schema=["user", "artist", "plays"], orient="row")


def shuffled(log: pl.DataFrame) -> pl.DataFrame:
    """Give listeners other artists, so that neither has more or fewer than before but for some who met twice."""
    return log.with_columns(pl.col("artist").shuffle(seed=1)).unique(["user", "artist"], maintain_order=True)


def made_like(log: object, path: Path, **options: Any) -> tuple[Written, pl.DataFrame]:  # noqa: ANN401 - of `synth`
    """Make a month like a log, and read it."""
    written = synth(path, like=log, **{"ids": "short", **options})
    return written, pl.read_csv(path)


def sets_of(rows: pl.DataFrame, user: str, artist: str) -> list[frozenset[int]]:
    """Return the set of artists of each user."""
    return [frozenset(found) for found in rows.group_by(user).agg(pl.col(artist).unique())[artist].to_list()]


def ranked(log: pl.DataFrame) -> pl.DataFrame:
    """Put the rank by listeners, then by plays, in the place of each artist."""
    by = log.group_by("artist").agg(pl.col("user").n_unique(), pl.col("plays").sum())
    order = by.sort(["user", "plays", "artist"], descending=[True, True, False])["artist"].to_list()
    return log.with_columns(pl.col("artist").replace_strict({one: k for k, one in enumerate(order)}))


def indexed(made: pl.DataFrame) -> pl.DataFrame:
    """Read the rank that a made-up artist stands for out of its id."""
    return made.with_columns(pl.col("artist_id").str.slice(1).cast(pl.Int64))


def profile_of(log: object, then: Any = lambda *_: None) -> Profile:  # noqa: ANN401 - a callback
    """Survey a log."""
    survey = Survey(then)
    run(request_of(log, Reading(), {}), observer=survey)
    assert survey.profile is not None
    return survey.profile


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> tuple[Written, pl.DataFrame]:
    """A month like one of light listeners."""
    return made_like(light_listeners(), tmp_path_factory.mktemp("light") / "made.csv")


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """A month like one of a thousand listeners."""
    place = tmp_path_factory.mktemp("like")
    synth(place / "real.parquet", rows=60_000, users=1_000, artists=500, seed=3)
    return synth(place / "made.parquet", like=place / "real.parquet")


def test_the_same_seed_gives_the_same_bytes_whatever_the_order_of_rows_and_the_threads(tmp_path: Path) -> None:
    rows = pl.read_csv(SAMPLE, infer_schema=False).head(4000)
    rows.write_csv(tmp_path / "log.csv")
    rows.sample(fraction=1, shuffle=True, seed=1).write_csv(tmp_path / "shuffled.csv")
    synth(tmp_path / "one.csv", like=tmp_path / "log.csv", seed=5, threads=1)
    synth(tmp_path / "two.csv", like=tmp_path / "shuffled.csv", seed=5, threads=3, batch_rows=100)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_another_seed_gives_another_month(light: tuple[Written, pl.DataFrame], tmp_path: Path) -> None:
    assert not made_like(light_listeners(), tmp_path / "other.csv", seed=2)[1].equals(light[1])


def test_nobody_has_the_artists_of_a_listener_of_the_log(light: tuple[Written, pl.DataFrame]) -> None:
    written, made = light
    real = Counter(sets_of(ranked(light_listeners()), "user", "artist"))
    common = [one for one in sets_of(indexed(made), "user_id", "artist_id") if one in real]
    assert all(real[one] >= BEHIND for one in common)
    assert written.likeness is not None
    assert f"; {len(common)} have a set that 10 or more real listeners share" in written.likeness.checks[0].detail


def test_without_mending_some_would() -> None:
    real = profile_of(light_listeners())
    keys, count = np.unique(real.keys, return_counts=True)
    _, size = listeners_like(real, 1)
    drawn, _ = assign(real, size, 1, evenly=0, together=1)
    assert np.isin(drawn.keys(), keys[count < BEHIND]).sum() > 10


def test_a_copy_of_the_log_fails_both_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(likeness, "repair", lambda sets, *_: (sets, np.arange(len(sets.size)), 0))
    found: list[Candidate] = []
    row = np.arange(0)  # nothing is exchanged
    profile_of(SAMPLE, lambda real, overlaps: found.append(Candidate.of(real, overlaps, real.compared, row, 1)))
    assert [(check.name, check.ok) for check in found[0].checks()] == [("copies", False), ("nearness", False)]


def test_mending_leaves_no_artist_twice_no_real_set_and_as_many_listeners_of_each_artist() -> None:
    draws = np.random.default_rng(1)
    size = draws.integers(1, 6, 200)
    drawn = Sets(np.append(0, np.cumsum(size)), draws.integers(0, 60, size.sum()))
    own = drawn.keys()[::2].copy()
    repaired, kept, redrawn = repair(Sets(drawn.start, drawn.artist.copy()), np.arange(size.sum()), np.sort(own), 1)
    pairs = list(zip(repaired.owner.tolist(), repaired.artist.tolist(), strict=True))
    assert len(set(pairs)) == len(pairs)
    assert not np.isin(repaired.keys(), own).any()
    assert len(kept) == 200
    assert redrawn >= 100
    assert np.array_equal(np.bincount(repaired.artist), np.bincount(drawn.artist))


def test_listeners_who_can_have_no_set_but_a_real_one_are_refused(tmp_path: Path) -> None:
    log = pl.DataFrame({"user": range(30), "artist": range(30), "plays": 1})
    with pytest.raises(InputError, match="set of artists of a real one"):
        synth(tmp_path / "made.csv", like=log)
    assert list(tmp_path.iterdir()) == []


def test_overlaps_are_those_of_sets() -> None:
    sets = sets_of(ranked(light_listeners()), "user", "artist")
    found = np.sort([max(len(a & b) / len(a | b) for b in sets[:k] + sets[k + 1 :]) for k, a in enumerate(sets)])
    profile = profile_of(light_listeners())
    assert np.allclose(profile.near, found)
    assert sorted(map(len, sets)) == np.sort(profile.artists).tolist()


def test_overlaps_of_two_are_those_of_all_pairs_where_listeners_are_few() -> None:
    sets = [{0, 1, 2}, {1, 2}, {5}, {0, 5, 6, 7}]
    flat = Sets(np.append(0, np.cumsum([len(one) for one in sets])), np.concatenate([sorted(one) for one in sets]))
    both = [len(a & b) / len(a | b) for a, b in combinations(sets, 2)]
    assert np.allclose(flat.between(), np.sort(both * 2))


def test_a_month_comes_near_to_the_log_in_every_figure(month: Written) -> None:
    assert month.likeness is not None
    for name, real, _, away in month.likeness.figures:
        if isinstance(real, int):
            assert away is not None
            assert abs(away) < 0.1, name
        else:
            assert away is not None
            assert abs(away) < 0.06, name


def test_made_up_listeners_are_no_nearer_to_real_ones_than_these_to_each_other(month: Written) -> None:
    assert month.likeness is not None
    assert [(check.name, check.ok) for check in month.likeness.checks] == [("copies", True), ("nearness", True)]


def test_common_tastes_come_back_and_are_nobodys(tmp_path: Path) -> None:
    likeness = made_like(tastes(), tmp_path / "made.csv")[0].likeness
    assert likeness is not None
    apart = made_like(shuffled(tastes()), tmp_path / "apart.csv")[0].likeness
    assert apart is not None
    real, made, none = (np.median(one.near) for one in (likeness.real, likeness.made, apart.real))
    assert made > (real + none) / 2
    assert likeness.checks[1].ok


def test_each_made_up_artist_of_ten_listeners_or_more_has_about_the_plays_of_its_rank(
    light: tuple[Written, pl.DataFrame],
) -> None:
    log, made = light_listeners(), light[1]
    real, other = (
        rows.group_by(artist).agg(pl.col("plays").sum()).sort(artist).head(8)["plays"].to_numpy()
        for rows, artist in ((ranked(log), "artist"), (indexed(made), "artist_id"))
    )
    assert (np.abs(other / real - 1) < 0.25).all()


def test_what_one_listener_does_alone_does_not_come_back(tmp_path: Path) -> None:
    alone = pl.DataFrame({"user": ["u0", "u0"], "artist": ["a39", "a0"], "plays": [1_000_000, 1_000_000]})
    log = pl.concat([light_listeners(), alone]).group_by("user", "artist").agg(pl.col("plays").sum())
    _, made = made_like(log, tmp_path / "made.csv")
    assert made.group_by("user_id").agg(pl.col("plays").sum())["plays"].max() < 500  # type: ignore[operator] # a number


def test_a_log_of_counts_gives_counts(light: tuple[Written, pl.DataFrame]) -> None:
    log, (written, made) = light_listeners(), light
    assert made.columns == ["user_id", "artist_id", "plays"]
    assert made.select("user_id", "artist_id").is_unique().all()
    assert written.rows == made["plays"].sum()
    assert abs(written.rows - log["plays"].sum()) < 0.02 * written.rows


def test_a_log_without_lengths_gives_a_row_for_each_play_by_time(tmp_path: Path) -> None:
    rows = pl.read_csv(SAMPLE).drop("ms_played", "track_id")
    written, made = made_like(rows, tmp_path / "made.csv", order="time", month="2027-02")
    assert made.columns == ["ts", "user_id", "artist_id"]
    assert made.height == written.rows
    assert made["ts"].is_sorted()
    assert written.likeness is not None
    assert {name: away < 0.1 for name, _, _, away in written.likeness.figures[-2:] if away is not None} == {
        "Hours of the day, part that differs": True,
        "Days of the week, part that differs": True,
    }
    assert set(made["ts"].str.slice(0, 7)) == {"2027-02"}


def test_a_log_without_times_keeps_lengths(tmp_path: Path) -> None:
    _, made = made_like(pl.read_csv(SAMPLE).drop("ts"), tmp_path / "made.csv")
    assert made.columns == ["user_id", "artist_id", "ms_played"]
    assert made["ms_played"].min() >= 30_000  # type: ignore[operator] # only plays that count are made up


def test_the_hours_of_a_log_come_back(tmp_path: Path) -> None:
    hours = pl.read_csv(SAMPLE).with_columns(ts=pl.lit("2026-10-05T1") + pl.col("ts").str.slice(12, 8))
    _, made = made_like(hours.filter(pl.col("ts").str.slice(12, 1) < "4"), tmp_path / "made.csv")
    assert set(made["ts"].str.slice(11, 1)) == {"1"}
    assert set(made["ts"].str.to_datetime("%Y-%m-%dT%H:%M:%SZ").dt.weekday()) == {1}


def test_several_files_are_read_back_together(tmp_path: Path) -> None:
    written = synth(tmp_path / "made", like=light_listeners(100), files=3)
    assert len(written.files) == 3
    assert written.likeness is not None
    assert written.likeness.made.plays.sum() == written.rows


def test_so_few_listeners_that_one_would_show_are_refused(tmp_path: Path) -> None:
    log = light_listeners().filter(pl.col("user").is_in([f"u{k}" for k in range(19)]))
    with pytest.raises(InputError, match="19 listeners"):
        synth(tmp_path / "made.csv", like=log)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"like": SAMPLE, "rows": 10},
        {"like": SAMPLE, "bots": "1:1"},
        {"like": SAMPLE, "columns": ["user_id"]},
        {"columns": {"user": "user_id"}},
        {"like": SAMPLE, "month": "October"},
    ],
)
def test_what_does_not_go_with_a_log_is_refused_with_advice(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        synth(tmp_path / "made.csv", **options)
    assert refused.value.advice
    assert list(tmp_path.iterdir()) == []


def test_a_log_is_not_written_over(tmp_path: Path) -> None:
    light_listeners().write_csv(tmp_path / "log.csv")
    before = (tmp_path / "log.csv").read_bytes()
    with pytest.raises(UsageError, match="a file of the log itself"):
        synth(tmp_path / "log.csv", like=tmp_path / "log.csv", force=True)
    assert (tmp_path / "log.csv").read_bytes() == before


def test_the_page_holds_the_month_against_the_log(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    light_listeners(100).rename({"user": "who", "artist": "whom"}).write_csv(tmp_path / "log.csv")
    named = ["--columns", "user=who,artist=whom,plays=plays"]
    assert main(["synth", str(tmp_path / "made.csv"), "--like", str(tmp_path / "log.csv"), *named]) == 0
    said = capsys.readouterr()
    assert "Listeners" in said.out
    assert "Nearness    holds" in said.out
    assert "no differential privacy" in " ".join(said.out.split())
    assert "Made " in said.err


def test_json_holds_the_figures_and_the_checks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    light_listeners().write_csv(tmp_path / "log.csv")
    assert main(["synth", str(tmp_path / "made.csv"), "--like", str(tmp_path / "log.csv"), "--json"]) == 0
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert not said.err
    assert found["figures"][0] == {"name": "Listeners", "log": 300, "made_up": 300, "distance": 0.0}
    assert [(check["name"], check["ok"]) for check in found["checks"]] == [("copies", True), ("nearness", True)]
    assert found["files"] == [str(tmp_path / "made.csv")]
