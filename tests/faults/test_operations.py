"""The N-th operation on the file system fails, for N = 1, 2, ... until a run succeeds (SQLite's loop)."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from itertools import count
from typing import TYPE_CHECKING

import pytest
from faulty import Fault
from runs import publish_run, snapshot

from fairpay.errors import OutputError
from fairpay.runs import disk
from fairpay.runs.verify import verify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

MOST = 60
"""More operations than a run of three files takes."""


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """An input file."""
    path = tmp_path / "listens.csv"
    path.write_text("user,artist\nu,a\n")
    return path


@pytest.fixture(params=[False, True], ids=["once", "lasting"])
def lasting(request: pytest.FixtureRequest) -> bool:
    """Whether the disk stays broken."""
    return bool(request.param)


def attempt(place: Path, log: Path, fault: Fault, *, force: bool) -> None:
    """Publish with a fault; an error must be one that a user can meet."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(disk, "before", fault)
        raised = outcome_of(lambda: publish_run(place / "out", log, force=force, fee=("5.00", "flag")))
    assert raised is None or raised is fault.error or raised.__cause__ is fault.error


def outcome_of(work: Callable[[], object]) -> BaseException | None:
    """What a user meets: nothing, an error of fairpay, or the interrupt they caused."""
    try:
        work()
    except (OutputError, KeyboardInterrupt) as raised:
        return raised
    return None


def is_whole(directory: Path) -> bool:
    """Whether a run verifies."""
    return all(control.ok for control in verify(directory))


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "full"),
        pytest.param(OSError(errno.EIO, "broken"), marks=pytest.mark.nightly),
        KeyboardInterrupt(),
    ],
)
def test_there_is_no_run_or_a_whole_one_and_no_litter_whichever_operation_fails(
    tmp_path: Path, log: Path, error: BaseException, *, lasting: bool
) -> None:
    for at in range(1, MOST):
        place = tmp_path / str(at)
        fault = Fault(at, error, lasting=lasting)
        attempt(place, log, fault, force=False)
        assert not (place / "out").exists() or is_whole(place / "out")
        litter = {path.name for path in place.iterdir()} - {"out"}
        assert lasting or (len(litter) <= 1 and all(name.startswith(".out.fairpay-") for name in litter))
        assert publish_run(place / "out", log, fee=("5.00", "flag")) in {"done", "already"}
        assert is_whole(place / "out")
        assert [path.name for path in place.iterdir()] == ["out"]
        if not fault.due:
            break
    assert 10 < at < MOST - 1


@pytest.mark.parametrize("exchanging", [True, False], ids=["exchange", "aside"])
def test_the_old_run_or_the_new_one_is_there_whichever_operation_fails(
    tmp_path: Path, log: Path, monkeypatch: pytest.MonkeyPatch, *, exchanging: bool, lasting: bool
) -> None:
    if not exchanging:
        monkeypatch.setattr(disk, "exchange", lambda *_: False)
    for at in range(1, MOST):
        place = tmp_path / str(at)
        publish_run(place / "out", log)
        fault = Fault(at, OSError(errno.ENOSPC, "full"), lasting=lasting)
        attempt(place, log, fault, force=True)
        if exchanging or not lasting:
            assert is_whole(place / "out")
        assert publish_run(place / "out", log, fee=("5.00", "flag"), force=True) in {"done", "already"}
        assert is_whole(place / "out")
        assert [path.name for path in place.iterdir()] == ["out"]
        if not fault.due:
            break
    assert 10 < at < MOST - 1


DYING = """
import json, os, sys
from pathlib import Path
from fairpay.runs import disk
from fairpay.runs.publish import Target
def write(path):
    with disk.open_new(path) as file:
        file.write(b"x" * 3_000_000)
def die(out, at, way, fingerprint):
    seen = 0
    def before(operation, path):
        nonlocal seen
        seen += 1
        if seen == at:
            os.kill(os.getpid(), 9)
    disk.before = before
    if way == "aside":
        disk.exchange = lambda *_: False
    files, manifest = {"a": write, "b": write}, {"inputs": [], "controls": []}
    with Target(Path(out), force=True) as target:
        target.publish(files=files, manifest=manifest, fingerprint=fingerprint)
for line in sys.stdin:
    child = os.fork()
    if not child:
        die(*json.loads(line))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""


@pytest.fixture(scope="module")
def die() -> Iterator[Callable[[Path, int, str, str], int]]:
    """Publish in a process that is killed at its N-th operation, and return how it ended.

    Each is a child of one that has loaded what it needs.
    """
    with subprocess.Popen(
        [sys.executable, "-c", DYING], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:

        def ended(out: Path, at: int, way: str, fingerprint: str) -> int:
            assert run.stdin is not None
            assert run.stdout is not None
            run.stdin.write(json.dumps([str(out), at, way, fingerprint]) + "\n")
            run.stdin.flush()
            return int(run.stdout.readline())

        yield ended


@pytest.mark.parametrize(
    ("way", "step"),
    [
        ("exchange", 4),
        ("aside", 5),
        *(pytest.param(way, 1, marks=pytest.mark.nightly) for way in ("exchange", "aside")),
    ],
)
def test_killed_at_any_operation_the_next_start_finds_a_whole_run(
    tmp_path: Path, die: Callable[[Path, int, str, str], int], way: str, step: int
) -> None:
    out = tmp_path / "out"
    assert die(out, 0, way, "old") == 0
    for at in count(1, step):
        status = die(out, at, way, "new")
        assert die(out, 1_000, way, "old") == 0
        assert is_whole(out)
        assert sorted(os.listdir(tmp_path)) == ["out"]  # noqa: PTH208 - names alone are wanted
        if status == 0:
            break
    assert at > 10


def test_killed_at_the_first_operations_nothing_is_published(
    tmp_path: Path, die: Callable[[Path, int, str, str], int]
) -> None:
    assert die(tmp_path / "out", 3, "exchange", "new") == -9
    assert not (tmp_path / "out").exists()
    before = snapshot(tmp_path)
    assert any(name.endswith(".tmp") for name in before)
