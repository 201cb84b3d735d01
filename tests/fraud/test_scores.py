"""What `make bench-suspects` says of findings, on findings made by hand."""

from __future__ import annotations

import runpy
from pathlib import Path

import polars as pl
import pytest

BENCH = runpy.run_path(str(Path(__file__).parents[1] / "bench" / "suspects.py"))
TRUTH = pl.DataFrame({"user_id": list("abcdefghij"), "kind": ["solos"] * 4 + ["person"] * 5 + ["fan"]})
FOUND = pl.DataFrame(
    {
        "kind": ["group", "user", "user", "user", "user", "artist"],
        "subject": ["g", "a", "b", "e", "j", "x"],
        "group": ["g", "g", "g", "g", "", ""],
    }
)
"""A group of two fakes and a person, and a fan alone."""


@pytest.mark.parametrize(
    ("figure", "right"),
    [("decisions", 2), ("listed", 4), ("recall", 2 / 4), ("false_alarms", 2 / 6), ("fan", 1), ("person", 1)],
)
def test_a_figure_is_that_of_the_findings(figure: str, right: float) -> None:
    assert BENCH["score"](FOUND, TRUTH)[figure] == right


def test_a_group_is_one_decision_and_opens_all_its_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(BENCH["score"].__globals__, "BUDGET", 1)
    assert BENCH["score"](FOUND, TRUTH)["budget"] == 2 / 3
    assert BENCH["score"](FOUND, TRUTH)["opened"] == 2 / 4


def test_seeds_to_report_are_none_to_tune_on() -> None:
    assert not set(BENCH["TUNE_SEEDS"]) & set(BENCH["REPORT_SEEDS"])
