from __future__ import annotations

import contextlib
import io
import subprocess
import sys

import pytest

from fairpay import __version__
from fairpay.cli import main
from fairpay.settings.commands import COMMANDS
from fairpay.settings.options import ROLES

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


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    """The help page of each command, and of the program."""
    found = {}
    for name in ("", *COMMANDS):
        with contextlib.redirect_stdout(io.StringIO()) as page:
            assert main([*name.split(), "--help"]) == 0
        found[name] = page.getvalue()
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name: str, pages: dict[str, str]) -> None:
    page = pages[name]
    assert f"fairpay {name}" in page
    assert max(map(len, page.splitlines())) <= 80


def test_options_stand_in_panels(pages: dict[str, str]) -> None:
    page = pages["compare"]
    heads = ["Money", "Which listens count", "How to read the log", "Results", "The run (changes no result)"]
    places = [page.index(f" {head} ") for head in heads]
    assert places == sorted(places)


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_a_flag_has_no_value_and_a_list_says_that_it_repeats(name: str, pages: dict[str, str]) -> None:
    page = " ".join(pages[name].replace("\u2502", " ").split())
    assert "bool" not in page
    listed = [one for one in COMMANDS[name].declared.values() if one.repeated and one.listed] if name else []
    assert page.count("May be given several times.") == len(listed)


def test_a_shell_completes_commands_and_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_FAIRPAY_COMPLETE", "complete_bash")
    for words, place, found in (("fairpay com", "1", "compare"), ("fairpay compare --roy", "2", "--royalty-rate")):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", place)
        with pytest.raises(SystemExit, match="0"):
            main([])
        assert capsys.readouterr().out.split() == [found]


def test_every_role_of_a_column_is_named_where_columns_are(pages: dict[str, str]) -> None:
    words = " ".join(pages["pay"].replace("\u2502", " ").split())
    assert ", ".join(ROLES[:-1]) in words
