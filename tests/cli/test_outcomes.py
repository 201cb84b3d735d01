from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from fairpay import errors
from fairpay.cli import main
from fairpay.errors import FairpayError, InputError, Problem

if TYPE_CHECKING:
    from conftest import Door

PROBLEMS = (
    Problem(1, "seconds is negative", "first at row 2"),
    Problem(12_345, "user is empty\n\x1b[31m", "first at row 3"),
)
BAD = InputError("broken.csv: 3 of 4 rows cannot be used", problems=PROBLEMS, advice="Set them aside with --rejects.")
KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, FairpayError)]


def sleeper() -> subprocess.Popen[str]:
    """Start a program that waits inside `ending_at_signals` and says when it is there."""
    script = """
import signal, sys, time
from fairpay.cli.signals import ending_at_signals
signal.signal(signal.SIGINT, signal.default_int_handler)

def run():
    try:
        print("ready", flush=True)
        time.sleep(60)
    finally:
        print("cleaned", flush=True)

sys.exit(ending_at_signals(run, last=True))
"""
    made = subprocess.Popen([sys.executable, "-c", script], stdout=-1, stderr=-1, text=True)
    assert made.stdout is not None
    assert made.stdout.readline() == "ready\n"
    return made


def fairpay(words: str, *, first: str = "pass") -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which `fairpay` is the program; `first` is Python that runs before it."""
    program = f"import sys; {first}; from fairpay.cli import main; sys.exit(main())"
    line = f'set -o pipefail; fairpay() {{ "{sys.executable}" -c "{program}" "$@"; }}; {words}'
    return subprocess.run(["/bin/bash", "-c", line], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_ends_with_its_own_status_and_no_traceback(
    kind: type[FairpayError], door: Door, capsys: pytest.CaptureFixture[str]
) -> None:
    door.fails = kind("it went wrong", advice="Do better.")
    assert main(["compare", "a"]) == kind.status
    assert capsys.readouterr() == ("", "fairpay: it went wrong\nDo better.\n")


def test_all_statuses_of_errors_differ() -> None:
    own = [kind for kind in KINDS if "status" in vars(kind)]
    assert len({kind.status for kind in own}) == len(own) == len(KINDS) - 1


def test_problems_stand_in_a_table_and_cannot_colour_the_screen(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.fails = BAD
    assert main(["compare", "a"]) == 3
    assert capsys.readouterr().err.splitlines() == [
        "fairpay: broken.csv: 3 of 4 rows cannot be used",
        "       1  seconds is negative      first at row 2",
        r"  12,345  user is empty\n\x1b[31m  first at row 3",
        "Set them aside with --rejects.",
    ]


def test_with_json_an_error_is_one_object_on_standard_error(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.fails = BAD
    assert main(["compare", "a", "--json"]) == 3
    out, err = capsys.readouterr()
    assert out == ""
    found = json.loads(err)["error"]
    assert (found["status"], found["kind"], found["message"]) == (3, "InputError", BAD.message)
    assert found["problems"][0] == {"count": 1, "reason": "seconds is negative", "where": "first at row 2"}


def test_json_wanted_by_a_variable_holds_for_errors_too(
    door: Door, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAIRPAY_JSON", "1")
    door.fails = BAD
    assert main(["compare", "a"]) == 3
    assert json.loads(capsys.readouterr().err)["error"]["status"] == 3


@pytest.mark.parametrize(
    "words",
    [["payy"], [], ["compare"], ["compare", "a", "--measure", "x"], ["compare", "a", "--no-such"], ["pay", "a"]],
)
def test_a_wrong_command_line_is_status_2_with_one_sentence(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fairpay: ")
    assert len(err.splitlines()) == 2


def test_a_wrong_command_line_with_json_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--json"]) == 2
    assert json.loads(capsys.readouterr().err)["error"]["status"] == 2


def test_a_fault_of_fairpay_keeps_its_traceback(door: Door) -> None:
    door.fails = ZeroDivisionError("a bug")
    with pytest.raises(ZeroDivisionError):
        main(["compare", "a"])


def test_a_fault_ends_the_process_with_status_1_and_a_plain_traceback() -> None:
    done = fairpay("fairpay compare a", first="import fairpay.cli.compare as c; c.compare = 7")
    assert done.returncode == 1
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert "TypeError" in done.stderr


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_cleans_up_and_ends_by_the_signal(sent: signal.Signals) -> None:
    made = sleeper()
    made.send_signal(sent)
    out, err = made.communicate(timeout=30)
    assert made.returncode == -sent
    assert out == "cleaned\n"
    assert err == "fairpay: interrupted; nothing half-written is left\n"


def test_ctrl_c_inside_a_command_is_130(door: Door, capsys: pytest.CaptureFixture[str]) -> None:
    door.fails = KeyboardInterrupt()
    assert main(["compare", "a"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_a_reader_who_leaves_early_is_no_failure() -> None:
    done = fairpay("fairpay rules | true")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_disk_behind_standard_output_is_status_4() -> None:
    done = fairpay("fairpay rules > /dev/full")
    assert done.returncode == 4
    assert done.stderr == "fairpay: standard output could not be written: No space left on device\n"


def test_a_locale_without_the_characters_gets_escapes_instead_of_a_traceback() -> None:
    done = fairpay("PYTHONIOENCODING=ascii fairpay rules market-centric")
    assert done.returncode == 0
    assert r"\xb7" in done.stdout
