"""Made-up months: the same for the same seed, of the size asked for, and like listening."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import polars as pl
import pyarrow.parquet as pq
import pytest

from fairpay.errors import OutputError, UsageError
from fairpay.synth import make, plays, tables
from fairpay.synth.listeners import KINDS
from fairpay.synth.make import synth

if TYPE_CHECKING:
    from pathlib import Path

ROWS = 20_000


@pytest.fixture(scope="module")
def by_user(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """A small month, by user."""
    path = tmp_path_factory.mktemp("synth") / "month.parquet"
    synth(path, rows=ROWS, seed=3)
    return pl.read_parquet(path)


def made(path: Path, **options: Any) -> pl.DataFrame:  # noqa: ANN401 - whatever `synth` takes
    """Make a month and read it."""
    synth(path, **{"rows": ROWS, "seed": 3, **options})
    return pl.read_parquet(path) if path.suffix == ".parquet" else pl.read_csv(path, infer_schema=False)


@pytest.mark.parametrize("name", ["month.parquet", "month.csv"])
@pytest.mark.parametrize("order", ["user", "time"])
def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, name: str, order: Literal["user", "time"]) -> None:
    for directory in ("one", "two"):
        synth(tmp_path / directory / name, rows=2_000, seed=5, order=order)
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_another_seed_gives_another_month(tmp_path: Path, by_user: pl.DataFrame) -> None:
    assert not made(tmp_path / "m.parquet", seed=4).equals(by_user)


def test_by_time_is_sorted_and_holds_the_same_plays_as_by_user(tmp_path: Path, by_user: pl.DataFrame) -> None:
    by_time = made(tmp_path / "m.parquet", order="time")
    assert by_time["ts"].is_sorted()
    assert by_time.sort(by_time.columns).equals(by_user.sort(by_user.columns))


def test_by_user_keeps_each_users_plays_together_and_in_order(by_user: pl.DataFrame) -> None:
    runs = by_user["user_id"].rle().struct.field("value")
    assert runs.n_unique() == len(runs)
    assert by_user.group_by("user_id", maintain_order=True).agg(pl.col("ts").is_sorted())["ts"].all()


def test_csv_says_the_same_as_parquet(tmp_path: Path, by_user: pl.DataFrame) -> None:
    as_text = by_user.with_columns(pl.col("ts").dt.strftime("%Y-%m-%dT%H:%M:%SZ"), pl.col("ms_played").cast(pl.String))
    assert made(tmp_path / "m.csv").equals(as_text)


def test_smaller_batches_give_the_same_plays(
    tmp_path: Path, by_user: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plays, "BATCH_ROWS", 777)
    monkeypatch.setattr(plays, "BATCH_USERS", 11)
    assert made(tmp_path / "m.parquet").equals(by_user)


def test_several_files_hold_the_rows_in_order(tmp_path: Path, by_user: pl.DataFrame) -> None:
    written = synth(tmp_path / "month", rows=ROWS, seed=3, files=7)
    parts = [pl.read_parquet(path) for path in written.files]
    assert pl.concat(parts).equals(by_user)
    assert {part.height for part in parts} == {ROWS // 7, ROWS // 7 + 1}
    assert sum(part.height for part in parts) == ROWS


def test_row_groups_hold_a_million_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(make, "GROUP_ROWS", 6_000)
    path = tmp_path / "m.parquet"
    synth(path, rows=ROWS, order="time")
    meta = pq.read_metadata(path)
    assert [meta.row_group(k).num_rows for k in range(meta.num_row_groups)] == [6_000, 6_000, 6_000, 2_000]


def test_ids_have_22_characters(by_user: pl.DataFrame) -> None:
    for column in ("user_id", "artist_id", "track_id"):
        assert by_user[column].drop_nulls().str.len_bytes().unique().to_list() == [22]


def test_short_ids_are_a_letter_and_digits(tmp_path: Path) -> None:
    month = made(tmp_path / "m.parquet", ids="short")
    assert month["user_id"].str.contains(r"^u\d{6}$").all()
    assert month["artist_id"].drop_nulls().str.contains(r"^a\d{6}$").all()


def test_a_user_has_one_plan_and_one_country(by_user: pl.DataFrame) -> None:
    assert by_user.group_by("user_id").agg(pl.struct("plan", "country").n_unique())["plan"].max() == 1


def test_all_plays_lie_in_the_month(tmp_path: Path) -> None:
    month = made(tmp_path / "m.parquet", month="2027-02")
    assert month["ts"].dt.strftime("%Y-%m").unique().to_list() == ["2027-02"]


def test_users_come_back_to_their_own_artists(by_user: pl.DataFrame) -> None:
    heard = by_user.group_by("user_id").agg(pl.len(), pl.col("artist_id").n_unique())
    heavy = heard.filter(pl.col("len") >= 200)
    assert heavy.height > 10
    assert (heavy["artist_id"] < heavy["len"] / 2).all()


def test_listening_per_user_is_skewed(by_user: pl.DataFrame) -> None:
    plays = by_user.group_by("user_id").len()["len"].sort(descending=True)
    assert plays.head(len(plays) // 10).sum() > ROWS // 4


def test_some_plays_are_short_and_some_have_no_artist(by_user: pl.DataFrame) -> None:
    assert 0.1 < (by_user["ms_played"] < 30_000).mean() < 0.3
    assert 0 < by_user["artist_id"].null_count() < ROWS // 50


@pytest.mark.parametrize("kind", sorted(kind for kind, plant in KINDS.items() if not plant.life))
def test_planted_accounts_play_what_was_asked_on_top(tmp_path: Path, by_user: pl.DataFrame, kind: str) -> None:
    month = made(tmp_path / "m.parquet", plants={kind: "3:50"})
    planted = month.filter(~pl.col("user_id").is_in(by_user["user_id"].unique().implode()))
    assert planted.group_by("user_id").len()["len"].to_list() == [50 * 31] * 3
    assert month.height == ROWS + 3 * 50 * 31


def test_bots_leave_the_plays_of_people_alone(tmp_path: Path, by_user: pl.DataFrame) -> None:
    month = made(tmp_path / "m.parquet", bots="2:60:4")
    assert month.head(ROWS).equals(by_user)
    assert month.tail(-ROWS)["artist_id"].n_unique() == 4


def test_loops_run_overnight(tmp_path: Path) -> None:
    month = made(tmp_path / "m.parquet", plants={"loops": "2:100"}).tail(2 * 100 * 31)
    assert set(month["ts"].dt.hour().unique()) <= {22, 23, *range(8)}  # a sitting that began before seven ends after it
    assert month["ms_played"].is_between(31_000, 36_000).all()


def test_every_listener_is_a_subscriber_and_some_subscribers_play_nothing(tmp_path: Path) -> None:
    month = made(tmp_path / "m.csv", plants={"loops": "2:5"}, subscribers=tmp_path / "subscribers.csv")
    subscribers = pl.read_csv(tmp_path / "subscribers.csv", infer_schema=False)
    assert set(month["user_id"]) < set(subscribers["user_id"])
    assert subscribers["user_id"].is_unique().all()
    plans = month.select("user_id", "plan").unique().join(subscribers, on="user_id")
    assert (plans["plan"] == plans["plan_right"]).all()


def test_every_artist_is_in_the_artist_file(tmp_path: Path) -> None:
    month = made(tmp_path / "m.parquet", bots="2:30", artist_file=tmp_path / "artists.parquet")
    artists = pl.read_parquet(tmp_path / "artists.parquet")
    assert set(month["artist_id"].drop_nulls()) <= set(artists["artist_id"])
    assert artists["name"].is_unique().all()


def test_one_user_one_artist_one_row_is_a_month(tmp_path: Path) -> None:
    assert made(tmp_path / "m.parquet", rows=1, users=1, artists=1).height == 1


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("mine")
    with pytest.raises(OutputError, match="there already"):
        synth(tmp_path / "m.csv", rows=10)
    assert (tmp_path / "m.csv").read_text() == "mine"


def test_nothing_half_written_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables.Tables, "plays", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(OutputError, match="No space left"):
        synth(tmp_path / "m.parquet", rows=10)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"rows": 0},
        {"rows": 10, "users": 0},
        {"rows": 10, "month": "October"},
        {"rows": 10, "bots": "many"},
        {"rows": 10, "bots": "0:5"},
        {"rows": 10, "plants": {"weeds": "1:1"}},
        {"rows": 10, "columns": ["mood"]},
        {"rows": 10, "files": 0},
    ],
)
def test_what_cannot_be_made_is_refused_with_advice(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(UsageError) as refused:
        synth(tmp_path / "m.parquet", **options)
    assert refused.value.advice
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_tells_no_format_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="not a format"):
        synth(tmp_path / "month.xlsx", rows=10)
