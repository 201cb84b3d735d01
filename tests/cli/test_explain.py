"""`fairpay explain` on screen and as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from fairpay.cli import main

if TYPE_CHECKING:
    from pathlib import Path

LOG = "user,artist,seconds\nu1,A,60\nu1,A,60\nu1,B,60\nu2,B,90\nu2,C,31\nu3,C,4000\nu3,B,29\n"
POLICY = """title = "t"
source = "s"
rule = "market-centric"
[[thresholds]]
name = "enough"
streams = 3
"""


@pytest.fixture
def log(tmp_path: Path) -> str:
    """A log of three users and three artists, with names and labels beside it."""
    (tmp_path / "artists.csv").write_text("artist,name,label\nA,Nils Frahm,Erased\nB,\u202eEvil\nC,Sleepify,Own\n")
    (tmp_path / "own.toml").write_text(POLICY)
    (tmp_path / "log.csv").write_text(LOG)
    return str(tmp_path / "log.csv")


def page(capsys: pytest.CaptureFixture[str], log: str, *options: str) -> list[str]:
    """Print the page, and return its lines."""
    names = log.replace("log.csv", "artists.csv")
    assert main(["explain", log, "--artists", names, "--fee", "10.00", *options]) == 0
    return capsys.readouterr().out.splitlines()


def test_the_page_answers_with_the_factors_beside_the_amounts(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A: 120 of 4,301 s by 1 of 3 listeners, who gives it 2/3 of 10.00; 20/3 over 30 x 120/4301 is 7.965.

    One more like u1: 40 x 240/4481 less 30 x 120/4301, and 2/3 of 10.00. 100 plays of 60 s more: 30 x 6120/10301 less
    what it is paid, and 10 x 6120/6180 less 20/3.
    """
    told = page(capsys, log, "--artist", "Nils Frahm", "--rule", "market-centric", "--rule", "user-centric", "--k", "1")
    assert told == [
        "Nils Frahm (A) · EUR",
        "",
        "  Pool        30.00   10.00 from 3 subscribers",
        "  Listening   6 plays · 1 h · 3 users · 3 artists",
        "  Left out    1 row, under the qualifying length",
        "  Artist      2 plays · 2 min · 1 listener · 2.8 % of all listening",
        "",
        "  Market-centric pays 0.84 EUR, user-centric 6.67: 5.83 more (+694.0 %).",
        "",
        "  What each rule pays, EUR:",
        "",
        "  Rule             Paid  Of the pool  Per play  Per hour  Of the mean",
        "  market-centric   0.84        2.8 %  0.420000   25.2000       1.004x",
        "  user-centric     6.67       22.2 %  3.335000  200.1000       7.969x",
        "  mean of all     30.00      100.0 %  5.000000   25.1104",
        "",
        "  What user-centric pays against market-centric, as a product of three:",
        "",
        "  Factor       Value  Meaning",
        "  Reach        11.95  33.3 % of all listeners over 2.8 % of all listening",
        "  Share     x 0.6667  the mean share of their listening its listeners give it",
        "  Fees       x 1.000  what they pay against the mean fee",
        "  Together   = 7.965  what user-centric pays for each 1.00 of market-centric",
        "",
        "  What more would bring, the month divided again with it, EUR:",
        "",
        "  Rule            One more listener  100 more plays",
        "  market-centric             1.3054         16.9865",
        "  user-centric               6.6667          3.2362",
        "",
        "  One more listener: like its present ones on average, with 3 plays, 2 of it,",
        "  who pays 10.00; the pool grows with the fee. 100 more plays: by its only",
        "  listener, and the pool stays.",
        "",
        "  Its listeners among all, by how much they listen:",
        "",
        "  Tenth                  From  Its listeners   Of its  All listeners  Of all",
        "  lightest to heaviest  0 min              1  100.0 %              3  33.3 %",
    ]


def test_a_missed_threshold_is_the_answer(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = page(capsys, log, "--artist", "A", "--policy", log.replace("log.csv", "own.toml"), "--min-seconds", "0")
    assert told[-5:] == [
        "  Paid nothing: no play counts.",
        "",
        "  enough (threshold): missed: 2 streams of 3, 1 too few.",
        "",
        "  enough: 4 plays earn nothing, their money stays in the pool.",
    ]


def test_without_both_rules_the_answer_is_what_the_first_pays(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    told = page(capsys, log, "--label", "Own", "--rule", "equal-split")
    assert "  equal-split pays 15.00 EUR, 50.0 % of the pool." in told
    assert told[0] == "label Own · EUR"


def test_the_other_run_stands_below(log: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pay", log, "--fee", "5.00", "--rule", "user-centric", "-o", str(tmp_path / "run"), "--quiet"]) == 0
    told = page(capsys, log, "--artist", "A", "--against", str(tmp_path / "run"))
    assert told[-1].split() == ["user-centric", "3.33", "6.67", "+3.34", "+100.3", "%"]


def test_nothing_is_wider_than_80_columns(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    for who in (("--artist", "A"), ("--label", "Own"), ("--artist", "B")):
        assert max(map(len, page(capsys, log, *who, "--k", "1"))) <= 80


def test_a_name_cannot_turn_the_page_around(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert page(capsys, log, "--artist", "B")[0] == r"\u202eEvil (B) · EUR"


def test_json_is_one_object(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads("\n".join(page(capsys, log, "--artist", "A", "--json")))
    assert found["subject"]["artists"] == ["A"]


def test_who_is_unknown_is_a_mistake_of_use(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", log, "--artist", "X"]) == 2
    assert "there is no artist 'X' in the log" in capsys.readouterr().err
