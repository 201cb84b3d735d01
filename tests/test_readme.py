"""The README is true: its commands run, its screen is what is printed, its tables are those of the code."""

from __future__ import annotations

import contextlib
import io
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fairpay import errors
from fairpay.cli import main
from fairpay.rules import rule_classes

if TYPE_CHECKING:
    from collections.abc import Iterator

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
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Go to a folder with the sample data in it, as in a fresh clone."""
    folder = tmp_path_factory.mktemp("clone")
    shutil.copytree(ROOT / "sample_data", folder / "sample_data")
    with contextlib.chdir(folder):
        yield folder


@pytest.fixture(scope="module")
def typed(place: Path) -> dict[str, tuple[int, str]]:  # noqa: ARG001 - it is gone to
    """Each command to type with its status and what it prints, in the order of the page."""
    return {line: run(line) for block in blocks("sh") for line in block.splitlines() if line.startswith("fairpay ")}


def run(line: str) -> tuple[int, str]:
    """Run a command here, and return its status and what it prints."""
    printed = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with contextlib.redirect_stdout(printed):
        status = main(shlex.split(line)[1:])
    return status, printed.buffer.getvalue().decode()  # type: ignore[attr-defined] # of BytesIO


def test_the_commands_to_type_run(typed: dict[str, tuple[int, str]]) -> None:
    assert len(typed) >= 7
    assert [line for line, (status, _) in typed.items() if status] == []


@pytest.mark.usefixtures("place")
def test_the_python_example_runs() -> None:
    (example,) = blocks("python")
    Path("example.py").write_text(example, encoding="utf-8")
    assert runpy.run_path("example.py")["result"]


@pytest.mark.usefixtures("place")
def test_the_screen_is_what_make_demo_prints() -> None:
    command, printed = re.match(r"```console\n\$ ((?:.*\\\n)*.*)\n((?:.*\n)*?)```", between("screen")).groups()  # type: ignore[union-attr]
    assert run(command.replace("\\\n", " "))[1].strip() == printed.strip()


def test_what_a_sweep_teaches_is_what_it_says(typed: dict[str, tuple[int, str]]) -> None:
    (page,) = [printed for line, (_, printed) in typed.items() if line.startswith("fairpay sweep")]
    told = re.findall(r"^> (.+)$", between("lessons"), re.MULTILINE)
    assert page.split("\n\n")[2].split() == " ".join(told).split()


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


def test_every_command_is_described() -> None:
    page = subprocess.run([FAIRPAY, "--help"], capture_output=True, text=True, check=True).stdout
    listed = re.findall(r"^│ ([a-z]+)  ", page, re.MULTILINE)
    named = re.findall(r"^\| `fairpay ([a-z]+)", README, re.MULTILINE)
    assert sorted(set(named)) == sorted(set(listed) - {""})
