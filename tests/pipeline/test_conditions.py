"""Policies, own history, wishes and delegations through every stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

import fairpay
from fairpay.adjust.policy import policy_text
from fairpay.errors import NothingToPayError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

PLAYS = pl.DataFrame(
    {
        "user": ["u1"] * 6 + ["u2"] * 4,
        "artist": ["A", "A", "A", "B", "B", "C", "C", "C", "A", "C"],
        "category": ["music"] * 4 + ["noise"] * 2 + ["music"] * 4,
    }
)
HALF = """
title = "Noise counts half; an artist earns only with four plays."
source = "made up"
rule = "equal-split"
measure = "plays"

[[weights]]
name = "noise"
column = "category"
values = ["noise"]
times = "1/2"

[[thresholds]]
name = "four plays"
per = "artist"
streams = 4
"""


@pytest.fixture
def policy(tmp_path: Path) -> str:
    """A policy file of one's own."""
    (tmp_path / "my.toml").write_text(HALF)
    return str(tmp_path / "my.toml")


def test_a_policy_weighs_plays_and_brings_its_rule(policy: str) -> None:
    """B has 2 plays and earns nothing; of C's 4 one counts half."""
    result = fairpay.compare(PLAYS, pool="75", policy=policy)
    paid = {row["artist"]: str(row["market_centric"]) for row in result.table.iter_rows(named=True)}
    assert paid == {"A": "40.00", "C": "35.00"}
    assert "equal_split" in result.table.columns


def test_what_a_threshold_moves_is_in_the_summary(policy: str) -> None:
    """Without it B would get 75 * 1.5 / 9."""
    conditions = fairpay.compare(PLAYS, pool="75", policy=policy).summary["conditions"]
    noise, threshold = conditions
    assert (noise["rows"], noise["times"], noise["moved"]) == (2, "1/2", None)
    assert (threshold["rows"], threshold["applied"]) == (2, True)
    assert threshold["moved"][0] == "12.50"


def test_rows_a_threshold_takes_out_have_a_reason(policy: str) -> None:
    listening = fairpay.compare(PLAYS, pool="75", policy=policy).outcome.listening
    assert listening.rows == listening.used + sum(listening.dropped.values()) == 10
    assert listening.used == 8


def test_pay_takes_the_rule_of_the_policy(policy: str) -> None:
    result = fairpay.pay(PLAYS, pool="75", policy=policy)
    assert [payout.rule.name for payout in result.outcome.payouts] == ["equal-split"]


def test_a_policy_nobody_knows_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        fairpay.compare(PLAYS, policy="spotify")
    assert "spotify-2024" in caught.value.advice


def test_a_listener_who_blocks_an_artist_pays_the_others(tmp_path: Path) -> None:
    """u2 blocks C: the fee goes to A; the money stays whole."""
    (tmp_path / "wishes.csv").write_text("user,artist,kind,amount\nu2,C,block,1\n")
    result = fairpay.compare(PLAYS, fee="10", wishes=tmp_path / "wishes.csv")
    paid = {row["artist"]: str(row["user_centric"]) for row in result.table.iter_rows(named=True)}
    assert paid == {"A": "15.00", "B": "3.33", "C": "1.67"}


def test_delegations_need_subscribers(tmp_path: Path) -> None:
    (tmp_path / "d.csv").write_text("user,delegate,share\nu1,u2,1/2\n")
    with pytest.raises(UsageError, match="subscribers"):
        fairpay.compare(PLAYS, delegations=tmp_path / "d.csv")


def test_a_threshold_that_leaves_a_user_without_plays_is_told_of_one_pool(tmp_path: Path) -> None:
    """Hostile 15: u3 plays only what misses the threshold; with a fee that is odd in cents."""
    log = pl.DataFrame({"user": ["u1"] * 3 + ["u2"] * 3 + ["u3"], "artist": ["A"] * 6 + ["B"]})
    policy = tmp_path / "p.toml"
    policy.write_text(HALF.replace("equal-split", "market-centric"), encoding="utf-8")
    paid = fairpay.pay(log, policy=str(policy), fee="9.99")
    assert paid.outcome.money.pool == 1998
    (limit,) = [line for line in paid.outcome.conditions if line.name == "four plays"]
    assert limit.moved == (285,)  # B would get a seventh of 19.98
    assert any("1 listener has no plays left, so that the pool is 19.98 EUR" in note for note in paid.outcome.notes)


def test_where_everything_misses_a_threshold_it_is_named_with_how_many_missed_it() -> None:
    log = pl.DataFrame({"user": ["u1", "u2"], "artist": ["A", "B"], "track": ["x", "y"]})
    with pytest.raises(
        NothingToPayError, match="'1,000 streams and 50 listeners' is missed by 2 of 2 tracks"
    ) as caught:
        fairpay.pay(log, policy="spotify-2024", fee="9.99")
    assert "fairpay rules spotify-2024" in str(caught.value.advice)


