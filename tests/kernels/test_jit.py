"""Where compiled kernels are kept, and what happens when they cannot be."""

from __future__ import annotations

import os
import pickle
import random
import subprocess
import sys
from typing import TYPE_CHECKING

import numba
import numpy as np
import pytest

from fairpay.kernels import _jit
from fairpay.kernels.split import add_amounts

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = """
import numpy as np
from fairpay.kernels.split import add_amounts
out = np.zeros(3, dtype=np.int64)
add_amounts(np.array([2, 0, 2], dtype=np.uint32), np.array([5, 7, 1]), out)
hits = sum(add_amounts.stats.cache_hits.values())
print(out.tolist(), hits)
"""


def started(cache: Path) -> subprocess.Popen[str]:
    """Start a run of a kernel that keeps its code in a folder."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "FAIRPAY_CACHE_DIR": str(cache)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(run: subprocess.Popen[str]) -> str:
    """Wait for a run; it must have nothing to complain about. Return what it printed."""
    out, err = run.communicate()
    assert (run.returncode, err) == (0, "")
    return out.strip()


def test_runs_that_start_at_once_leave_a_cache_the_next_one_uses(tmp_path: Path) -> None:
    runs = [started(tmp_path) for _ in range(2)]
    for run in runs:
        assert ended(run).startswith("[7, 0, 6]")
    assert ended(started(tmp_path)) == "[7, 0, 6] 1"


def anew(cache: Path) -> tuple[list[int], int]:
    """Run the kernel as a process does that has not met it yet; return the sums, and how often code was loaded."""
    kernel = numba.njit(nogil=True)(add_amounts.py_func)  # type: ignore[attr-defined] # a dispatcher of Numba's
    _jit.keep_in(cache, kernel)
    out = np.zeros(3, dtype=np.int64)
    kernel(np.array([2, 0, 2], dtype=np.uint32), np.array([5, 7, 1]), out)
    return out.tolist(), sum(kernel.stats.cache_hits.values())


@pytest.mark.parametrize("trial", [*range(5), *(pytest.param(k, marks=pytest.mark.nightly) for k in range(5, 70))])
def test_a_cache_with_a_flipped_bit_is_thrown_away_and_compiled_anew(tmp_path: Path, trial: int) -> None:
    assert anew(tmp_path) == ([7, 0, 6], 0)
    chance = random.Random(trial)  # noqa: S311 - no secret
    struck = chance.choice(sorted(tmp_path.rglob("*.nbi" if trial % 5 == 0 else "*.nbc")))
    bits = bytearray(struck.read_bytes())
    bits[chance.randrange(len(bits))] ^= 1 << chance.randrange(8)
    struck.write_bytes(bits)
    assert anew(tmp_path) == ([7, 0, 6], 0)
    assert anew(tmp_path) == ([7, 0, 6], 1)


def test_an_index_of_somebody_else_is_never_unpickled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    anew(tmp_path)
    indexes = [*tmp_path.rglob("*.nbi")]
    for index in indexes:
        index.write_bytes(pickle.dumps(Print()))
    assert anew(tmp_path) == ([7, 0, 6], 0)
    assert (len(indexes), capsys.readouterr().out) == (1, "")


class Print:
    """What prints when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Say so."""
        return print, ("unpickled",)


def test_without_a_folder_to_write_to_the_run_still_works(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert ended(started(file / "below")) == "[7, 0, 6] 0"


def test_checked_and_unchecked_kernels_are_kept_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """Numba's own cache would hand out the one for the other."""
    before = _jit.fingerprint()
    monkeypatch.setenv("NUMBA_BOUNDSCHECK", "other")
    assert _jit.fingerprint() != before


@pytest.mark.parametrize(
    ("system", "variables", "wanted"),
    [
        ("linux", {"XDG_CACHE_HOME": "/x"}, "/x"),
        ("linux", {"HOME": "/h"}, "/h/.cache"),
        ("darwin", {"HOME": "/h"}, "/h/Library/Caches"),
        ("win32", {"LOCALAPPDATA": "/l"}, "/l"),
        ("linux", {"XDG_CACHE_HOME": "/x", "FAIRPAY_CACHE_DIR": "/f"}, "/f"),
    ],
)
def test_each_platform_has_its_own_folder(
    system: str, variables: dict[str, str], wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("XDG_CACHE_HOME", "FAIRPAY_CACHE_DIR", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(_jit.sys, "platform", system)
    assert _jit.user_cache().as_posix() == wanted
