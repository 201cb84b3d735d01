from __future__ import annotations

import subprocess
import sys

import pytest

from fairpay import __version__
from fairpay.cli import main
from fairpay.settings.commands import COMMANDS

HEAVY = {"numba", "polars", "pyarrow", "numpy", "rich.console"}


def loaded_by(*calls: list[str]) -> set[str]:
    """Run fairpay in a process of its own, once for each list of words, and return which heavy packages it imported."""
    script = (
        f"import sys\nfrom fairpay.cli import main\nfor words in {calls}:\n    assert main(words) == 0, words\n"
        f"print('LOADED', *sorted(set(sys.modules) & {HEAVY}))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split()[1:])


def test_no_help_page_loads_anything_heavy() -> None:
    assert loaded_by(["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)) <= {"rich.console"}


def test_the_list_of_rules_loads_neither_numba_nor_polars_nor_pyarrow() -> None:
    assert not loaded_by(["rules"]) & {"numba", "polars", "pyarrow"}


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"fairpay {__version__}\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    page = capsys.readouterr().out
    assert f"fairpay {name}" in page
    assert max(map(len, page.splitlines())) <= 80


def test_options_stand_in_panels(capsys: pytest.CaptureFixture[str]) -> None:
    main(["compare", "--help"])
    page = capsys.readouterr().out
    heads = ["Money", "Which listens count", "How to read the log", "Results", "The run (changes no result)"]
    places = [page.index(f" {head} ") for head in heads]
    assert places == sorted(places)
