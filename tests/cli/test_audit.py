"""`fairpay audit` from the command line to the published run, on the real engine."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fairpay import api
from fairpay.cli import main
from fairpay.errors import UsageError
from fairpay.fraud.audit.scenario import scenario_names, scenario_text

MONEY = ["--fee", "9.99", "--royalty-rate", "70%"]


@pytest.fixture
def log(tmp_path: Path) -> str:
    """Write a log of 12 listeners, the heaviest with 240 plays."""
    path = tmp_path / "log.csv"
    lines = [f"u{i},a{j},{(i + 1) * 20 // (j + 1)}" for i in range(12) for j in range(i % 3 + 1)]
    path.write_text("user,artist,plays\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def test_the_page_answers_first(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Rules by what comes back, worst first."""
    assert main(["audit", log, *MONEY]) == 0
    page = capsys.readouterr().out
    assert page.index("market-centric") < page.index("user-centric")
    assert "catalogue-flood" in page


def test_json_is_the_door_s_summary(log: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The same object from both doors."""
    assert main(["audit", log, *MONEY, "--json", "--scenario", "one-superfan", "--rule", "user-centric"]) == 0
    said = json.loads(capsys.readouterr().out)
    options = {"fee": "9.99", "royalty_rate": "70%"}
    assert said == api.audit(log, rules=["user-centric"], scenarios=["one-superfan"], **options).summary


def test_a_published_audit_verifies_and_is_done_once(log: str, tmp_path: Path) -> None:
    """Summary, table and manifest; the same call again finds it done; a changed scenario file is another run."""
    mine, out = tmp_path / "mine.toml", str(tmp_path / "out")
    mine.write_text(scenario_text("one-account"), encoding="utf-8")
    call = ["audit", log, *MONEY, "--quiet", "-o", out, "--scenario", str(mine)]
    assert main(call) == 0
    assert sorted(path.name for path in Path(out).iterdir()) == [
        "audit.csv", "audit.parquet", "manifest.json", "summary.json",
    ]  # fmt: skip
    assert json.loads((Path(out) / "summary.json").read_text())["rules"][0]["scenarios"]
    assert main(["verify", out, "--quiet"]) == 0
    assert main(call) == 0
    mine.write_text(scenario_text("one-account").replace("artists = 1", "artists = 2"), encoding="utf-8")
    assert main(call) == 7


def test_the_manifest_says_which_scenarios(log: str, tmp_path: Path) -> None:
    """With where they came from."""
    out = tmp_path / "out"
    assert main(["audit", log, *MONEY, "--quiet", "-o", str(out)]) == 0
    options = json.loads((out / "manifest.json").read_text())["options"]
    assert options["scenario"] == {"value": ["one-account", "catalogue-flood"], "origin": "default"}
    assert "show_scenario" not in options


def test_scenarios_are_listed_and_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a log; what is shown is the file."""
    assert main(["audit", "--scenarios"]) == 0
    listed = capsys.readouterr().out
    assert [line.split()[0] for line in listed.splitlines()] == scenario_names()
    assert main(["audit", "--show-scenario", "smith-2024"]) == 0
    assert capsys.readouterr().out == scenario_text("smith-2024")


@pytest.mark.parametrize(
    ("more", "status", "said"),
    [
        (["--scenario", "smith"], 2, "there is no scenario 'smith'"),
        (["--scenario", "none.toml"], 3, "cannot be read"),
        (["--show-scenario", "smith"], 2, "there is no scenario"),
        (["--rule", "bounded:b=0.5"], 2, "below 7/10"),
        (["--rule", "nothing"], 2, "there is no rule"),
        (["--rule", "user-centrik"], 2, "Did you mean user-centric?"),
        (["--to", "1990-01-01", "--from", "2000-01-01"], 2, "before it begins"),
    ],
)
def test_what_is_wrong_is_said(
    more: list[str], status: int, said: str, log: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a sentence, with its status, and no page."""
    assert main(["audit", log, *MONEY, *more]) == status
    captured = capsys.readouterr()
    assert said in captured.err
    assert not captured.out


def test_a_log_of_short_plays_has_nothing_to_audit(tmp_path: Path) -> None:
    """Status 5, as for paying."""
    empty = tmp_path / "empty.csv"
    empty.write_text("user,artist,seconds\nu,a,5\n", encoding="utf-8")
    assert main(["audit", str(empty), *MONEY]) == 5


def test_a_pool_alone_is_taken_for_all_fees_and_said(log: str) -> None:
    """Bounded cannot run without a rate and is named; the others can."""
    made = api.audit(log, pool="100", scenarios=["one-account"])
    assert any("Only a pool is stated" in note for note in made.findings.notes)
    assert any(note.startswith("bounded is left out") for note in made.findings.notes)
    per_fee = {r.rule.name: round(float(r.findings[0].per_fee), 3) for r in made.findings.rules}
    assert per_fee["user-centric"] == 1


def test_threads_and_order_change_nothing(log: str, tmp_path: Path) -> None:
    """The same summary from the lines in reverse and on one thread."""
    head, *lines = Path(log).read_text(encoding="utf-8").splitlines()
    turned = tmp_path / "turned.csv"
    turned.write_text("\n".join([head, *reversed(lines)]) + "\n", encoding="utf-8")
    options = {"fee": "9.99", "royalty_rate": "70%", "scenarios": ["one-account", "account-takeover", "ai-flood"]}
    assert api.audit(log, **options).summary == api.audit(turned, threads=1, batch_rows=5, **options).summary


@pytest.mark.parametrize("option", ["policy", "history", "wishes", "delegations", "decisions"])
def test_what_changes_listening_before_the_rule_is_refused(option: str, log: str) -> None:
    """The accounts' plays would not pass through it; the command line does not have these options."""
    with pytest.raises(UsageError, match=f"audit does not take {option}"):
        api.audit(log, fee="9.99", **{option: "spotify-2024"})
