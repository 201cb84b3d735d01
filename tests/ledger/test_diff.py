"""Comparing two reports: money first, each figure in its own unit, and what both runs have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest

import fairpay
from fairpay.cli import main
from fairpay.ledger.diff import diff, pools, ranked

if TYPE_CHECKING:
    from pathlib import Path

LOG = "user,artist,seconds\nu1,a,300\nu1,b,100\nu2,b,100\n"
LATER = LOG + "u2,a,700\n"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """`pay` under two rules, of two logs, and a comparison."""
    for name, text in (("log", LOG), ("later", LATER)):
        (tmp_path / f"{name}.csv").write_text(text)
    for name, log, rule in (
        ("market", "log", "market-centric"),
        ("user", "log", "user-centric"),
        ("later-user", "later", "user-centric"),
    ):
        fairpay.pay(tmp_path / f"{log}.csv", rule=rule, pool="10.00", output=tmp_path / name)
    fairpay.compare(tmp_path / "log.csv", pool="10.00", output=tmp_path / "both")
    return tmp_path


def moved(runs: Path, before: str, after: str) -> list[tuple[str, str, str, int, int]]:
    """(payee, figure, currency, before, after), in the order shown."""
    table = diff(runs / before, runs / after).table
    return table.select("payee", "figure", "currency", "before", "after").rows()


def test_two_pay_runs_show_payouts_first_and_no_count_or_share_as_money(runs: Path) -> None:
    assert moved(runs, "user", "later-user") == [
        ("a", "payout", "EUR", 375, 813),
        ("b", "payout", "EUR", 625, 187),
        ("a", "plays", "", 1, 2),
        ("a", "listeners", "", 1, 2),
        ("a", "seconds", "", 300_000, 1_000_000),
        ("a", "share", "", 3_750_000_000, 8_130_000_000),
        ("b", "share", "", 6_250_000_000, 1_870_000_000),
    ]


def test_a_pay_run_and_a_comparison_are_compared_under_the_rule_of_the_pay_run(runs: Path) -> None:
    found = diff(runs / "user", runs / "both")
    assert (found.table.height, found.unchanged) == (0, 8)
    assert moved(runs, "both", "later-user")[:2] == [
        ("a", "user_centric", "EUR", 375, 813),
        ("b", "user_centric", "EUR", 625, 187),
    ]


def test_where_another_rule_was_paid_what_was_counted_is_compared(runs: Path) -> None:
    fairpay.compare(runs / "later.csv", rules=["equal-split", "user-centric"], pool="10.00", output=runs / "others")
    assert [figure for _, figure, *_ in moved(runs, "market", "others")] == ["plays", "listeners", "seconds"]


def test_differences_are_ranked_in_major_units_whatever_their_digits() -> None:
    rows = [
        ("p", "JPY", 0, "payable", 0, 200),
        ("q", "EUR", 2, "payable", 0, 9_000),
        ("r", "KWD", 3, "payable", 0, 500),
    ]
    frame = pl.DataFrame(rows, schema=["payee", "currency", "scale", "figure", "before", "after"], orient="row")
    texts = [pl.col(name).cast(pl.Categorical) for name in ("payee", "currency", "figure")]
    units = [pl.col(name).cast(pl.Int128) for name in ("before", "after")]
    assert ranked(frame.with_columns(*texts, *units))["payee"].to_list() == ["p", "q", "r"]


def test_rules_and_options_are_told_in_words_and_where_a_run_lies_is_no_change(
    runs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff", str(runs / "market"), str(runs / "both")]) == 0
    said = capsys.readouterr().out
    assert "rule: market-centric -> market-centric, user-centric" in said
    assert "output" not in said
    assert "[" not in said


def test_a_pool_of_the_books_is_told_in_its_currency() -> None:
    pool = {"name": "us", "rule": "user-centric", "base": 2000, "topup": 400, "scale": 2, "currency": "USD"}
    assert pools({"books": {"facts": {"pools": [pool]}}}) == {"us": "user-centric, 24.00 USD"}


def test_a_summary_that_cannot_be_read_is_a_sentence(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (runs / "both" / "summary.json").write_text("{")
    assert main(["diff", str(runs / "user"), str(runs / "both")]) == 3
    assert "both cannot be read" in capsys.readouterr().err
