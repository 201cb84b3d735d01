"""`fairpay suspects`, and `--decisions` on the command line."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import pytest

from fairpay.cli import main
from fairpay.fraud.signals import artist_signals, group_signals, user_signals

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "user,artist,track,time,ms\n"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a month of twenty people and one who loops an album of silence every night."""
    path = tmp_path_factory.mktemp("log") / "listens.csv"
    people = [
        f"p{k % 20:02},artist {k * k % 37},t{k % 300},2026-10-{k % 31 + 1:02}T{k % 12 + 9:02}:{k % 60:02}Z,{90_000 + k}"
        for k in range(4000)
    ]
    loops = [
        f"looper,Silence,s{k % 10},2026-10-{day:02}T0{k // 75}:{k * 48 // 60 % 60:02}Z,{31_000 + k % 10}"
        for day in range(1, 32)
        for k in range(300)
    ]
    path.write_text(HEAD + "\n".join(people + loops) + "\n")
    return path


def test_the_page_names_whom_to_look_at_and_what_they_move(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suspects", str(log), "--fee", "9.99"]) == 0
    out, err = capsys.readouterr()
    line = next(line for line in out.splitlines() if "looper" in line)
    assert "9.99" in line
    assert "with no more than 10 lengths" in " ".join(out.split())
    assert "A finding is a reason to look, not a verdict." in " ".join(out.split())
    assert "Not checked: jump" in out
    assert "Nothing was written" in err


def test_json_is_the_summary_and_names_nobody(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suspects", str(log), "--fee", "9.99", "--json"]) == 0
    out, err = capsys.readouterr()
    summary = json.loads(out)
    assert summary["findings"] == {"group": 0, "user": 1, "artist": 1}
    assert "looper" not in out
    assert err == ""


def test_where_nothing_is_found_the_nearest_and_their_levels_are_shown(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tame = tmp_path / "tame.csv"
    lines = log.read_text().splitlines(keepends=True)
    lines += [f"p{k:02},Silence,s1,2026-10-0{day}T12:00Z,61000\n" for k in range(20) for day in range(1, 9)]
    tame.write_text("".join(line.replace(",31", ",61") for line in lines if "looper" not in line or "T00:" in line))
    assert main(["suspects", str(tame), "--fee", "9.99"]) == 0
    page = " ".join(capsys.readouterr().out.split())
    assert "No account and no artist is worth a look by these signals. These come nearest:" in page
    assert "plays each track 232 times (from 60 with a second reason); plays 75 times a day (from " in page
    assert main(["suspects", str(tame), "--fee", "9.99", "--json"]) == 0
    nearest = json.loads(capsys.readouterr().out)["nearest"]
    assert len(nearest) == 5
    looper = next(one for one in nearest if one["kind"] == "user")
    assert looper["artist"] is None
    assert [(m["signal"], m["alone"]) for m in looper["missed"]] == [("plays_per_track", False), ("plays_a_day", False)]


def test_a_review_filled_in_goes_into_pay(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suspects", str(log), "--fee", "9.99", "-o", str(tmp_path / "out"), "--quiet"]) == 0
    with (tmp_path / "out" / "review.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    with (tmp_path / "decided.csv").open("w", newline="", encoding="utf-8-sig") as file:
        writer = csv.DictWriter(file, list(rows[0]), delimiter=";")
        writer.writeheader()
        writer.writerows([{**row, "decision": "hold" if row["kind"] == "user" else "keep", "by": "me"} for row in rows])
    options = ["--fee", "9.99", "--rule", "user-centric", "--decisions", str(tmp_path / "decided.csv")]
    assert main(["pay", str(log), *options, "-o", str(tmp_path / "paid"), "--quiet"]) == 0
    with (tmp_path / "paid" / "payouts.csv").open(newline="") as file:
        held = [row["payout"] for row in csv.DictReader(file) if row["artist"].startswith("held:")]
    assert held == ["9.99"]
    manifest = json.loads((tmp_path / "paid" / "manifest.json").read_text())
    assert [one["decision"] for one in manifest["decisions"]].count("hold") == 1
    assert "decided.csv" in {record["name"].rsplit("/", 1)[-1] for record in manifest["inputs"]}
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("decision", ["", "perhaps"])
def test_a_review_left_blank_or_unclear_is_status_3(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], decision: str
) -> None:
    (tmp_path / "decided.csv").write_text(f"kind,subject,decision\nuser,looper,{decision}\n")
    assert main(["compare", str(log), "--fee", "9.99", "--decisions", str(tmp_path / "decided.csv")]) == 3
    assert "first at row 1" in capsys.readouterr().err


def test_a_decision_about_nobody_is_status_3(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "decided.csv").write_text("kind,subject,decision\nuser,ghost,exclude\n")
    assert main(["compare", str(log), "--fee", "9.99", "--decisions", str(tmp_path / "decided.csv")]) == 3
    assert "ghost" not in capsys.readouterr().err


def test_the_month_before_shows_who_jumped(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = tmp_path / "before.csv"
    before.write_text("".join(line for line in log.read_text().splitlines(keepends=True) if "looper" not in line))
    assert main(["suspects", str(log), "--fee", "9.99", "--previous", str(before)]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "9,300.0 times as much as the month before" in out
    assert "Not checked: jump" not in out


def test_every_signal_is_listed_with_its_innocent_explanation(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["suspects", "--signals"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    for signal in (*user_signals(), *artist_signals(), *group_signals()):
        assert f" {signal.name}: {signal.summary()} may be innocent: {signal.innocent} source:" in out
