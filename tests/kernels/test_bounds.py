"""The kernels once more with every index checked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
CHECKED = (
    "kernels/test_split.py",
    "pipeline/test_measures.py",
    "rules/test_ties.py",
    "qualify/test_numbers.py",
    "kernels/test_collisions.py",
    "kernels/test_packing.py",
    "engine/test_subscribers.py",
)
"""Between them they call every kernel that others call."""
LARGER = ("engine/test_local.py", "engine/test_pools.py")


@pytest.mark.parametrize("names", [CHECKED, pytest.param(LARGER, marks=pytest.mark.nightly)])
def test_no_kernel_leaves_its_arrays(names: tuple[str, ...]) -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            "--hypothesis-profile=few",
            *(str(TESTS / name) for name in names),
        ],
        env={**os.environ, "NUMBA_BOUNDSCHECK": "1"},
        cwd=TESTS.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert " passed" in done.stdout


def test_the_checks_are_switched_on_by_that() -> None:
    program = """
import numpy as np
from fairpay.kernels.split import add_amounts
try:
    add_amounts(np.array([5], dtype=np.uint32), np.array([1]), np.zeros(3, dtype=np.int64))
except IndexError:
    print("checked")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "NUMBA_BOUNDSCHECK": "1"}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "checked"
