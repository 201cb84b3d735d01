"""At every moment there is no run at its directory, or a whole one that verifies."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from runs import publish_run, snapshot, table, writers

from fairpay.errors import DifferentRunError, LockedError, OutputError
from fairpay.runs import disk
from fairpay.runs.publish import Target
from fairpay.runs.verify import verify

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """An input file."""
    path = tmp_path / "listens.csv"
    path.write_text("user,artist\nu,a\n")
    return path


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory of its own for runs, so that litter beside them is seen."""
    return tmp_path / "runs"


@pytest.fixture(params=[True, False], ids=["exchange", "aside"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Replace a run in one step, and as on systems that cannot."""
    if not request.param:
        monkeypatch.setattr(disk, "exchange", lambda *_: False)
    return


def test_a_run_is_published_and_verifies(place: Path, log: Path) -> None:
    assert publish_run(place / "out", log) == "done"
    assert all(control.ok for control in verify(place / "out"))


def test_nothing_lies_beside_a_published_run(place: Path, log: Path) -> None:
    publish_run(place / "out", log)
    assert [path.name for path in place.iterdir()] == ["out"]


def test_the_same_run_again_is_already_done_and_writes_nothing(place: Path, log: Path) -> None:
    publish_run(place / "out", log)
    before = {path.name: path.stat().st_mtime_ns for path in (place / "out").iterdir()}
    assert publish_run(place / "out", log) == "already"
    assert before == {path.name: path.stat().st_mtime_ns for path in (place / "out").iterdir()}


def test_another_finished_run_is_refused_and_kept(place: Path, log: Path) -> None:
    publish_run(place / "out", log)
    before = snapshot(place)
    with pytest.raises(DifferentRunError, match="another finished run") as refused:
        publish_run(place / "out", log, fee=("5.00", "flag"))
    assert "--force" in refused.value.advice
    assert snapshot(place) == before


@pytest.mark.usefixtures("way")
def test_force_replaces_another_run(place: Path, log: Path) -> None:
    publish_run(place / "out", log)
    assert publish_run(place / "out", log, fee=("5.00", "flag"), force=True) == "done"
    assert '"5.00"' in (place / "out" / "manifest.json").read_text()
    assert [path.name for path in place.iterdir()] == ["out"]


def test_the_same_run_that_was_changed_by_hand_is_not_called_done(place: Path, log: Path) -> None:
    publish_run(place / "out", log)
    (place / "out" / "comparison.csv").write_text("edited")
    with pytest.raises(DifferentRunError, match=r"comparison\.csv was changed"):
        publish_run(place / "out", log)


def test_force_puts_a_changed_run_right(place: Path, log: Path) -> None:
    publish_run(place / "out", log)
    (place / "out" / "comparison.csv").write_text("edited")
    assert publish_run(place / "out", log, force=True) == "done"
    assert all(control.ok for control in verify(place / "out"))


def test_an_empty_directory_is_taken(place: Path, log: Path) -> None:
    (place / "out").mkdir(parents=True)
    assert publish_run(place / "out", log) == "done"


@pytest.mark.parametrize("force", [False, True])
def test_a_directory_that_is_not_a_run_is_never_touched(place: Path, log: Path, *, force: bool) -> None:
    (place / "out").mkdir(parents=True)
    (place / "out" / "thesis.txt").write_text("years of work")
    before = snapshot(place)
    with pytest.raises(OutputError, match="not a run"):
        publish_run(place / "out", log, force=force)
    assert snapshot(place) == before


def test_a_file_someone_put_into_a_run_is_never_removed(place: Path, log: Path) -> None:
    publish_run(place / "out", log)
    (place / "out" / "notes.txt").write_text("approved by Ann")
    with pytest.raises(OutputError, match=r"notes\.txt"):
        publish_run(place / "out", log, fee=("5.00", "flag"), force=True)
    assert (place / "out" / "notes.txt").read_text() == "approved by Ann"


def test_a_file_at_the_directory_is_refused(place: Path, log: Path) -> None:
    place.mkdir()
    (place / "out").write_text("a file")
    with pytest.raises(OutputError, match="is a file"):
        publish_run(place / "out", log)


def test_a_foreign_directory_is_refused_before_the_work(place: Path) -> None:
    (place / "out").mkdir(parents=True)
    (place / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError), Target(place / "out"):
        pytest.fail("the work began")


def test_two_runs_at_once_one_is_locked_out(place: Path, log: Path) -> None:
    with Target(place / "out"), pytest.raises(LockedError):
        publish_run(place / "out", log)
    assert publish_run(place / "out", log) == "done"


def test_runs_to_directories_side_by_side_do_not_lock_each_other(place: Path, log: Path) -> None:
    with Target(place / "october"):
        assert publish_run(place / "november", log) == "done"


def test_a_symlink_to_the_directory_is_the_same_directory(place: Path, log: Path) -> None:
    place.mkdir()
    (place / "latest").symlink_to(place / "out")
    with Target(place / "latest"), pytest.raises(LockedError):
        publish_run(place / "out", log)
    assert publish_run(place / "latest", log) == "done"
    assert publish_run(place / "out", log) == "already"


def test_the_lock_goes_with_a_killed_process(place: Path, log: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from fairpay.runs.publish import Target\n"
        "with Target(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(place / "out")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        with pytest.raises(LockedError):
            publish_run(place / "out", log)
        holder.send_signal(signal.SIGKILL)
    assert publish_run(place / "out", log) == "done"
    assert [path.name for path in place.iterdir()] == ["out"]


@pytest.mark.parametrize("step", ["filelock.FileLock.acquire", "fairpay.runs.disk.remove_file"])
def test_a_signal_while_the_lock_is_taken_or_given_back_leaves_no_lock(
    place: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def interrupted(*_: object) -> None:
        monkeypatch.undo()
        raise KeyboardInterrupt

    monkeypatch.setattr(step, interrupted)
    with pytest.raises(KeyboardInterrupt), Target(place / "out"):
        pass
    assert list(place.iterdir()) == []


def test_what_a_killed_run_left_is_removed_at_the_next_start(place: Path, log: Path) -> None:
    left = place / ".out.fairpay-1a2b3c4d.tmp"
    left.mkdir(parents=True)
    (left / "comparison.csv").write_text("half")
    other = place / ".outer.fairpay-1a2b3c4d.tmp"
    other.mkdir()
    publish_run(place / "out", log)
    assert sorted(path.name for path in place.iterdir()) == [".outer.fairpay-1a2b3c4d.tmp", "out"]


def test_a_run_set_aside_by_a_killed_run_is_brought_back(place: Path, log: Path) -> None:
    publish_run(place / "out", log)
    (place / "out").rename(place / ".out.fairpay-old")
    with Target(place / "out"):
        pass
    assert all(control.ok for control in verify(place / "out"))


def test_a_run_set_aside_is_removed_where_the_new_one_is_in_place(place: Path, log: Path) -> None:
    publish_run(place / "out", log)
    shutil.copytree(place / "out", place / ".out.fairpay-old")
    with Target(place / "out"):
        assert not (place / ".out.fairpay-old").exists()
    assert all(control.ok for control in verify(place / "out"))


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_leaves_nothing(place: Path, log: Path, stop: type[BaseException]) -> None:
    def interrupted(path: Path) -> None:
        path.write_text("half")
        raise stop

    with pytest.raises(stop):
        publish_run(place / "out", log, files={**writers(), "last.csv": interrupted})
    assert list(place.iterdir()) == []


def test_an_error_of_a_writer_keeps_the_run_that_was_there(place: Path, log: Path) -> None:
    def full(path: Path) -> None:
        raise OSError(28, os.strerror(28), str(path))

    publish_run(place / "out", log)
    before = snapshot(place)
    with pytest.raises(OutputError, match="No space left on device"):
        publish_run(place / "out", log, fee=("5.00", "flag"), force=True, files={**writers(), "last.csv": full})
    assert snapshot(place) == before


def test_an_error_of_one_of_several_threads_leaves_nothing_and_begins_no_more_files(place: Path) -> None:
    begun = []

    def full(path: Path) -> None:
        begun.append(path.name)
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match="No space left"), Target(place / "out", threads=2) as target:
        target.publish(files={f"{n}.csv": full for n in range(10_000)}, manifest={}, fingerprint="")
    assert list(place.iterdir()) == []
    assert len(begun) < 10_000


def test_a_parent_that_is_a_file_is_an_output_error(tmp_path: Path, log: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="could not be written"):
        publish_run(tmp_path / "file" / "out", log)


def test_missing_parents_are_made(place: Path, log: Path) -> None:
    assert publish_run(place / "2026" / "10" / "out", log) == "done"


def test_the_same_table_gives_the_same_bytes_however_it_is_cut(place: Path, log: Path) -> None:
    import pyarrow as pa  # noqa: PLC0415 - for this test only

    cut = pa.concat_tables([table().slice(k, 1) for k in range(3)])
    publish_run(place / "whole", log)
    publish_run(place / "cut", log, files=writers(cut))
    for name in ("comparison.parquet", "comparison.csv"):
        assert (place / "whole" / name).read_bytes() == (place / "cut" / name).read_bytes()
