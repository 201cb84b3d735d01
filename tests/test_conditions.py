"""Policies, own history, wishes and delegations through every stage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

import fairpay
from fairpay.errors import UsageError

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
    """Rows read are rows used and rows left out."""
    listening = fairpay.compare(PLAYS, pool="75", policy=policy).outcome.listening
    assert listening.rows == listening.used + sum(listening.dropped.values()) == 10
    assert listening.used == 8


def test_pay_takes_the_rule_of_the_policy(policy: str) -> None:
    """No --rule is needed."""
    result = fairpay.pay(PLAYS, pool="75", policy=policy)
    assert [payout.rule.name for payout in result.outcome.payouts] == ["equal-split"]


def test_a_policy_nobody_knows_is_refused_with_those_there_are() -> None:
    """The message helps."""
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
    """They pass on what subscribers paid."""
    (tmp_path / "d.csv").write_text("user,delegate,share\nu1,u2,1/2\n")
    with pytest.raises(UsageError, match="subscribers"):
        fairpay.compare(PLAYS, delegations=tmp_path / "d.csv")
