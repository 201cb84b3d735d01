"""Malformed inputs end in a word or in the right amounts: never a traceback, an abort, a hang, or rows that vanish."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

WORKER = Path(__file__).parent / "worker.py"
HANGING = 240


def fates(first: int, last: int) -> list[str]:
    """Read a range of inputs; a worker that dies is told of, and another goes on behind the input that killed it."""
    found: list[str] = []
    while first < last:
        command = [sys.executable, str(WORKER), str(first), str(last)]
        environment = {**os.environ, "POLARS_MAX_THREADS": "1", "PYTHONPATH": str(WORKER.parents[2])}
        try:
            done = subprocess.run(command, capture_output=True, check=False, timeout=HANGING, env=environment)
            out, status = done.stdout, done.returncode
        except subprocess.TimeoutExpired as hanging:
            out, status = hanging.stdout or b"", -9
        lines = [line for line in out.decode("utf-8", "replace").split("\n") if line]
        found += [line for line in lines if not line.endswith(" begun")]
        if status == 0:
            break
        last_begun = int(lines[-1].split()[0]) if lines else first
        found.append(f"{last_begun} WRONG process ended with {status}")
        first = last_begun + 1
    return found


def check(first: int, count: int, workers: int) -> Counter[str]:
    """Read inputs side by side; return how many met which fate."""
    step = -(-count // workers)
    with ThreadPoolExecutor(workers) as pool:
        parts = pool.map(lambda at: fates(at, min(at + step, first + count)), range(first, first + count, step))
        found = [line for part in parts for line in part]
    wrong = [line for line in found if " WRONG" in line]
    assert not wrong, f"{len(wrong)} of {count}:\n" + "\n".join(wrong[:30])
    return Counter(line.split(" ", 1)[1] for line in found)


def test_some_malformed_inputs_end_in_words_or_right_amounts() -> None:
    seen = check(0, 150, workers=1)
    assert seen["refused"] > 25
    assert seen["paid"] > 15
    assert seen.total() == 150


@pytest.mark.nightly
def test_ten_thousand_malformed_inputs_end_in_words_or_right_amounts() -> None:
    first = int(os.environ.get("FUZZ_FIRST") or 1000)
    count = int(os.environ.get("FUZZ_COUNT") or 10000)
    assert check(first, count, workers=2).total() == count
