"""A signal ends the program whatever an import or a library makes of its exception."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

PROGRAM = """
import sys, time
from fairpay.cli.signals import ending_at_signals
def work():
    try:
        print("begun", flush=True)
        time.sleep(60)
    except BaseException:
        raise AttributeError('a partially imported module')
sys.exit(ending_at_signals(work, last=True))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_program_ends_as_asked_whatever_became_of_the_exception(number: signal.Signals) -> None:
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(number)
        _, said = process.communicate(timeout=30)
    assert process.returncode == -number, said.decode()
    assert said.startswith(b"fairpay: interrupted")
