"""The program's own process: how it begins and ends, and what it reads of its words by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fairpay.cli import main
from fairpay.cli.values import PlainFirst

SAMPLE = Path(__file__).parents[2] / "sample_data" / "listens.csv"


def program(text: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a program that is given words."""
    return subprocess.run([sys.executable, "-c", text, *words], capture_output=True, text=True, check=False)


def test_whoever_asked_to_be_told_of_the_end_is_told_before_it() -> None:
    done = program(
        "import atexit, sys, threading, time\nfrom fairpay.cli import main\n"
        "atexit.register(lambda: print('told'))\n"
        "threading.Thread(target=lambda: (time.sleep(0.3), print('waited for'))).start()\n"
        "sys.exit(main())",
        "--version",
    )
    assert done.returncode == 0
    assert done.stdout.splitlines()[1:] == ["waited for", "told"]


def test_the_status_of_an_error_survives_the_quick_end() -> None:
    done = program("import sys\nfrom fairpay.cli import main\nsys.exit(main())", "compare", "nowhere.csv", "--fee", "1")
    assert done.returncode == 3
    assert "nowhere.csv" in done.stderr


def test_a_program_that_calls_main_with_words_goes_on_after_it() -> None:
    done = program("from fairpay.cli import main\nmain(['--version'])\nprint('on')")
    assert done.stdout.splitlines()[-1] == "on"


def test_a_profile_of_the_program_is_written_in_full() -> None:
    done = program(
        "import cProfile\nfrom fairpay.cli import main\nprofile = cProfile.Profile()\nprofile.enable()\nmain()\n"
        "profile.disable()\nprofile.print_stats()",
        "--version",
    )
    assert "function calls" in done.stdout


def test_a_run_does_not_load_pydantic_for_words_that_are_plain() -> None:
    done = program(
        "import sys\nfrom fairpay.cli import main\n"
        f"assert main(['compare', {str(SAMPLE)!r}, '--fee', '1', '--measure', 'time', '--quiet']) == 0\n"
        "print('pydantic' in sys.modules)"
    )
    assert done.stdout == "False\n", done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--measure", "tine"], "tine"),
        (["--threads", "many"], "--threads"),
        (["--progress", "PLAIN"], "PLAIN"),
    ],
)
def test_words_that_mean_nothing_are_still_refused_by_typer(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(SAMPLE), *words]) == 2
    assert said in capsys.readouterr().err


def test_typer_has_the_parts_that_plain_values_replace() -> None:
    """Where it has not, everything works, only slower; whoever raises its version shall know."""
    from typer._coercion import build_runtime_param  # noqa: PLC0415 - what is tested
    from typer.main import get_command  # noqa: PLC0415 - the same

    from fairpay.cli.app import app  # noqa: PLC0415 - the same

    command = get_command(app).commands["compare"]  # type: ignore[attr-defined] # a group
    context = command.make_context("compare", [str(SAMPLE)], resilient_parsing=True)
    assert all(isinstance(param._runtime_param, PlainFirst) for param in command.get_params(context))  # noqa: SLF001 - see above
    assert callable(build_runtime_param)