@pytest.mark.parametrize("rule", ["market-centric", "user-centric"])
@pytest.mark.parametrize("unlisted", ["free", "leave-out"])
def test_ids_that_match_no_subscriber_are_refused_under_every_rule(tmp_path: Path, rule: str, unlisted: str) -> None:
    """Newcomer 19: nobody who listened has paid, as far as the ids say."""
    log = pl.DataFrame({"user": ["u1", "u2"], "artist": ["A", "B"]})
    payers = tmp_path / "subs.csv"
    payers.write_text("user,paid\nU-1,9.99\nU-2,9.99\n", encoding="utf-8")
    with pytest.raises(NothingToPayError, match=r"none of the 2 listeners has a line in .*subs.csv"):
        fairpay.pay(log, rule=rule, subscribers=payers, unlisted=unlisted)


def test_listeners_who_paid_nothing_are_said_to_have_no_payment(tmp_path: Path) -> None:
    log = pl.DataFrame({"user": ["u1"], "artist": ["A"]})
    payers = tmp_path / "subs.csv"
    payers.write_text("user,paid\nu1,0\nu2,9.99\n", encoding="utf-8")
    with pytest.raises(NothingToPayError, match=r"the only listener has no line with a payment in .*subs.csv"):
        fairpay.pay(log, rule="user-centric", subscribers=payers)


@pytest.mark.parametrize(("boosts", "paid"), [("after", [2000, 1000]), ("before", [1500, 1500])])
def test_the_cap_counts_plays_or_boosted_plays_as_the_policy_says(tmp_path: Path, boosts: str, paid: list[int]) -> None:
    """Oracle 10: 1,000 sought plays of u1 beside 1,000 of u2."""
    log = pl.DataFrame({"user": ["u1", "u2"], "artist": ["A", "B"], "plays": [1000] * 2, "active": ["search", "radio"]})
    policy = tmp_path / "p.toml"
    text = policy_text("deezer-artist-centric")
    policy.write_text(text.replace('"user-cap:cap=1000"', f'"user-cap:cap=1000,boosts={boosts}"', 1), encoding="utf-8")
    assert fairpay.pay(log, policy=str(policy), pool="30").outcome.payouts[0].allocation.paid.tolist() == paid


def test_boosted_plays_cannot_be_capped_where_time_is_measured() -> None:
    log = pl.DataFrame({"user": ["u1"], "artist": ["A"], "seconds": [200]})
    with pytest.raises(UsageError, match="measured in time"):
        fairpay.pay(log, rule="user-cap:boosts=before", pool="30")


def test_many_alike_delegators_do_not_add_up_what_one_is_rounded_by(tmp_path: Path) -> None:
    """1,000 who pay 9.99 and pass on a sixth of it: X gets 8.325 of each, Y what arrives and its own fee."""
    users = [f"u{i}" for i in range(1000)]
    log = pl.DataFrame({"user": [*users, "v"], "artist": ["X"] * 500 + ["Z"] * 500 + ["Y"]})
    payers, given = tmp_path / "subs.csv", tmp_path / "given.csv"
    payers.write_text("user,paid\n" + "".join(f"{u},9.99\n" for u in [*users, "v"]), encoding="utf-8")
    given.write_text("user,delegate,share\n" + "".join(f"{u},v,1/3\n" for u in users), encoding="utf-8")
    paid = fairpay.pay(log, rule="user-centric", subscribers=payers, delegations=given, delegate_cap="1000")
    assert paid.outcome.money.pool == 999_999
    found = dict(zip(paid.outcome.artist.to_pylist(), paid.outcome.payouts[0].allocation.paid.tolist(), strict=True))
    assert found == {"X": 416_250, "Y": 167_499, "Z": 416_250}


def test_a_listener_who_is_no_subscriber_is_no_reason_to_refuse_the_others(tmp_path: Path) -> None:
    """Oracle 06: one subscriber, one listener who is left out."""
    payers = tmp_path / "subs.csv"
    payers.write_text("user,paid\nu0,9.99\n", encoding="utf-8")
    log = pl.DataFrame({"user": ["u0", "u1"], "artist": ["A", "B"]})
    paid = fairpay.compare(log, subscribers=payers, unlisted="leave-out")
    assert (paid.outcome.money.stated, paid.outcome.money.subscribers) == ("9.99 paid by 1 subscriber", 1)


def test_rows_left_out_with_a_listener_who_states_something_are_those_of_the_log(tmp_path: Path) -> None:
    """U1 has seven rows of two artists, a wish, and no subscription line."""
    log = pl.DataFrame({"user": ["u0"] + ["u1"] * 7, "artist": ["A"] + ["A"] * 5 + ["B"] * 2})
    payers, wishes = tmp_path / "subs.csv", tmp_path / "wishes.csv"
    payers.write_text("user,paid\nu0,9.99\n", encoding="utf-8")
    wishes.write_text("user,artist,kind,amount\nu1,C,gift,10%\n", encoding="utf-8")
    options = {"rule": "user-centric", "subscribers": payers, "unlisted": "leave-out"}
    without, beside = fairpay.pay(log, **options), fairpay.pay(log, **options, wishes=wishes)
    assert beside.outcome.listening.used == without.outcome.listening.used == 1
    assert beside.outcome.listening.dropped == without.outcome.listening.dropped
