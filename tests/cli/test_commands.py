"""The commands on a real log, through everything behind them."""

from __future__ import annotations

import csv
import json
import os
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest

from fairpay.cli import main, warm
from fairpay.kernels._jit import cache_folder

if TYPE_CHECKING:
    from pathlib import Path

LOG = "user,artist,seconds\nu1,A,60\nu1,A,60\nu1,B,60\nu2,B,90\nu2,=1+1,31\nu3,=1+1,4000\nu3,B,29\n"


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a folder with a log of three users and three artists, with one short listen."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "listens.csv"
    path.write_text(LOG)
    return path


def test_compare_pays_what_fractions_say(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(log), "--pool", "100.00", "-o", str(tmp_path / "out")]) == 0
    with (tmp_path / "out" / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["artist"], r["market_centric"], r["user_centric"]) for r in rows] == [
        ("=1+1", "93.72", "41.87"),
        ("B", "3.49", "35.91"),
        ("A", "2.79", "22.22"),
    ]
    assert Fraction(rows[0]["user_centric_change_percent"]) == round(Fraction(4187 - 9372, 9372) * 100, 2)
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "market-centric -> user-centric · EUR"
    assert err.splitlines()[0] == "Columns: user = user, artist = artist, seconds = seconds (detected)"
    assert err.splitlines()[-1] == f"Written to {tmp_path / 'out'}"


