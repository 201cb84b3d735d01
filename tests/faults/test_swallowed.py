"""A signal whose exception is swallowed somewhere still ends the program."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import sys, time
from fairpay.cli import failures
failures.GRACE_SECONDS = 0.3
def work(speech):
    while True:
        try:
            print("begun", flush=True)
            time.sleep(60)
        except BaseException:
            HERE
sys.exit(failures.status_of(work, failures.Speech(json=False)))
"""


@pytest.mark.parametrize("made_of_it", ["pass", "raise AttributeError('a partially imported module')"])
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_program_ends_as_asked_whatever_became_of_the_exception(
    number: signal.Signals, status: int, made_of_it: str
) -> None:
    command = [sys.executable, "-c", PROGRAM.replace("HERE", made_of_it)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == status, said.decode()
    assert said.startswith(b"fairpay: interrupted")
