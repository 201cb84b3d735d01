"""Files of text that tasks read."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from fairpay.errors import UsageError
from fairpay.logs.read import Logs, open_logs
from fairpay.pipeline.scattered import layout_of
from fairpay.settings.values import Reading

TASK = """
import pickle, sys
from fairpay.pipeline.scattered import rows_of
for batch in rows_of(pickle.load(open(sys.argv[1], "rb")), 0):
    print(batch.column("c1").to_pylist())
"""


def opened(log: Path, encoding: str | None = None) -> Logs:
    """Open a log."""
    return open_logs(str(log), Reading(encoding=encoding), wanted=("plays",))


def test_a_task_elsewhere_needs_no_copy_that_was_made_here(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_bytes("user,artist,plays\nu,caf\xe9,1\n".encode("latin-1"))
    layout = layout_of(opened(tmp_path / "log.csv", "latin-1"))
    (tmp_path / "sent").write_bytes(pickle.dumps(layout))
    copy = Path(layout.parts[0].source.frames.file.local)  # type: ignore[attr-defined] # of a text file
    assert copy != tmp_path / "log.csv"
    copy.unlink()
    done = subprocess.run([sys.executable, "-c", TASK, tmp_path / "sent"], capture_output=True, text=True, check=False)
    assert done.stdout == "['café']\n", done.stderr


def test_one_file_of_each_kind_goes_with_every_task(tmp_path: Path) -> None:
    for k, head in enumerate(["user,artist,plays", "artist,user,plays", "user,artist,plays"]):
        (tmp_path / f"{k}.csv").write_text(f"{head}\nu,a,1\n", encoding="utf-8")
    layout = layout_of(opened(tmp_path))
    assert [layout.kinds, len(layout.alike.parts)] == [(0, 0, 0), 1]
    (tmp_path / "3.csv").write_text("user;artist;plays\nu;a;1\n", encoding="utf-8")
    assert len(layout_of(opened(tmp_path)).alike.parts) == 2


def test_files_with_types_are_left_to_spark(tmp_path: Path) -> None:
    import polars as pl  # noqa: PLC0415 - for one test

    pl.DataFrame({"user": ["u"], "artist": ["a"]}).write_parquet(tmp_path / "log.parquet")
    with pytest.raises(UsageError, match="Spark is given files of Parquet"):
        layout_of(opened(tmp_path / "log.parquet"))
