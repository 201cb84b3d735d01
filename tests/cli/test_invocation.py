from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fairpay.cli import main
from fairpay.settings.option import defaults
from fairpay.settings.options import CompareOptions

DEFAULTS = defaults(CompareOptions)

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Door


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A config file that sets one thing of each kind."""
    path = tmp_path / "fairpay.toml"
    path.write_text(
        'royalty-rate = "70%"\nmin-seconds = 45\nthreads = 3\nno-header = true\nfee = 9.990\nfrom = 2026-10-01\n'
        'columns = { user = "u", artist = "Artist, name" }\nrule = ["user-centric", "market-centric"]\n'
        '[pay]\nrule = ["user-centric"]\ncurrency = "JPY"\n'
    )
    return path


def test_without_options_the_door_gets_its_own_defaults(door: Door) -> None:
    assert main(["compare", "a.csv", "b.csv"]) == 0
    assert door.asked["logs"] == ["a.csv", "b.csv"]
    told = {"say", "progress", "origins"}
    assert {k: v for k, v in DEFAULTS.items() if k not in told} == {k: door.asked[k] for k in DEFAULTS if k not in told}


def test_every_option_of_the_door_can_be_set(door: Door) -> None:
    given = "--columns user=1,artist=2,ms=3 --format csv --separator \\t --no-quote --no-header --user-from-file"
    given += " --rejects r.csv --min-seconds 10 --from 2026-10-01 --to 2026-10-31 --measure plays --fee 9.99"
    given += " --royalty-rate 70% --currency JPY --inactive hold --unlisted refuse --artists n.csv --memory 2GB"
    given += " --threads 2 --batch-rows 1000 --temp-dir t -o out --force"
    assert main(["compare", "a", *given.split()]) == 0
    expected = {
        "columns": {"user": "1", "artist": "2", "ms": "3"},
        "format": "csv",
        "separator": "\t",
        "quote": False,
        "header": False,
        "user_from_file": True,
        "rejects": "r.csv",
        "min_seconds": "10",
        "since": "2026-10-01",
        "until": "2026-10-31",
        "measure": "plays",
        "pool": None,
        "fee": "9.99",
        "subscribers": None,
        "royalty_rate": "70%",
        "currency": "JPY",
        "inactive": "hold",
        "unlisted": "refuse",
        "artists": "n.csv",
        "memory": "2GB",
        "threads": 2,
        "batch_rows": 1000,
        "temp_dir": "t",
        "output": "out",
        "force": True,
    }
    assert {name: door.asked[name] for name in expected} == expected
    assert set(DEFAULTS) <= set(door.asked)


def test_a_flag_beats_a_variable_which_beats_the_config_file_which_beats_the_default(
    door: Door, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRPAY_MIN_SECONDS", "50")
    monkeypatch.setenv("FAIRPAY_THREADS", "4")
    assert main(["compare", "a", "--config", str(config), "--threads", "5"]) == 0
    origins = door.asked["origins"]
    assert origins["threads"] == (5, "flag")
    assert origins["min_seconds"] == ("50", "variable FAIRPAY_MIN_SECONDS")
    assert origins["royalty_rate"] == ("70%", "config")
    assert origins["currency"] == ("EUR", "default")
    assert door.asked["threads"] == 5
    assert door.asked["min_seconds"] == "50"


def test_a_config_file_sets_flags_tables_dates_and_amounts_as_they_were_written(door: Door, config: Path) -> None:
    assert main(["compare", "a", "--config", str(config)]) == 0
    assert door.asked["header"] is False
    assert door.asked["fee"] == "9.990"
    assert door.asked["since"] == "2026-10-01"
    assert door.asked["columns"] == {"user": "u", "artist": "Artist, name"}
    assert door.asked["rules"] == ["user-centric", "market-centric"]


def test_the_table_of_a_command_beats_the_top_of_the_file(door: Door, config: Path) -> None:
    assert main(["pay", "a", "--config", str(config)]) == 0
    assert door.asked["rule"] == "user-centric"
    assert door.asked["currency"] == "JPY"
    assert door.asked["min_seconds"] == "45"


def test_the_config_file_may_be_named_by_a_variable(door: Door, config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIRPAY_CONFIG", str(config))
    assert main(["compare", "a"]) == 0
    assert door.asked["royalty_rate"] == "70%"


def test_an_unknown_key_is_refused_with_what_is_allowed(
    door: Door, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("minimum = 3\nroyalty_rate = 1\n[pay]\nposse = 1\n")
    assert main(["compare", "a", "--config", str(config)]) == 2
    words = capsys.readouterr().err
    assert "unknown keys minimum, royalty_rate" in words
    assert "min-seconds" in words
    assert door.asked == {}


def test_an_unknown_key_in_the_table_of_another_command_is_refused_too(
    door: Door, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("[pay]\nposse = 1\n")
    assert main(["compare", "a", "--config", str(config)]) == 2
    assert "posse" in capsys.readouterr().err
    assert door.asked == {}


def test_a_config_file_that_is_not_toml_or_not_there_is_an_unusable_input(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config.write_text("fee = = 1")
    assert main(["compare", "a", "--config", str(config)]) == 3
    assert main(["compare", "a", "--config", str(config) + "x"]) == 3
    assert "No such file" in capsys.readouterr().err


def test_money_stated_twice_in_one_place_is_refused(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "a", "--fee", "1", "--pool", "2"]) == 2
    assert "--pool and --fee" in capsys.readouterr().err
    assert door.asked == {}


def test_money_on_the_command_line_replaces_money_in_the_config_file(door: Door, config: Path) -> None:
    assert main(["compare", "a", "--config", str(config), "--pool", "100.00"]) == 0
    assert (door.asked["pool"], door.asked["fee"]) == ("100.00", None)
    assert door.asked["origins"]["fee"] == (None, "default")


@pytest.mark.parametrize("columns", ["user", "listener=1", "user=1,user=2", "user=", "user=1,,artist=2"])
def test_columns_that_say_nothing_are_refused_with_the_roles(
    columns: str, door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "a", "--columns", columns]) == 2
    assert "roles are user, artist" in capsys.readouterr().err
    assert door.asked == {}


def test_a_column_may_hold_an_equals_sign_or_a_quoted_comma(door: Door) -> None:
    assert main(["compare", "a", "--columns", 'user=a=b,"artist=Name, first"']) == 0
    assert door.asked["columns"] == {"user": "a=b", "artist": "Name, first"}


def test_pay_wants_one_rule(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["pay", "a", "--fee", "1", "--rule", "a", "--rule", "b"]) == 2
    assert "one --rule" in capsys.readouterr().err
    assert door.asked == {}
