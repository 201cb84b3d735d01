"""One program, run as a whole process and measured by the kernel.

It is started by a small process of its own (`python measure.py SAID COMMAND...`), since the kernel counts what a
process held before it became another program, and the benchmark itself holds Polars and more.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Measured", "measure"]


class Measured(NamedTuple):
    """What a process took."""

    wall: float
    """Seconds from start to end."""
    cpu: float
    """Seconds of all processors, user and system."""
    peak: float
    """Most memory held at once, GB (resident set)."""


def measure(command: Sequence[str | Path], *, log: Path) -> Measured:
    """Run a command to its end; what it says goes to `log`.

    Raises:
        RuntimeError: when it fails, with the end of what it said.

    """
    starter = [sys.executable, "-I", "-S", __file__, str(log), *map(str, command)]
    status, *figures = json.loads(subprocess.run(starter, check=True, capture_output=True).stdout)
    if status:
        tail = log.read_text(errors="replace")[-500:]
        message = f"{' '.join(map(str, command))} ended with {status}: {tail}"
        raise RuntimeError(message)
    return Measured(*figures)


def start(said: str, command: list[str]) -> None:
    """Run a command and print its status, wall time, processor time and peak memory as JSON."""
    # modules are compiled once, as wherever they are installed
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with open(said, "wb") as file:  # noqa: PTH123 - pathlib would make this process larger
        began = time.monotonic()
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        _, status, used = os.wait4(process.pid, 0)
        wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    figures = [process.returncode, wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1e6]
    print(json.dumps(figures))  # noqa: T201 - how it answers


if __name__ == "__main__":
    start(sys.argv[1], sys.argv[2:])
