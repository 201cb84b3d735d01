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
            pass
failures.status_of(work, failures.Speech(json=False))
"""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_the_program_ends_even_if_the_exception_is_swallowed(number: signal.Signals, status: int) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == status, said.decode()
    assert said.startswith(b"fairpay: interrupted")
