"""A search from log to findings, on a small month with planted accounts."""

from __future__ import annotations

import json
from fractions import Fraction
from typing import TYPE_CHECKING

import polars as pl
import pytest

import fairpay
from fairpay.errors import InputError
from fairpay.fraud.detect import intake
from fairpay.synth.make import synth

if TYPE_CHECKING:
    from pathlib import Path

    from fairpay.fraud.detect.run import Searched

COUNTED = (pl.col("ms_played") >= 30_000) & pl.col("artist_id").is_not_null()
FAKES = {"bots": "2:700:30", "loops": "2:300", "lockstep": "12:40"}


@pytest.fixture(scope="module")
def month(tmp_path_factory: pytest.TempPathFactory) -> pl.DataFrame:
    """Make a month of 400 people and 16 planted accounts, whose ids come last."""
    path = tmp_path_factory.mktemp("month") / "log.parquet"
    synth(path, rows=60_000, users=400, artists=300, plants=FAKES, ids="short", seed=4)
    return pl.read_parquet(path)


@pytest.fixture(scope="module")
def found(month: pl.DataFrame) -> Searched:
    """Search it once."""
    return fairpay.suspects(month, fee="9.99", royalty_rate="70%")


@pytest.fixture(scope="module")
def log(month: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The month in a file, searched and published in `out` beside it."""
    path = tmp_path_factory.mktemp("log") / "log.parquet"
    month.write_parquet(path)
    assert fairpay.suspects(path, fee="9.99", output=path.parent / "out").published == "done"
    return path


PLANTED = {f"u{number:06d}" for number in range(400, 416)}


def listed(result: Searched) -> set[str]:
    """Return the accounts with a finding."""
    return set(result.table.filter(kind="user")["subject"])


def test_the_planted_accounts_are_found_and_nobody_else(found: Searched) -> None:
    assert listed(found) == PLANTED


def test_the_artists_who_live_from_them_are_found(found: Searched, month: pl.DataFrame) -> None:
    fakes = month.filter(pl.col("user_id").is_in(PLANTED), COUNTED)["artist_id"]
    artists = set(found.table.filter(kind="artist")["subject"])
    assert artists <= set(fakes)
    assert len(artists) >= 30 + 1 + 9


def test_findings_are_sorted_by_money_with_members_behind_their_group(found: Searched) -> None:
    table = found.table.with_row_index()
    heads = table.filter((pl.col("kind") != "user") | (pl.col("group") == ""))
    assert heads["market_centric"].is_sorted(descending=True)
    for group in table.filter(kind="group").iter_rows(named=True):
        members = table.filter(kind="user", group=group["subject"])
        assert members["index"].to_list() == list(range(group["index"] + 1, group["index"] + 1 + group["members"]))
        assert members["market_centric"].is_sorted(descending=True)


def test_an_account_moves_its_share_of_listening_or_its_fee(found: Searched, month: pl.DataFrame) -> None:
    heard = dict(month.filter(COUNTED).group_by("user_id").agg(pl.col("ms_played").sum()).iter_rows())
    pool = found.outcome.money.pool
    for row in found.table.filter(kind="user").iter_rows(named=True):
        market = Fraction(heard[row["subject"]] * pool, sum(heard.values()))
        assert abs(Fraction(str(row["market_centric"])) * 100 - market) <= Fraction(1, 2)
        assert abs(Fraction(str(row["user_centric"])) * 100 - Fraction(pool, len(heard))) <= Fraction(1, 2)


def test_an_artist_moves_what_it_is_paid(found: Searched, month: pl.DataFrame) -> None:
    payouts = fairpay.compare(month, fee="9.99", royalty_rate="70%").table.rename({"artist": "subject"})
    artists = found.table.filter(kind="artist").join(payouts, on="subject", suffix="_paid")
    for column in ("market_centric", "user_centric", "plays"):
        assert artists[column].to_list() == artists[f"{column}_paid"].to_list()


def test_neither_order_nor_threads_nor_files_nor_memory_change_a_byte(
    found: Searched,
    month: pl.DataFrame,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for part, rows in enumerate(month.sample(fraction=1.0, shuffle=True, seed=9).iter_slices(17_000)):
        rows.write_parquet(tmp_path / f"{part}.parquet")
    monkeypatch.setattr(intake, "KEPT", 1)
    monkeypatch.setattr(intake, "WAITING", 20_000)
    monkeypatch.setattr(intake, "FEW", 0)
    again = fairpay.suspects(tmp_path, fee="9.99", royalty_rate="70%", threads=3, batch_rows=5000)
    assert again.arrow.equals(found.arrow)
    assert again.review.equals(found.review)
    assert json.dumps(again.summary) == json.dumps(found.summary)


def test_renaming_users_changes_only_their_names(month: pl.DataFrame) -> None:
    renamed = month.with_columns(user_id=pl.lit("x-") + pl.col("user_id").str.reverse())
    result = fairpay.suspects(renamed, fee="9.99", royalty_rate="70%")
    assert {one.removeprefix("x-")[::-1] for one in listed(result)} == PLANTED


def ran(result: Searched) -> set[str]:
    """Return the signals that ran."""
    return {signal["name"] for signal in result.summary["signals"] if signal["ran"]}


def test_without_time_and_track_the_signals_that_need_them_say_so(month: pl.DataFrame, found: Searched) -> None:
    result = fairpay.suspects(month.drop("ts", "track_id"), fee="9.99")
    missing = {signal["name"]: signal["why_not"] for signal in result.summary["signals"] if not signal["ran"]}
    assert "no track column" in missing["plays_per_track"]
    assert "no usable time column" in missing["longest_rest"]
    assert ran(found) - ran(result) == set(missing) - {"jump"}
    assert {"longest_rest", "hours_a_day"}.isdisjoint(result.table.columns)
    assert {f"u{number:06d}" for number in range(404, 416)} <= listed(result), "same_artists needs neither"


def test_rows_that_stand_for_several_plays_have_no_duration_of_their_own(month: pl.DataFrame) -> None:
    totals = month.head(9000).filter(pl.col("artist_id").is_not_null()).group_by("user_id", "artist_id")
    result = fairpay.suspects(totals.agg(plays=pl.len(), ms_played=pl.col("ms_played").sum()), fee="9.99")
    assert {"same_artists", "evenness", "top_artist"} <= ran(result)
    assert {"short_plays", "hours_a_day", "longest_rest"}.isdisjoint(ran(result))


TIMED = {"longest_rest", "awake_hours", "regular_gaps", "lockstep"}
TEXT = pl.col("ts").dt.to_string()
BROKEN = pl.when(pl.int_range(pl.len()) == 7).then(pl.lit("soon")).otherwise(TEXT)


@pytest.mark.parametrize(("ts", "usable"), [(TEXT, True), (BROKEN, False), (pl.col("ts").dt.date(), False)])
def test_a_time_counts_where_all_can_be_read_and_tell_hours(month: pl.DataFrame, ts: pl.Expr, usable: bool) -> None:  # noqa: FBT001 - a table
    signals = ran(fairpay.suspects(month.head(2000).with_columns(ts=ts), fee="9.99"))
    assert signals >= TIMED if usable else TIMED.isdisjoint(signals)


def test_artists_that_jumped_are_known_from_the_month_before(month: pl.DataFrame) -> None:
    before = month.filter(~pl.col("user_id").is_in(PLANTED))
    result = fairpay.suspects(month, previous=before, fee="9.99")
    artists = result.table.filter(kind="artist")
    assert "jump" in ran(result)
    assert (artists["jump"] >= 10).any()


def test_a_month_before_with_other_columns_is_refused_by_name(month: pl.DataFrame) -> None:
    with pytest.raises(InputError, match="the log of the month before") as caught:
        fairpay.suspects(month, previous=month.rename({"artist_id": "who"}), fee="9.99")
    assert caught.value.status == 3


def test_the_fee_of_each_account_comes_from_the_subscribers(month: pl.DataFrame, tmp_path: Path) -> None:
    paid = {user: "5.00" if user == "u000400" else "10.00" for user in month["user_id"].unique()}
    pl.DataFrame({"user_id": list(paid), "paid": list(paid.values())}).write_csv(tmp_path / "subscribers.csv")
    result = fairpay.suspects(month, subscribers=tmp_path / "subscribers.csv")
    moved = dict(result.table.filter(kind="user").select("subject", "user_centric").iter_rows())
    assert str(moved["u000400"]) == "5.00"
    assert str(moved["u000401"]) == "10.00"


def test_rules_without_a_part_for_each_user_leave_their_column_empty(month: pl.DataFrame) -> None:
    few = month.filter(pl.col("user_id") >= "u000390")
    result = fairpay.suspects(few, rules=("user-centric", "geometric-median"), fee="9.99")
    nulls = {kind: result.table.filter(kind=kind)["geometric_median"].is_null() for kind in ("user", "artist")}
    assert len(nulls["user"]) > 0 < len(nulls["artist"])
    assert nulls["user"].all()
    assert not nulls["artist"].any()


def test_a_tiny_log_has_no_suspects() -> None:
    log = pl.DataFrame({"user": ["a", "b"], "artist": ["X", "Y"], "seconds": [40, 50]})
    assert fairpay.suspects(log, fee="1").table.is_empty()


def test_a_review_filled_in_is_taken_by_pay(found: Searched, month: pl.DataFrame, log: Path, tmp_path: Path) -> None:
    review = pl.read_csv(log.parent / "out" / "review.csv", infer_schema=False)
    heads = (pl.col("kind") != "user") | (pl.col("group") == "")
    decision = pl.when(heads & (pl.col("kind") != "artist")).then(pl.lit("exclude")).when(heads).then(pl.lit("keep"))
    review.with_columns(decision=decision, by=pl.lit("me")).write_csv(tmp_path / "decided.csv", separator=";")
    result = fairpay.pay(log, rule="market-centric", fee="9.99", decisions=tmp_path / "decided.csv")
    gone = month.filter(pl.col("user_id").is_in(PLANTED), COUNTED)
    assert result.summary["listening"]["dropped"]["excluded by a person's decision"] == len(gone)
    assert result.outcome.listening.users == found.outcome.listening.users - len(PLANTED)


def test_what_is_published_verifies_and_a_second_run_is_already_done(log: Path) -> None:
    assert fairpay.suspects(log, fee="9.99", output=log.parent / "out").published == "already"
    assert all(control.ok for control in fairpay.verify(log.parent / "out"))


@pytest.mark.parametrize("name", ["summary.json", "manifest.json"])
def test_no_user_id_is_in_the_summary_or_the_manifest(log: Path, name: str) -> None:
    text = (log.parent / "out" / name).read_text()
    assert not any(user in text for user in PLANTED)


def test_listeners_whom_the_run_leaves_out_are_left_out_of_the_search(month: pl.DataFrame, tmp_path: Path) -> None:
    users = [user for user in month["user_id"].unique() if user not in PLANTED]
    pl.DataFrame({"user_id": users, "paid": ["10.00"] * len(users)}).write_csv(tmp_path / "subscribers.csv")
    result = fairpay.suspects(month, subscribers=tmp_path / "subscribers.csv", unlisted="leave-out")
    assert result.outcome.listening.users <= len(users)
    assert listed(result) == set()
