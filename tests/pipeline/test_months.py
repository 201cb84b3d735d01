"""Several months in one run: each is paid as it is by itself, and the sums are theirs."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sample import SAMPLE_DATA

import fairpay
from fairpay.cli import main
from fairpay.errors import InputError, NothingToPayError, UsageError
from fairpay.rules import rule_classes
from fairpay.runs.verify import verify

if TYPE_CHECKING:
    from pathlib import Path

LOGS = [SAMPLE_DATA / "listens.csv", SAMPLE_DATA / "listens-2026-11.csv"]
SUBSCRIBERS, ARTISTS = SAMPLE_DATA / "subscribers.csv", SAMPLE_DATA / "artists.csv"
DAYS = {"2026-10": ("2026-10-01", "2026-10-31"), "2026-11": ("2026-11-01", "2026-11-30")}
YEAR = pl.DataFrame(
    [("u", "a", 3, "2026-01-31T23:59:59Z"), ("u", "b", 1, "2026-01-01"), ("v", "b", 2, "2026-02-01T00:00:00Z")],
    schema=["user", "artist", "plays", "time"],
    orient="row",
)
"""January: u plays a three times and b once; February: v plays b twice."""


def paid(result: Any, rule: str) -> dict[str, Decimal]:  # noqa: ANN401 - a result
    """What each artist gets."""
    return dict(result.table.select("artist", rule).iter_rows())


def test_each_month_is_a_pool_of_its_own() -> None:
    found = fairpay.compare(YEAR, fee="10", by="month")
    assert found.groups["month"].select(["month", "plays", "listeners", "pool"]).to_pylist() == [
        {"month": "2026-01", "plays": 4, "listeners": 1, "pool": Decimal("10.00")},
        {"month": "2026-02", "plays": 2, "listeners": 1, "pool": Decimal("10.00")},
    ]
    assert paid(found, "market_centric") == {"a": Decimal("7.50"), "b": Decimal("12.50")}
    assert found.outcome.listening.users == 2


EACH_RULE = sorted(set(rule_classes()) - {"independent-markets"})


@pytest.mark.parametrize(
    ("money", "rules"),
    [
        ({"fee": "9.99"}, EACH_RULE),
        ({"subscribers": SUBSCRIBERS, "inactive": "hold"}, ["market-centric", "user-centric", "user-cap", "bounded"]),
    ],
)
def test_a_month_is_paid_what_it_is_paid_by_itself(money: dict[str, Any], rules: list[str]) -> None:
    options: dict[str, Any] = {"royalty_rate": "70%", "rules": rules, **money}
    found = fairpay.compare(LOGS, by="month", **options)
    alone = {name: fairpay.compare(LOGS, since=days[0], until=days[1], **options) for name, days in DAYS.items()}
    for name, one in zip(found.outcome.groups[0].names, found.outcome.groups[0].outcomes, strict=True):
        there = alone[name].outcome
        assert one.artist.equals(there.artist)
        assert one.money == there.money
        assert [p.allocation.paid.tolist() for p in one.payouts] == [p.allocation.paid.tolist() for p in there.payouts]
    for rule in ("market_centric", "user_centric"):
        sums: dict[str, Decimal] = {}
        for one in alone.values():
            for artist, amount in paid(one, rule).items():
                sums[artist] = sums.get(artist, Decimal(0)) + amount
        assert paid(found, rule) == sums


def test_the_table_of_months_says_what_each_run_says() -> None:
    (row, _) = fairpay.compare(LOGS, fee="9.99", by="month").groups["month"].to_pylist()
    alone = fairpay.compare(LOGS[0], fee="9.99")
    said, change = alone.summary, alone.summary["comparisons"][0]
    assert (row["plays"], row["listeners"], str(row["pool"])) == (
        said["listening"]["plays"], said["listening"]["users"], said["pool"],
    )  # fmt: skip
    assert (str(row["user_centric_moved"]), row["user_centric_gain"], row["user_centric_lose"]) == (
        change["moved"], change["gainers"], change["losers"],
    )  # fmt: skip
    top = Decimal(change["tiers"][0]["to"]) / Decimal(said["pool"])
    assert row["user_centric_top_10_share"] == round(top, 10)


def test_the_reason_of_a_sum_weighs_each_month_by_its_pool() -> None:
    # market-centric shares of a and b: 7.5 + 0 and 2.5 + 10 of 20; with one listener a month user-centric is the same
    assert fairpay.compare(YEAR, fee="10", by="month").table["fan_intensity"].to_list() == [1.0, 1.0]


def test_what_a_rule_says_of_one_month_is_said_with_it() -> None:
    options: dict[str, Any] = {"fee": "9.99", "royalty_rate": "70%", "rules": ["user-cap", "bounded"]}
    notes = fairpay.compare(LOGS, by="month", **options).outcome.notes
    october, november = (fairpay.compare(LOGS, since=d[0], until=d[1], **options).outcome.notes for d in DAYS.values())
    both = {*october} & {*november}
    assert {*notes} == {
        *both,
        *(f"2026-10: {note}" for note in october if note not in both),
        *(f"2026-11: {note}" for note in november if note not in both),
    }
    assert len(both) == 1


def test_listeners_who_are_left_out_are_not_counted() -> None:
    paid_in = pl.DataFrame({"user": ["v", "x"], "paid": ["5.00", "5.00"]})
    both = YEAR.vstack(pl.DataFrame([("v", "a", 1, "2026-01-02")], schema=YEAR.schema, orient="row"))
    found = fairpay.compare(both, subscribers=paid_in, unlisted="leave-out", by="month")
    assert found.outcome.listening.users == 1
    assert found.groups["month"].select(["plays", "listeners", "subscribers"]).to_pylist() == [
        {"plays": 1, "listeners": 1, "subscribers": 2},
        {"plays": 2, "listeners": 1, "subscribers": 2},
    ]
    assert found.summary["listening"]["dropped"] == {"without a subscription line": 2}


def test_a_month_in_which_nobody_pays_is_named() -> None:
    paid_in = pl.DataFrame({"user": ["v"], "paid": ["5.00"]})
    with pytest.raises(fairpay.NothingToPayError, match="2026-01: the only listener has no line"):
        fairpay.compare(YEAR, subscribers=paid_in, unlisted="leave-out", by="month")


def test_a_month_without_plays_has_no_row() -> None:
    later = YEAR.with_columns(time=pl.col("time").str.replace("2026-02", "2026-04"))
    assert fairpay.compare(later, fee="10", by="month").groups["month"]["month"].to_pylist() == ["2026-01", "2026-04"]


def test_a_period_bounds_the_months() -> None:
    found = fairpay.compare(YEAR, fee="10", by="month", since="2026-01-15", until=date(2026, 2, 28))
    assert found.groups["month"]["plays"].to_pylist() == [3, 2]
    assert found.summary["listening"]["dropped"] == {"outside the period": 1}


months = st.lists(
    st.tuples(st.sampled_from("uvw"), st.sampled_from("abc"), st.integers(1, 9), st.sampled_from(["01", "02", "07"])),
    min_size=1,
    max_size=16,
)


@settings(max_examples=4 if settings.default.derandomize else 60)  # few by day, more in the nightly search
@given(month=months, back=st.booleans(), threads=st.integers(1, 2))
def test_months_add_up_in_any_order_under_every_rule(month: list[Any], back: bool, threads: int) -> None:  # noqa: FBT001 - drawn
    plays = pl.DataFrame(month, schema=YEAR.schema, orient="row").with_columns(time="2026-" + pl.col("time") + "-15")
    options: dict[str, Any] = {"fee": "3.01", "royalty_rate": "70%", "rules": sorted(rule_classes()), "by": "month"}
    found = fairpay.compare(plays, **options)
    again = fairpay.compare(plays.reverse() if back else plays, threads=threads, **options)
    assert found.arrow.equals(again.arrow)
    assert found.groups["month"].equals(again.groups["month"])
    (told,) = found.outcome.groups
    assert found.outcome.money.pool == sum(one.money.pool for one in told.outcomes)
    for place, payout in enumerate(found.outcome.payouts):
        assert int(payout.allocation.paid.sum()) == sum(
            int(o.payouts[place].allocation.paid.sum()) for o in told.outcomes
        )


def test_thresholds_count_the_streams_of_a_month(tmp_path: Path) -> None:
    limit = '[[thresholds]]\nname = "three streams"\nstreams = 3\nlisteners = 1\nper = "artist"\n'
    policy = f'title = "t"\nsource = "s"\nrule = "user-centric"\n{limit}'
    (tmp_path / "policy.toml").write_text(policy, encoding="utf-8")
    more = pl.DataFrame([("v", "c", 3, "2026-02-02")], schema=YEAR.schema, orient="row")
    found = fairpay.compare(
        YEAR.vstack(more), fee="10", by="month", policy=str(tmp_path / "policy.toml"), measure="plays"
    )
    assert paid(found, "market_centric") == {"a": Decimal("10.00"), "c": Decimal("10.00")}


def test_labels_are_added_up_over_the_months() -> None:
    found = fairpay.compare(LOGS, fee="9.99", artists=ARTISTS, by=["month", "label"])
    assert [*found.groups] == ["month", "label"]
    assert sum(found.groups["label"]["user_centric"].to_pylist()) == Decimal(found.summary["pool"])
    assert set(found.groups["label"]["listeners"].to_pylist()) == {None}


def test_a_run_of_months_is_verified(tmp_path: Path) -> None:
    fairpay.compare(LOGS, fee="9.99", by="month").save(tmp_path / "run")
    fairpay.pay(LOGS, fee="9.99", rule="user-centric", by="month").save(tmp_path / "paid")
    for name in ("run", "paid"):
        controls = verify(tmp_path / name)
        assert all(control.ok for control in controls)
        assert "groups month" in {control.name for control in controls}


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"pool": "10"}, "pool does not go with by month"),
        ({"k": 5}, "k does not go with by month"),
        ({"history": YEAR}, "history does not go with by month"),
        ({"engine": "spark"}, "by month runs on this machine only"),
        ({"by": ["month", "device"]}, "by device is by listeners, and by month goes with groups of artists only"),
    ],
)
def test_what_is_of_one_month_is_refused(options: dict[str, Any], told: str) -> None:
    log = YEAR.with_columns(device=pl.lit("phone"))
    with pytest.raises(UsageError, match=told):
        fairpay.compare(log, **{"by": "month", **options})


def test_a_log_without_times_has_no_months() -> None:
    with pytest.raises(InputError, match="needs the time of each play"):
        fairpay.compare(YEAR.drop("time"), fee="10", by="month")


def test_a_play_whose_time_says_nothing_stops_the_run() -> None:
    odd = pl.DataFrame([("u", "a", 1, "soon")], schema=YEAR.schema, orient="row")
    with pytest.raises(InputError, match="1 of 4 rows cannot be used"):
        fairpay.compare(YEAR.vstack(odd), fee="10", by="month")


def test_twelve_months_stand_in_eighty_columns(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [(f"u{n}", f"a{n % 7}", 99_999 + 7 * n, f"2026-{n % 12 + 1:02}-02") for n in range(240)]
    pl.DataFrame(rows, schema=YEAR.schema, orient="row").write_csv(tmp_path / "year.csv")
    assert main(["compare", str(tmp_path / "year.csv"), "--fee", "9999.99", "--by", "month"]) == 0
    page = capsys.readouterr().out
    assert "  Month    " in page
    assert all(f"  2026-{month:02}   2,01" in page for month in range(1, 13))
    assert "  all      24,200,520        240  " in page
    assert max(map(len, page.splitlines())) <= 80


def test_months_in_which_nobody_played_are_nothing_to_pay() -> None:
    with pytest.raises(NothingToPayError, match="none of 3 rows counts"):
        fairpay.compare(YEAR, fee="10", by="month", since="2026-03-01", until="2026-04-30")
