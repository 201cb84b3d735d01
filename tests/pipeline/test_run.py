"""A run opens its logs once, and reads them as seldom as can be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import fairpay
from fairpay.logs import read
from fairpay.pipeline import repeats

if TYPE_CHECKING:
    from pathlib import Path

LOG = "user,artist,track,seconds\nu1,a,t1,40\nu2,a,t1,40\nu2,b,t2,40\nu3,b,t2,31\nu3,a,t1,35\n"
POLICY = """title = "t"
source = "s"
rule = "user-centric"
[[thresholds]]
name = "two streams"
streams = 2
[[thresholds]]
name = "three streams"
streams = 3
"""


@pytest.fixture
def month(tmp_path: Path) -> dict[str, Any]:
    """A log, a policy of two thresholds, and a decision."""
    texts = {"log.csv": LOG, "policy.toml": POLICY, "decisions.csv": "kind,subject,decision,by\nuser,u3,hold,Ann\n"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return {"logs": str(tmp_path / "log.csv"), "policy": str(tmp_path / "policy.toml"), "folder": tmp_path}


def counting(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> list[str]:
    """Count the calls of something."""
    calls: list[str] = []
    before = getattr(owner, name)

    def called(*args: object, **more: object) -> object:
        calls.append(name)
        return before(*args, **more)

    monkeypatch.setattr(owner, name, called)
    return calls


def test_logs_are_opened_once_whatever_is_asked(month: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    opened = counting(monkeypatch, repeats, "open_logs")
    fairpay.pay(
        month["logs"],
        fee="10",
        policy=month["policy"],
        decisions=str(month["folder"] / "decisions.csv"),
        repeats="drop",
        output=str(month["folder"] / "out"),
    )
    assert len(opened) == 1


def test_what_decisions_come_to_costs_no_further_reading(
    month: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = counting(monkeypatch, read.Logs, "units")
    fairpay.compare(month["logs"], fee="10", decisions=str(month["folder"] / "decisions.csv"))
    assert len(readings) == 1


def test_what_thresholds_move_costs_one_reading_that_counts_streams(
    month: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    readings = counting(monkeypatch, read.Logs, "units")
    result = fairpay.pay(month["logs"], pool="90", policy=month["policy"])
    assert len(readings) == 2
    assert [line.moved for line in result.outcome.conditions] == [(0,), (2909,)]
