"""The whole program, killed, starved of disk, and run twice at once: no run, or a whole one."""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from fairpay.runs.verify import verify

sys.path.insert(0, str(Path(__file__).parent))
from program import COMPARE, FAIRPAY, again, present, run, start, tables

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Where a run goes, alone in its parent directory."""
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs" / "out"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """An undisturbed run, and how long a warm one takes."""
    place = tmp_path_factory.mktemp("whole") / "runs"
    assert again(place / "cold") == 0  # kernels are compiled before time is taken
    began = time.monotonic()
    status, said = run(place / "warm")
    assert status == 0, said
    return place / "warm", time.monotonic() - began


def is_whole(out: Path) -> bool:
    """Whether a run verifies."""
    return all(control.ok for control in verify(out))


SIGNALS = {signal.SIGKILL: 1, signal.SIGTERM: 0, signal.SIGINT: 1}
"""Those that are sent, and the one moment of each that is tried by day."""
MOMENTS = [
    pytest.param(number, moment, marks=() if moment == by_day else pytest.mark.nightly)
    for number, by_day in SIGNALS.items()
    for moment in range(20)
]


@pytest.mark.parametrize(("number", "moment"), MOMENTS)
def test_stopped_at_any_moment_there_is_no_run_or_a_whole_one(
    out: Path, whole: tuple[Path, float], moment: int, number: signal.Signals
) -> None:
    expected, seconds = whole
    late = moment % 2  # every other moment is near the end, where the files are written
    wait = random.Random(moment).uniform(0.6 * seconds if late else 0, 1.1 * seconds)  # noqa: S311 - no secret
    with start(out) as process:
        time.sleep(wait)
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    if number != signal.SIGKILL:
        assert process.returncode in {0, -number}, said.decode()
        assert present(out.parent) in ([], ["out"])
    assert b"Traceback" not in said or process.returncode == -number
    assert not out.exists() or is_whole(out)
    assert again(out) == 0
    assert tables(out) == tables(expected)
    assert present(out.parent) == ["out"]


@pytest.mark.parametrize("size", [700, 7_000, *(pytest.param(size, marks=pytest.mark.nightly) for size in (0, 4_000))])
def test_a_full_disk_leaves_nothing(out: Path, size: int) -> None:
    limit = partial(resource.setrlimit, resource.RLIMIT_FSIZE, (size, size))
    status, said = run(out, limit=limit)
    assert (status, present(out.parent)) == (4, []), said
    assert "could not be written" in said
    assert "Traceback" not in said


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 20 kB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20k", "tmpfs", disk], check=False, capture_output=True)  # noqa: S607 - wherever it is
    if made.returncode:
        pytest.skip("only root can mount a small file system")
    yield disk
    subprocess.run(["umount", disk], check=True)  # noqa: S607 - the same


def test_a_full_file_system_leaves_nothing(small_disk: Path) -> None:
    status, said = run(small_disk / "out")
    assert (status, present(small_disk)) == (4, []), said
    assert "No space left on device" in said


def test_a_read_only_file_system_is_an_output_error(small_disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)  # noqa: S607 - wherever it is
    status, said = run(small_disk / "out")
    assert status == 4, said
    assert "Read-only file system" in said


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_directory_one_may_not_write_to_is_an_output_error(out: Path) -> None:
    out.parent.chmod(0o555)
    status, said = run(out)
    out.parent.chmod(0o755)
    assert status == 4, said
    assert "Permission denied" in said


def test_of_two_runs_at_once_one_wins(out: Path, whole: tuple[Path, float]) -> None:
    with start(out) as one, start(out) as other:
        said = one.communicate(timeout=120)[1] + other.communicate(timeout=120)[1]
    statuses = sorted((one.returncode, other.returncode))
    assert statuses in ([0, 0], [0, 6]), said
    assert b"Traceback" not in said
    assert tables(out) == tables(whole[0])
    assert is_whole(out)
    assert present(out.parent) == ["out"]


def test_the_same_run_again_is_already_done(out: Path, whole: tuple[Path, float]) -> None:
    shutil.copytree(whole[0], out)
    before = {path.name: path.stat().st_mtime_ns for path in out.iterdir()}
    assert again(out) == 0
    assert before == {path.name: path.stat().st_mtime_ns for path in out.iterdir()}


def test_another_run_needs_force(out: Path, whole: tuple[Path, float]) -> None:
    shutil.copytree(whole[0], out)
    assert again(out, "--min-seconds", "31") == 7
    assert again(out, "--min-seconds", "31", "--force") == 0
    assert is_whole(out)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
@pytest.mark.parametrize(
    "arguments", [pytest.param(COMPARE[:-1], marks=pytest.mark.nightly), (*COMPARE[:-1], "--json"), ("rules",)]
)
def test_a_standard_output_that_is_full_is_an_output_error(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run([FAIRPAY, *arguments], check=False, stdout=full, stderr=subprocess.PIPE, timeout=120)
    assert done.returncode == 4
    assert b"Traceback" not in done.stderr