def test_json_on_standard_output_is_the_summary_that_is_written(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(log), "--fee", "9.99", "-o", str(tmp_path / "out"), "--json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == json.loads((tmp_path / "out" / "summary.json").read_text())
    assert err == ""


def test_the_manifest_says_where_every_option_came_from(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fairpay.toml").write_text('royalty-rate = "70%"\n')
    monkeypatch.setenv("FAIRPAY_CURRENCY", "JPY")
    options = ["--config", str(tmp_path / "fairpay.toml"), "--fee", "999", "-o", str(tmp_path / "out"), "--quiet"]
    assert main(["pay", str(log), "--rule", "user-centric", *options]) == 0
    found = json.loads((tmp_path / "out" / "manifest.json").read_text())["options"]
    assert found["fee"] == {"value": "999", "origin": "flag"}
    assert found["currency"] == {"value": "JPY", "origin": "variable FAIRPAY_CURRENCY"}
    assert found["royalty_rate"] == {"value": "70%", "origin": "config"}
    assert found["min_seconds"] == {"value": "30", "origin": "default"}


def test_a_config_file_of_the_current_folder_is_found_and_said(
    log: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "fairpay.toml").write_text('royalty-rate = "70%"\n')
    assert main(["pay", str(log), "--rule", "user-centric", "--fee", "9", "-o", "out"]) == 0
    assert "Options that are not typed are those of fairpay.toml in this folder" in capsys.readouterr().err
    found = json.loads((tmp_path / "out" / "manifest.json").read_text())["options"]
    assert found["royalty_rate"] == {"value": "70%", "origin": "config fairpay.toml"}
    assert main(["compare", str(log), "--fee", "9", "--config", os.devnull]) == 0
    out, err = capsys.readouterr()
    assert "70 %" not in out
    assert "fairpay.toml" not in err


def test_the_same_run_again_is_done_already_and_another_is_status_7(
    log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["pay", str(log), "--rule", "user-centric", "-o", str(tmp_path / "out"), "--fee"]
    assert main([*words, "9.99"]) == 0
    assert main([*words, "9.99"]) == 0
    assert capsys.readouterr().err.splitlines()[-1] == f"Already done, verified: {tmp_path / 'out'}"
    assert main([*words, "9.98"]) == 7
    assert main([*words, "9.98", "--force"]) == 0
    assert main(["verify", str(tmp_path / "out")]) == 0


def test_a_quiet_run_prints_nothing_at_all(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["pay", str(log), "--rule", "user-centric", "--fee", "1", "-o", str(tmp_path / "out")]
    assert main([*words, "--quiet"]) == 0
    assert main(["verify", str(tmp_path / "out"), "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_a_changed_output_is_named_by_verify(log: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(log), "--pool", "100.00", "-o", str(tmp_path / "out"), "--quiet"]) == 0
    table = tmp_path / "out" / "comparison.csv"
    table.write_text(table.read_text().replace("93.72", "93.73"))
    log.unlink()
    assert main(["verify", str(tmp_path / "out"), "--no-inputs"]) == 8
    err = capsys.readouterr().err
    assert "comparison.csv" in err
    assert "Do not pay from it" in err


def test_check_says_what_became_of_every_row(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(log)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "  Left out    1 row, under the qualifying length" in lines
    assert "Every row is accounted for: 7 read = 6 used + 1 left out." in lines
    assert lines[-1] == "  A run would go through."
    assert main(["check", str(log), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["columns"] == {"user": "user", "artist": "artist", "seconds": "seconds"}
    assert found["listening"]["dropped"] == {"under the qualifying length": 1}


def test_check_says_what_would_stop_a_run_and_stops_only_when_strict(
    log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_text("user,artist,seconds\nu,A,60\nu,A,-3\n")
    assert main(["check", str(log)]) == 0
    assert "A run would stop with status 3: 1 of 2 rows cannot be used." in capsys.readouterr().out
    assert main(["check", str(log), "--json", "--strict"]) == 3
    found = json.loads(capsys.readouterr().out)
    assert found["run"]["status"] == 3
    assert found["bad_rows"] == [{"count": 1, "reason": "seconds is negative", "where": "first at row 2"}]


@pytest.mark.parametrize("command", [["compare"], ["pay", "--rule", "user-centric", "--fee", "1"]])
def test_a_bad_row_is_status_3_with_a_count_and_no_user_in_the_message(
    command: list[str], log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_text("user,artist,seconds\nsecretuser,A,60\nsecretuser,A,-3\n")
    assert main([*command, str(log)]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    assert "  1  seconds is negative" in err
    assert "secretuser" not in err


def test_pay_without_money_is_refused_in_the_words_of_the_manual(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pay", str(log), "--rule", "user-centric"]) == 2
    words = "fairpay: no money stated\nGive --pool AMOUNT, --fee AMOUNT or --subscribers FILE.\n"
    assert capsys.readouterr().err == words


def test_compare_without_money_assumes_a_fee_and_says_so(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", str(log)]) == 0
    assert "30.00   10.00 from 3 subscribers (assumed: no money was stated)" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["compare", "absent.csv"], 3),
        (["compare", "LOG", "--rule", "absent"], 2),
        (["compare", "LOG", "--rule", "norm:q=1"], 2),
        (["compare", "LOG", "--fee", "1e3"], 2),
        (["compare", "LOG", "--currency", "XAU"], 2),
        (["compare", "LOG", "--memory", "lots"], 2),
        (["compare", "LOG", "--from", "yesterday"], 2),
        (["compare", "LOG", "--threads", "0"], 2),
        (["compare", "LOG", "--min-seconds", "99999"], 5),
        (["compare", "LOG", "--artists", "absent.csv"], 3),
        (["compare", "LOG", "--subscribers", "absent.csv"], 3),
        (["compare", "LOG", "-o", "/dev/null/out"], 4),
        (["verify", "absent"], 3),
        (["synth", "month.txt"], 2),
        (["synth", "month.csv", "--rows", "0"], 2),
        (["synth", "month.csv", "--plant", "loops"], 2),
    ],
    ids=str,
)
def test_each_mistake_has_its_status_and_one_sentence(
    words: list[str], status: int, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(log) if word == "LOG" else word for word in words]) == status
    err = capsys.readouterr().err
    assert "fairpay: " in err
    assert "Traceback" not in err
    assert sorted(log.parent.iterdir()) == [log]


def test_synth_makes_a_month_that_compare_reads(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    month, paid, names = (str(tmp_path / name) for name in ("month.parquet", "paid.csv", "names.csv"))
    made = ["synth", month, "--rows", "3000", "--bots", "2:100", "--subscribers", paid, "--artist-file", names]
    assert main(made) == 0
    assert "Made " in capsys.readouterr().err
    assert main(["compare", month, "--subscribers", paid, "--artists", names, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["rules"][0]["paid"] == found["rules"][1]["paid"] == found["pool"]
    assert main(made) == 4


def test_warm_says_where_compiled_code_is_saved(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(warm, "ROWS", 6_000)
    monkeypatch.setattr(warm, "USERS", 200)
    monkeypatch.setattr(warm, "ARTISTS", 80)
    assert main(["warm"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    *compiled, last = err.splitlines()
    assert last == f"Compiled code saved in {cache_folder()}."
    assert all(line.startswith("Compiling: ") for line in compiled)


def test_a_rule_and_a_promise_are_not_explained_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rules", "mix", "--why", "core"]) == 2
    assert "--why core explains a promise, and mix is a rule" in capsys.readouterr().err


def test_an_empty_pool_is_said_to_be_empty(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pay", str(log), "--rule", "user-centric", "--pool", "0"]) == 0
    assert "artists are paid: there is no money in the pool" in " ".join(capsys.readouterr().out.split())
