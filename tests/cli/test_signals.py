"""Signals that come before anything is loaded, and after everything is done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROGRAM = "import sys; from fairpay.cli import main; sys.exit(main())"
LINE = "fairpay: interrupted; nothing half-written is left\n"
SENT = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture(autouse=True)
def _hangups_are_heard() -> Iterator[None]:
    """A program that is started by one that ignores SIGHUP, as under `nohup`, ignores it, too."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def started(place: Path, module: str, first: str) -> subprocess.Popen[str]:
    """Start the program with a module of ours in the place of one it loads, and wait until that says a word."""
    (place / f"{module}.py").write_text(f"import time\n{first}\nprint('loading', flush=True)\ntime.sleep(60)\n")
    env = {**os.environ, "PYTHONPATH": str(place)}
    made = subprocess.Popen([sys.executable, "-c", PROGRAM, "rules"], stdout=-1, stderr=-1, text=True, env=env)
    assert made.stdout is not None
    assert made.stdout.readline() == "loading\n"
    return made


@pytest.mark.parametrize("sent", SENT)
def test_a_signal_while_the_program_is_loaded_ends_it_with_one_line(tmp_path: Path, sent: signal.Signals) -> None:
    made = started(tmp_path, "typer", "")
    made.send_signal(sent)
    assert (made.communicate(timeout=30), made.returncode) == (("", LINE), -sent)


def test_a_signal_that_an_import_takes_for_its_own_error_still_counts(tmp_path: Path) -> None:
    body = "try:\n    print('loading', flush=True)\n    time.sleep(60)"
    first = f"{body}\nexcept BaseException as problem:\n    raise ImportError('odd') from problem"
    made = started(tmp_path, "typer", first)
    made.send_signal(signal.SIGTERM)
    assert (made.communicate(timeout=30), made.returncode) == (("", LINE), -signal.SIGTERM)


def test_a_signal_at_pythons_own_end_leaves_no_traceback() -> None:
    program = (
        "import atexit, sys, time; from fairpay.cli import main\nstatus = main()\n"
        "atexit.register(lambda: (print('ending', flush=True), time.sleep(60)))\nsys.exit(status)"
    )
    made = subprocess.Popen([sys.executable, "-c", program, "--version"], stdout=-1, stderr=-1, text=True)
    assert made.stdout is not None
    while made.stdout.readline() != "ending\n":
        pass
    made.send_signal(signal.SIGINT)
    assert (made.communicate(timeout=30)[1], made.returncode) == ("", -signal.SIGINT)


def test_what_does_not_end_after_a_signal_is_killed() -> None:
    program = (
        "import time\nfrom fairpay.cli import signals\nsignals.GRACE_SECONDS = 0.2\n"
        "def run():\n    while True:\n        try:\n            print('on', flush=True)\n            time.sleep(60)\n"
        "        except BaseException:\n            pass\nsignals.ending_at_signals(run, last=True)"
    )
    made = subprocess.Popen([sys.executable, "-c", program], stdout=-1, stderr=-1, text=True)
    assert made.stdout is not None
    assert made.stdout.readline() == "on\n"
    made.send_signal(signal.SIGTERM)
    assert "goes at the next run" in made.communicate(timeout=30)[1]
    assert made.returncode == -signal.SIGKILL


def test_a_program_that_calls_main_with_words_has_its_own_signals_back() -> None:
    program = (
        "import signal\nfrom fairpay.cli import main\nmain(['--version'])\n"
        "print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "True"
