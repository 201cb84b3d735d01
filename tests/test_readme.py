"""The README is true: its commands run, its screen is what is printed, its tables are those of the code."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fairpay import errors
from fairpay.cli import main
from fairpay.rules import rule_classes

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
FAIRPAY = Path(sys.executable).parent / "fairpay"


def blocks(language: str) -> list[str]:
    """Return the fenced blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def between(mark: str) -> str:
    """Return what stands between a pair of marks."""
    found = re.search(rf"<!-- {mark} -->\n(.*?)<!-- /{mark} -->", README, re.DOTALL)
    assert found
    return found[1]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample data in it, as in a fresh clone."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    return folder


def run(command: list[str], place: Path) -> subprocess.CompletedProcess[str]:
    """Run one command there."""
    return subprocess.run(command, cwd=place, capture_output=True, text=True, check=False, timeout=300)


def test_the_commands_to_type_run(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    lines = [shlex.split(line) for block in blocks("sh") for line in block.splitlines() if line.startswith("fairpay ")]
    assert len(lines) >= 7
    for command in lines:
        assert main(command[1:]) == 0, (command, capsys.readouterr().err)


def test_the_python_example_runs(place: Path) -> None:
    (example,) = blocks("python")
    done = run([sys.executable, "-c", example], place)
    assert done.returncode == 0, done.stderr


def test_the_screen_is_what_make_demo_prints(place: Path) -> None:
    typed, printed = re.match(r"```console\n\$ ((?:.*\\\n)*.*)\n((?:.*\n)*?)```", between("screen")).groups()  # type: ignore[union-attr]
    done = run([str(FAIRPAY), *shlex.split(typed.replace("\\\n", " "))[1:]], place)
    assert done.stdout.strip() == printed.strip()


def test_what_a_sweep_teaches_is_what_it_says(place: Path) -> None:
    (typed,) = [line for block in blocks("sh") for line in block.splitlines() if line.startswith("fairpay sweep")]
    done = run([str(FAIRPAY), *shlex.split(typed)[1:], "--json"], place)
    told = [f"{one['sentence']}." for one in json.loads(done.stdout)["lessons"]]
    assert told == re.findall(r"^> (.+)$", between("lessons"), re.MULTILINE)


def test_every_rule_is_described() -> None:
    named = re.findall(r"^\| `([a-z-]+)` \|", between("rules"), re.MULTILINE)
    assert sorted(named) == sorted(set(rule_classes()) - {"market-centric", "user-centric"})


def test_every_exit_status_is_described() -> None:
    statuses = {error.status for error in vars(errors).values() if isinstance(error, type) and hasattr(error, "status")}
    table = re.search(r"### Exit statuses\n\n(.*?)\n\n", README, re.DOTALL)
    assert table
    named = {
        int(number) for number in re.findall(r"\d+", "".join(re.findall(r"^\|([ \d,]+)\|", table[1], re.MULTILINE)))
    }
    assert named == statuses | {0, 1, 129, 130, 143}


def test_every_command_is_described(place: Path) -> None:
    listed = re.findall(r"^│ ([a-z]+)  ", run([str(FAIRPAY), "--help"], place).stdout, re.MULTILINE)
    named = re.findall(r"^\| `fairpay ([a-z]+)", README, re.MULTILINE)
    assert sorted(set(named)) == sorted(set(listed) - {""})
